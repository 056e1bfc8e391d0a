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
}
