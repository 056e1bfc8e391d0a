// The rows of actions: shows what the chosen type asks; adds, moves and removes rows. Without it, all fields stand there.
"use strict";

{
    const { Code, Note, data } = window.laurelRule;

    /** One row, which is one action, with a note for each field. */
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
                label.hidden = true; // the position goes on being sent
            }
            this.upButton = button("Up", () => this.rows.move(this, -1));
            this.downButton = button("Down", () => this.rows.move(this, 1));
            this.removeButton = button("Remove", () => this.rows.remove(this));
            moves.append(this.upButton, this.downButton, this.removeButton);
        }

        /** Hides what the type does not ask; a disabled field is not sent. */
        fit() {
            const type = this.field("type").value;
            for (const wrapper of this.element.querySelectorAll("[data-for]")) {
                const isAsked = wrapper.dataset.for.split(" ").includes(type);
                wrapper.hidden = !isAsked;
                for (const field of wrapper.querySelectorAll("input, select, textarea")) {
                    field.disabled = !isAsked;
                }
            }
            for (const part of this.element.querySelectorAll(".rule-part")) {
                part.hidden = !part.querySelector("[data-for]:not([hidden])");
            }
            this.notes.forEach((note) => note.fit?.());
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

        /** The action that the fields say; what is left empty is left out. `action_of` in actions.py reads the form in the same way. */
        action() {
            const type = this.field("type").value;
            const action = { type };
            for (const [name, field] of Object.entries(data.asked[type])) {
                const value = valueOf(this.field(field));
                if (value) {
                    action[name] = value;
                }
            }
            if (type === "SET_TIER" && action.tier) {
                const [tier, ...level] = action.tier.split(":");
                Object.assign(action, { tier, level: level.join(":") });
            }
            if (type === "SET_ATTRIBUTE" && !("expression" in action)) {
                action.value = this.field("text").value;
            }
            return action;
        }

        /** Where an error about this part of the action is told. An empty field is not wrong but not there yet. */
        noteOf(name, { emptyToo = false } = {}) {
            const type = this.field("type").value;
            const note = this.notes.get(data.asked[type]?.[name] ?? "type");
            return emptyToo || valueOf(note.field) ? note : null;
        }

        /** What failed when it was tried is the amount, or whatever else was worked out. */
        fail(error) {
            const names = ["amount", "added", "expression", "type"];
            this.notes.get(names.find((name) => this.field(name).value && !this.field(name).disabled)).show(error);
        }
    }

    const valueOf = (field) => (field.type === "checkbox" ? field.checked : field.value);

    const button = (text, act) => {
        const made = document.createElement("button");
        made.type = "button";
        made.className = "button";
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
            const said = this.rows.filter((row) => !row.isBlank || row.isRefused);
            const kept = said.length ? said : this.rows.slice(0, 1);
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
            this.say(`This is action ${old + step + 1} of ${this.rows.length} now.`);
        }

        remove(row) {
            const index = this.rows.indexOf(row);
            this.rows.splice(index, 1);
            row.element.remove();
            this.renumber();
            const next = this.rows[Math.min(index, this.rows.length - 1)];
            (next ? next.field("type") : this.addButton).focus();
            this.say(`Action ${index + 1} was removed.`);
        }

        renumber() {
            this.rows.forEach((row, index) => row.place(index, this.rows.length));
            this.element.dispatchEvent(new Event("change", { bubbles: true }));
        }

        say(words) {
            this.live.textContent = words;
        }

        /** The rows that say something, in the order of `actions()`. */
        get said() {
            return this.rows.filter((row) => row.field("type").value);
        }

        actions() {
            return this.said.map((row) => row.action());
        }

        /** Shows errors about "actions[1].amount" on the rows that they are about, and no others. */
        tell(errors, options) {
            const told = new Set();
            for (const error of errors) {
                const [, index, name] = /actions\[(\d+)\]\.?(\w*)/.exec(error.field) ?? [];
                const note = this.said[index]?.noteOf(name, options);
                if (note && !told.has(note)) {
                    note.show(error);
                    told.add(note);
                }
            }
            const notes = this.rows.flatMap((row) => [...row.notes.values()]);
            notes.filter((note) => !told.has(note)).forEach((note) => note.clear());
        }
    }

    window.laurelRule.Rows = Rows;
}
