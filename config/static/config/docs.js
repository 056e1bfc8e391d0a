// What Swagger UI's page lacks: its dark colors where the reader wants dark ones, and what those need who hear it.
"use strict";
{
    const page = document.documentElement;
    const darkness = window.matchMedia("(prefers-color-scheme: dark)");

    function shade() {
        const theme = page.dataset.theme;
        page.classList.toggle("dark-mode", theme === "dark" || (theme !== "light" && darkness.matches));
    }

    function mend() {
        document.getElementById("servers")?.setAttribute("aria-label", "Server");
        // A link inside a button cannot be reached; the button puts the same address into the bar.
        for (const link of document.querySelectorAll(".opblock-summary-control a[href]")) {
            link.removeAttribute("href");
        }
    }

    shade();
    darkness.addEventListener("change", shade);
    new MutationObserver(mend).observe(document.getElementById("swagger-ui"), {childList: true, subtree: true});
}
