// Shows the lines of a text area as chips. The text area stays the field that is sent.
"use strict";

for (const field of document.querySelectorAll("textarea.tags-editor")) {
    const editor = document.createElement("div");
    const chips = document.createElement("ul");
    const entry = document.createElement("input");
    editor.className = "tags-chips";
    entry.type = "text";
    entry.placeholder = "Add a tag";
    entry.setAttribute("aria-label", "Add a tag");
    editor.append(chips, entry);

    const lines = () => field.value.split("\n").map((line) => line.trim()).filter(Boolean);

    const write = (tags) => {
        field.value = [...new Set(tags)].join("\n");
        draw();
    };

    const draw = () => {
        chips.replaceChildren(...lines().map((tag) => {
            const chip = document.createElement("li");
            const remove = document.createElement("button");
            chip.textContent = tag;
            remove.type = "button";
            remove.textContent = "×";
            remove.setAttribute("aria-label", `Remove ${tag}`);
            remove.addEventListener("click", () => {
                write(lines().filter((other) => other !== tag));
                entry.focus();
            });
            chip.append(remove);
            return chip;
        }));
    };

    const take = () => {
        const tag = entry.value.trim().toLowerCase();
        entry.value = "";
        if (tag) {
            write([...lines(), tag]);
        }
    };

    entry.addEventListener("keydown", (event) => {
        if (event.key === "Enter") {
            event.preventDefault(); // which would send the form
            take();
        } else if (event.key === "Backspace" && !entry.value) {
            write(lines().slice(0, -1));
        }
    });
    entry.addEventListener("paste", (event) => {
        const pasted = event.clipboardData.getData("text");
        if (/[\r\n]/.test(pasted)) {
            event.preventDefault();
            write([...lines(), ...pasted.toLowerCase().split(/[\r\n]+/)]);
        }
    });
    // Whoever types a tag and saves at once means to keep it.
    entry.addEventListener("blur", take);
    field.form.addEventListener("submit", take);
    field.before(editor);
    field.hidden = true;
    draw();
}
