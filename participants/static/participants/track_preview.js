/* The preview of a tier track, shown on the page of its form. */
"use strict";

{
    const button = document.getElementById("track-preview-button");
    const result = document.getElementById("track-preview-result");

    button.addEventListener("click", async (event) => {
        event.preventDefault();
        button.disabled = true;
        result.textContent = "Counting …";
        try {
            const answer = await fetch(button.formAction, {
                method: "POST",
                body: new FormData(button.form),
                headers: { "X-Fragment": "1" },
            });
            const page = new DOMParser().parseFromString(await answer.text(), "text/html");
            result.replaceChildren(...(answer.status < 500 ? page.body.childNodes : ["The server could not count. Try again."]));
        } catch {
            result.textContent = "The server did not answer. Try again.";
        }
        button.disabled = false;
    });

    // It no longer belongs to the form as it stands.
    button.form.addEventListener("input", () => result.replaceChildren());
}
