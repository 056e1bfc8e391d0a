// Offers to copy the key where the browser allows it, which it does on secure pages only.
"use strict";

const shown = document.querySelector(".issued-key");
const button = shown.querySelector("button");

if (navigator.clipboard) {
    button.hidden = false;
    button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(shown.querySelector("#issued-key").textContent);
        button.textContent = "Copied";
    });
}
