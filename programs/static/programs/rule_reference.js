// The reference beside the editor: finds names and inserts them at the cursor's last position.
"use strict";

{
    const reference = document.getElementById("rule-reference");
    const live = document.getElementById("rule-reference-live");
    const find = document.getElementById("rule-reference-find");
    const subjects = [...reference.querySelectorAll("details")];
    const wereOpen = new Map(subjects.map((subject) => [subject, subject.open]));

    const insert = (text) => {
        const { Code: { latest }, condition } = window.laurelRule;
        const isUsable = latest?.field.isConnected && !latest.field.disabled;
        (isUsable ? latest : condition).insert(text);
        live.textContent = `Inserted ${text}`;
    };

    reference.addEventListener("click", ({ target: clicked }) => {
        const button = clicked.closest("[data-insert]");
        if (button) {
            insert(button.dataset.insert);
        }
    });

    const search = () => {
        const wanted = find.value.trim().toLowerCase();
        let count = 0;
        for (const subject of subjects) {
            const items = [...subject.querySelectorAll("li")];
            for (const item of items) {
                item.hidden = !item.dataset.words.toLowerCase().includes(wanted);
            }
            const found = items.filter((item) => !item.hidden).length;
            count += found;
            subject.hidden = !found;
            subject.open = wanted ? Boolean(found) : wereOpen.get(subject);
        }
        live.textContent = wanted ? `${count} found` : "";
    };

    find.closest("[hidden]").hidden = false;
    find.addEventListener("input", search);
    find.addEventListener("keydown", (event) => {
        if (event.key === "Enter") {
            event.preventDefault(); // it would save the rule
        }
    });
}
