// Asks before leaving a form whose edits are not saved.
"use strict";

{
    const form = document.getElementById("participant_form");
    const written = () => new URLSearchParams(new FormData(form)).toString();
    let saved = null;

    if (form) {
        // After the scripts that rebuild fields, and what a browser fills in when one goes back.
        window.addEventListener("load", () => { saved = document.querySelector(".errornote") ? "" : written(); });
        form.addEventListener("submit", () => { saved = null; });
        window.addEventListener("beforeunload", (event) => {
            if (saved !== null && saved !== written()) {
                event.preventDefault();
            }
        });
    }
}
