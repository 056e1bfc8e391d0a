// Hides what the chosen action does not ask. Without it all fields stand there, and the server refuses what does not fit.
"use strict";

{
    const form = document.getElementById("adjust_form");
    const requested = {
        bucket: ["CREDIT", "DEBIT", "FORFEIT"],
        matures_at: ["CREDIT"],
        allow_negative: ["DEBIT"],
    };

    const fit = () => {
        for (const [name, actions] of Object.entries(requested)) {
            const field = form.elements[name];
            field.disabled = !actions.includes(form.elements.action.value); // and so it is not sent
            form.querySelector(`.field-${name}`).hidden = field.disabled;
        }
    };

    if (form) {
        form.elements.action.addEventListener("change", fit);
        // Going back, a browser fills in the form after scripts have run.
        window.addEventListener("pageshow", fit);
        fit();
    }
}
