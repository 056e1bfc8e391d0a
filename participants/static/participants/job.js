/* The page of a job that is not finished: its progress, read again each second, and the whole page when its status is another. */
"use strict";

{
    const job = document.getElementById("job");

    async function follow() {
        try {
            const answer = await fetch(location.href, { redirect: "error" });
            const page = new DOMParser().parseFromString(await answer.text(), "text/html");
            const now = page.getElementById("job");
            if (now && now.dataset.status !== job.dataset.status) {
                location.reload();
                return;
            }
            if (now) {
                const bar = document.getElementById("job-bar");
                bar.max = page.getElementById("job-bar").max;
                bar.value = page.getElementById("job-bar").value;
                document.getElementById("job-done").textContent = page.getElementById("job-done").textContent;
            }
        } catch {
            // The server is away; look again.
        }
        setTimeout(follow, 1000);
    }

    setTimeout(follow, 1000);
}
