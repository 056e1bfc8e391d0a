// The rows of actions: shows the fields of the chosen type; adds, moves and removes rows. Without it, all fields are shown.
"use strict";

{
    const { Code, Note, data } = window.laurelRule;

    /** One row: one action, with a note for each field. */
    class Row {
        constructor(element, rows) {
            this.element = element;
            this.rows = rows;
            this.notes = new Map();
            for (const field of element.querySelectorAll(".rule-field :is(input, select, textarea)")) {
                const note = field.matches(".rule-code") ? new Code(field) : new Note(field);
                this.notes.set(field.name.split("-").at(-1), note);
            }
            this.addMoves();
            this.field("type").addEventListener("change", () => this.fit());
            this.fit();
        }

        field(name) {
            return this.notes.get(name).field;
        }

        addMoves() {
            const moves = this.element.querySelector(".rule-moves");
            for (const label of moves.children) {
                label.hidden = true; // the position is still sent
            }
            this.upButton = button("Up", () => this.rows.move(this, -1));
            this.downButton = button("Down", () => this.rows.move(this, 1));
            this.removeButton = button("Remove", () => this.rows.remove(this));
            moves.append(this.upButton, this.downButton, this.removeButton);
        }

        /** Hides the fields that the type does not use; a disabled field is not sent. */
        fit() {
            const type = this.field("type").value;
            for (const wrapper of this.element.querySelectorAll("[data-for]")) {
                const isUsed = wrapper.dataset.for.split(" ").includes(type);
                wrapper.hidden = !isUsed;
                for (const field of wrapper.querySelectorAll("input, select, textarea")) {
                    field.disabled = !isUsed;
                }
            }
            for (const part of this.element.querySelectorAll(".rule-group")) {
                part.hidden = !part.querySelector("[data-for]:not([hidden])");
            }
            this.notes.forEach((note) => note.open?.());
        }

        place(index, count) {
            this.element.querySelector(".rule-number").textContent = index + 1;
            this.element.querySelector('[name$="-ORDER"]').value = index + 1;
            this.upButton.disabled = index === 0;
            this.downButton.disabled = index === count - 1;
            for (const [each, words] of [[this.upButton, "up"], [this.downButton, "down"]]) {
                each.setAttribute("aria-label", `Move action ${index + 1} ${words}`);
            }
            this.removeButton.setAttribute("aria-label", `Remove action ${index + 1}`);
        }

        get isBlank() {
            return [...this.notes.values()].every(({ field }) => !valueOf(field));
        }

        get isRefused() {
            return Boolean(this.element.querySelector(".errorlist"));
        }

        /** The action that the fields describe; what is empty is left out. `action_of` in actions.py does the same. */
        action() {
            const type = this.field("type").value;
            const { inputs, either } = data.types[type];
            const action = { type };
            for (const [input, names] of Object.entries(inputs)) {
                const value = valueOf(this.field(input));
                if (value && names.length === 1) {
                    action[names[0]] = value;
                } else if (value) {
                    const [first, ...rest] = value.split(":");
                    Object.assign(action, { [names[0]]: first, [names[1]]: rest.join(":") });
                }
            }
            if (either && !(either[1] in action)) {
                action[either[0]] ??= "";
            }
            return action;
        }

        /** Where an error about this field of the action is shown. An empty input is not wrong but not filled in yet. */
        noteOf(name, { emptyToo = false } = {}) {
            const { inputs } = data.types[this.field("type").value] ?? { inputs: {} };
            const input = Object.keys(inputs).find((each) => inputs[each].includes(name)) ?? "type";
            const note = this.notes.get(input);
            return emptyToo || valueOf(note.field) ? note : null;
        }

        /** Shows an error of a trial run at the expression, or at the type if the action has none. */
        fail(error) {
            const used = [...this.notes.values()].filter(({ field }) => field.value && !field.disabled);
            const note = used.find(({ field }) => field.matches(".rule-code")) ?? this.notes.get("type");
            note.show(error);
        }
    }

    const valueOf = (field) => (field.type === "checkbox" ? field.checked : field.value);

    const button = (text, act) => {
        const made = document.createElement("button");
        made.type = "button";
        made.className = "button quiet";
        made.textContent = text;
        made.addEventListener("click", act);
        return made;
    };

    /** All rows, in the order of the page. */
    class Rows {
        constructor(element) {
            this.element = element;
            element.dataset.equipped = "";
            this.live = document.getElementById("rule-actions-live");
            this.blank = document.getElementById("rule-action-blank");
            this.total = document.getElementById("id_actions-TOTAL_FORMS");
            this.rows = [...element.children].map((each) => new Row(each, this));
            this.dropBlanks();
            const add = document.getElementById("rule-add-action");
            add.parentElement.hidden = false;
            add.addEventListener("click", () => this.add());
            this.addButton = add;
            this.renumber();
        }

        dropBlanks() {
            const filled = this.rows.filter((row) => !row.isBlank || row.isRefused);
            const kept = filled.length ? filled : this.rows.slice(0, 1);
            this.rows.filter((row) => !kept.includes(row)).forEach((row) => row.element.remove());
            this.rows = kept;
        }

        add() {
            const html = this.blank.innerHTML.replaceAll("__prefix__", this.total.value);
            this.total.value = Number(this.total.value) + 1;
            this.element.insertAdjacentHTML("beforeend", html);
            const row = new Row(this.element.lastElementChild, this);
            this.rows.push(row);
            this.renumber();
            row.field("type").focus();
        }

        move(row, step) {
            const old = this.rows.indexOf(row);
            this.rows.splice(old, 1);
            this.rows.splice(old + step, 0, row);
            const next = this.rows[old + step + 1];
            this.element.insertBefore(row.element, next ? next.element : null);
            this.renumber();
            const [used, other] = step < 0 ? [row.upButton, row.downButton] : [row.downButton, row.upButton];
            (used.disabled ? other : used).focus();
            this.announce(`This is now action ${old + step + 1} of ${this.rows.length}.`);
        }

        remove(row) {
            const index = this.rows.indexOf(row);
            this.rows.splice(index, 1);
            row.element.remove();
            this.renumber();
            const next = this.rows[Math.min(index, this.rows.length - 1)];
            (next ? next.field("type") : this.addButton).focus();
            this.announce(`Action ${index + 1} was removed.`);
        }

        renumber() {
            this.rows.forEach((row, index) => row.place(index, this.rows.length));
            this.element.dispatchEvent(new Event("change", { bubbles: true }));
        }

        announce(words) {
            this.live.textContent = words;
        }

        /** The rows with a type, in the order of `actions()`. */
        get filled() {
            return this.rows.filter((row) => row.field("type").value);
        }

        actions() {
            return this.filled.map((row) => row.action());
        }

        /** Shows errors about "actions[1].amount" in their rows, and warnings beside those; clears all others. */
        show(errors, { warnings = [], ...options } = {}) {
            const shown = new Set();
            const noteOf = ({ field }) => {
                const [, index, name] = /actions\[(\d+)\]\.?(\w*)/.exec(field) ?? [];
                return this.filled[index]?.noteOf(name, options);
            };
            const found = [...errors.map((each) => [each, "show"]), ...warnings.map((each) => [each, "warn"])];
            for (const [finding, verb] of found) {
                const note = noteOf(finding);
                if (note && !shown.has(note)) {
                    note[verb](finding);
                    shown.add(note);
                }
            }
            const notes = this.rows.flatMap((row) => [...row.notes.values()]);
            notes.filter((note) => !shown.has(note)).forEach((note) => note.clear());
        }
    }

    window.laurelRule.Rows = Rows;
}
