// What every page of the admin does: "/" leads to the search, and leaving a form with unsaved edits asks first.
"use strict";
{
    document.addEventListener("keydown", (event) => {
        const typing = event.target.closest("input, textarea, select, [contenteditable]");
        if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) {
            return;
        }
        const find = document.getElementById("find") ?? document.getElementById("searchbar");
        if (find) {
            event.preventDefault();
            find.focus();
            find.select();
        }
    });

    // Django's widgets leave those who hear the page without names: select2's boxes, and the icons of filtered choices.
    function name() {
        for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
            const text = select.getAttribute("aria-label") ?? select.labels[0]?.textContent.replace(/:\s*$/, "");
            const box = select.nextElementSibling?.querySelector("[role=combobox]");
            if (box && text) {
                box.removeAttribute("aria-labelledby");
                box.setAttribute("aria-label", text);
                const shown = box.querySelector(".select2-selection__rendered");
                shown?.removeAttribute("role");
                shown?.removeAttribute("aria-readonly");
            }
        }
        for (const icon of document.querySelectorAll(".search-label-icon")) {
            icon.setAttribute("role", "img");
        }
    }
    new MutationObserver(name).observe(document.body, {childList: true, subtree: true});

    // Unsaved edits: a form of an object's page, or one that says so.
    const watched = document.querySelector("body.change-form #content form[method=post], form[data-unsaved]");
    if (watched) {
        let saved = serialized();
        let leaving = false;

        function serialized() {
            return new URLSearchParams(
                [...new FormData(watched)].map(([key, value]) => [key, value instanceof File ? value.name : value]),
            ).toString();
        }
        // What scripts fill in while the page loads is no edit.
        window.addEventListener("load", () => setTimeout(() => (saved = serialized())));
        document.addEventListener("submit", (event) => (leaving = !event.defaultPrevented));
        window.addEventListener("beforeunload", (event) => {
            if (!leaving && serialized() !== saved) {
                event.preventDefault();
            }
        });
    }
}
