/* The page of a job that is not finished: its progress, read again each second, and the whole page when it is. */
"use strict";

{
    const bar = document.getElementById("job-bar");
    const done = document.getElementById("job-done");

    async function follow() {
        let status = "";
        try {
            const answer = await fetch(location.href, { redirect: "error" });
            const page = new DOMParser().parseFromString(await answer.text(), "text/html");
            const job = page.getElementById("job");
            status = job ? job.dataset.status : "";
            const newBar = page.getElementById("job-bar");
            if (!job) {
                return;
            }
            if (!newBar) {
                location.reload();
                return;
            }
            bar.max = newBar.max;
            bar.value = newBar.value;
            done.textContent = page.getElementById("job-done").textContent;
        } catch {
            // The server is away; look again.
        }
        setTimeout(follow, 1000);
    }

    setTimeout(follow, 1000);
}
