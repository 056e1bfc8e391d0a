/* The levels of a tier track: rows of conditions that can be added and removed, and levels that change places. */
"use strict";

{
    const live = document.getElementById("track-live");

    function say(words) {
        live.textContent = words;
    }

    function button(words, label, action) {
        const made = document.createElement("button");
        made.type = "button";
        made.className = "button quiet";
        made.textContent = words;
        made.setAttribute("aria-label", label);
        made.addEventListener("click", action);
        return made;
    }

    function clear(row) {
        row.querySelector(".errorlist")?.remove();
        for (const input of row.querySelectorAll("input")) {
            input.value = "";
            input.removeAttribute("aria-invalid");
        }
        row.querySelector("select").selectedIndex = 0;
    }

    function remove(row) {
        const rows = row.parentElement;
        if (rows.children.length === 1) {
            clear(row);
        } else {
            row.remove();
        }
        rows.lastElementChild.querySelector("input").focus();
        say("Condition removed.");
    }

    function withRemove(row) {
        row.append(button("Remove", "Remove this condition", () => remove(row)));
        return row;
    }

    function enhanceCriteria(criteria) {
        const rows = criteria.querySelector(".criteria-rows");
        for (const row of rows.children) {
            withRemove(row);
        }
        criteria.append(button("Add condition", "Add a condition", () => {
            if (rows.children.length >= Number(criteria.dataset.most)) {
                say(`A level has at most ${criteria.dataset.most} conditions.`);
                return;
            }
            const row = rows.lastElementChild.cloneNode(true);
            row.querySelector("button").remove();
            clear(row);
            rows.append(withRemove(row));
            row.querySelector("input").focus();
        }));
    }

    function levels() {
        return [...document.querySelectorAll("#levels-group .inline-related:not(.empty-form)")];
    }

    function rankOf(level) {
        return level.querySelector("input[name$='-rank']");
    }

    function move(level, step, pressed) {
        const all = levels();
        const other = all[all.indexOf(level) + step];
        if (!other || !rankOf(level).value || !rankOf(other).value) {
            say("There is no level to change places with.");
            return;
        }
        [rankOf(level).value, rankOf(other).value] = [rankOf(other).value, rankOf(level).value];
        if (step < 0) {
            other.before(level);
        } else {
            other.after(level);
        }
        pressed.focus();
        say(`Rank ${rankOf(level).value} now; not saved yet.`);
    }

    function enhance(level) {
        for (const criteria of level.querySelectorAll(".criteria")) {
            enhanceCriteria(criteria);
        }
        const head = level.querySelector("h3");
        if (head && rankOf(level)) {
            const moves = document.createElement("span");
            moves.className = "level-moves";
            moves.append(
                button("Up", "Move this level up", (event) => move(level, -1, event.currentTarget)),
                button("Down", "Move this level down", (event) => move(level, 1, event.currentTarget)),
            );
            head.append(moves);
        }
    }

    levels().forEach(enhance);
    document.addEventListener("formset:added", (event) => enhance(event.target));
}
