// Moves rules on the page itself, with the buttons or by dragging. Without it, each move loads the page again.
"use strict";

{
    const form = document.getElementById("rule-order");
    const list = form?.querySelector("ol");
    const live = document.getElementById("rule-order-live");

    const place = () => {
        [...list.children].forEach((item, index, all) => {
            const [up, down] = item.querySelectorAll("button");
            up.disabled = index === 0;
            down.disabled = index === all.length - 1;
        });
    };

    const move = (item, isUp) => {
        const other = isUp ? item.previousElementSibling : item.nextElementSibling;
        isUp ? other.before(item) : other.after(item);
        place();
        const [up, down] = item.querySelectorAll("button");
        const used = isUp ? up : down;
        (used.disabled ? (isUp ? down : up) : used).focus();
        tell(item);
    };

    const tell = (item) => {
        const position = [...list.children].indexOf(item) + 1;
        const name = item.querySelector(".rule-order-name").textContent.trim();
        live.textContent = `${name} is now number ${position} of ${list.children.length}; not saved yet.`;
    };

    let dragged = null;
    for (const item of list?.children ?? []) {
        item.draggable = true;
        item.addEventListener("dragstart", ({ dataTransfer }) => {
            dragged = item;
            dataTransfer.effectAllowed = "move";
            item.classList.add("rule-dragged");
        });
        item.addEventListener("dragover", (event) => {
            if (dragged) {
                event.preventDefault();
                const { top, height } = item.getBoundingClientRect();
                const isBefore = event.clientY < top + height / 2;
                if (item !== dragged) {
                    isBefore ? item.before(dragged) : item.after(dragged);
                }
            }
        });
        item.addEventListener("drop", (event) => event.preventDefault());
        item.addEventListener("dragend", () => {
            dragged = null;
            item.classList.remove("rule-dragged");
            place();
            tell(item);
        });
    }

    form?.addEventListener("submit", (event) => {
        const { submitter } = event;
        if (submitter?.name === "move") {
            event.preventDefault();
            move(submitter.closest("li"), submitter.value.startsWith("up:"));
        }
    });
}
