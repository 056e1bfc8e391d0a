// The builder of conditions: rows of a field, an operator and a value, which the server writes into the condition's field,
// and reads from what is typed there. Without it, the condition is text.
"use strict";

{
    const { Question, data } = window.laurelRule;
    const { groups, operators, max_depth: maxDepth, rows: first } = data.builder;
    const element = document.getElementById("rule-builder");
    const text = document.getElementById("id_condition");
    const fields = new Map(groups.flatMap((group) => group.fields).map((field) => [field.field, field]));
    const operatorNamed = new Map(operators.map((each) => [each.name, each]));
    const KINDS = { text: "text", number: "number", bool: "yes or no" };
    const OTHER = "other";
    let count = 0;

    const make = (tag, attributes = {}, content = []) => {
        const made = document.createElement(tag);
        Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
        made.append(...[content].flat());
        return made;
    };

    const option = (value, label, chosen) => {
        const made = make("option", { value }, label);
        made.selected = value === chosen;
        return made;
    };

    const select = (label, options) => make("select", { "aria-label": label }, options);

    const button = (label, act, attributes = {}) => {
        const made = make("button", { type: "button", class: "button quiet", ...attributes }, label);
        made.addEventListener("click", act);
        return made;
    };

    /** A row as the server knows it: {field, operator, kind, values}, and its controls. */
    class Row {
        constructor(said, parent) {
            this.parent = parent;
            this.said = { operator: "", kind: "", values: [], ...said };
            this.mayBeEmpty = this.said.values.includes("");
            this.field = select("Field", [option("", "Choose a field", this.said.field), ...this.fieldOptions()]);
            this.field.addEventListener("change", () => this.choose(this.field.value));
            this.comparing = make("div", { class: "rule-condition-part" });
            this.valuing = make("div", { class: "rule-condition-part" });
            this.removal = button("Remove", () => this.parent.remove(this));
            this.note = make("p", { class: "rule-note", id: `rule-condition-note-${count += 1}`, "aria-live": "polite" });
            this.element = make("div", { class: "rule-condition-row", role: "group" }, [this.field, this.comparing, this.valuing, this.removal, this.note]);
            this.draw();
        }

        get known() {
            return fields.get(this.said.field);
        }

        get kind() {
            return this.said.kind || this.known?.kind || "text";
        }

        get operator() {
            return operatorNamed.get(this.said.operator);
        }

        /** What has the focus is never drawn anew, since somebody may be choosing in it by keys. */
        draw() {
            const { field } = this.said;
            this.element.setAttribute("aria-label", `Row: ${this.label}`);
            this.removal.setAttribute("aria-label", `Remove the row: ${this.label}`);
            const others = field === OTHER ? [this.otherField()] : field ? [this.operatorSelect()] : [];
            this.comparing.replaceChildren(...others);
            this.drawValues();
        }

        drawValues() {
            const isReady = this.said.field && this.said.field !== OTHER;
            this.valuing.replaceChildren(...(isReady ? this.valueControls() : []));
        }

        get label() {
            return this.known?.label ?? (this.said.field || "not chosen yet");
        }

        fieldOptions() {
            const offered = groups.map(({ label, fields: each }) => {
                return make("optgroup", { label }, each.map((field) => option(field.field, field.label, this.said.field)));
            });
            if (this.said.field && this.said.field !== OTHER && !this.known) {
                offered.push(option(this.said.field, this.said.field, this.said.field));
            }
            return [...offered, option(OTHER, "Another field of the event…", this.said.field)];
        }

        otherField() {
            const input = make("input", { type: "text", "aria-label": "Name of the field", placeholder: "Name of the field", class: "vTextField" });
            input.addEventListener("change", () => {
                const name = input.value.trim();
                if (name) {
                    const path = /^[A-Za-z_][\w.]*$/.test(name) ? `event.${name}` : `event[${JSON.stringify(name)}]`;
                    this.field.append(option(path, path, path));
                    this.choose(path);
                    this.comparing.firstElementChild.focus();
                }
            });
            return input;
        }

        choose(field) {
            this.said = { field, operator: "", kind: "", values: [] };
            this.said.operator = field ? this.operators[0].name : "";
            this.draw();
            changed();
        }

        get operators() {
            return operators.filter(({ name, kinds }) => kinds.includes(this.kind) || name === this.said.operator);
        }

        operatorSelect() {
            const made = select("Comparison", this.operators.map(({ name, label }) => option(name, label, this.said.operator)));
            made.addEventListener("change", () => {
                this.said.operator = made.value;
                this.drawValues();
                changed();
            });
            return made;
        }

        valueControls() {
            if (!this.operator || this.operator.values === "none") {
                return [];
            }
            const controls = [];
            if (!this.known || (this.said.kind && !["list", "duration", this.said.kind].includes(this.known.kind))) {
                controls.push(this.kindSelect());
            }
            const valued = make("div", { class: "rule-condition-part" }, this.valued());
            return [...controls, valued];
        }

        valued() {
            return this.kind === "bool" ? [this.choice([["true", "yes"], ["false", "no"]])] : this.valueControl();
        }

        kindSelect() {
            const made = select("Kind of value", Object.entries(KINDS).map(([kind, label]) => option(kind, label, this.kind)));
            made.addEventListener("change", () => {
                this.said.kind = made.value;
                this.said.values = [];
                this.valuing.lastElementChild.replaceChildren(...this.valued());
                changed();
            });
            return made;
        }

        valueControl() {
            const offered = this.known?.values ?? [];
            const isMany = this.operator.values === "many";
            const isNamed = offered.some(([value, name]) => value !== name);
            if (isNamed && !isMany && (!this.said.values.length || offered.some(([value]) => value === this.said.values[0]))) {
                return [this.choice([["", "Choose"], ...offered])];
            }
            const input = make("input", { type: "text", "aria-label": isMany ? "Values, with commas between them" : "Value", class: "vTextField", autocomplete: "off" });
            input.value = this.said.values.join(", ");
            input.placeholder = { duration: "30d", number: isMany ? "1, 2" : "50" }[this.kind] ?? (isMany ? "a, b" : "");
            if (this.kind === "number" && !isMany) {
                input.inputMode = "decimal";
            }
            input.addEventListener("input", () => {
                const values = isMany ? input.value.split(",").map((each) => each.trim()).filter(Boolean) : [input.value.trim()];
                this.said.values = values;
                changed();
            });
            if (!offered.length) {
                return [input];
            }
            const list = make("datalist", { id: `rule-condition-values-${count += 1}` }, offered.map(([value]) => option(value, value)));
            input.setAttribute("list", list.id);
            return [input, list];
        }

        choice(choices) {
            const chosen = this.said.values[0] ?? choices[0][0];
            this.said.values = [chosen];
            const made = select("Value", choices.map(([value, label]) => option(value, label, chosen)));
            made.addEventListener("change", () => {
                this.said.values = [made.value];
                changed();
            });
            return made;
        }

        get isWhole() {
            const { field, values } = this.said;
            const needed = this.operator?.values !== "none";
            const isGiven = values.length > 0 && (this.mayBeEmpty || values.every(Boolean));
            return Boolean(field && field !== OTHER && this.operator && (!needed || isGiven));
        }

        read() {
            const kind = this.kind === "list" ? "text" : this.kind;
            return { field: this.said.field, operator: this.said.operator, kind, values: this.said.values };
        }

        show(message) {
            this.note.textContent = message;
            for (const control of this.element.querySelectorAll("input, select")) {
                control.setAttribute("aria-describedby", this.note.id);
                message && control === this.element.querySelector("input") ? control.setAttribute("aria-invalid", "true") : control.removeAttribute("aria-invalid");
            }
        }

        focus() {
            this.field.focus();
        }
    }

    /** Rows and groups of which all or any must hold. */
    class Group {
        constructor({ join, rows }, parent = null, depth = 1) {
            Object.assign(this, { join, parent, depth });
            const label = parent ? "Group of rows" : "All rows";
            this.element = make("div", { class: "rule-condition-group", role: "group", "aria-label": label });
            this.parts = rows.map((each) => this.made(each));
            this.list = make("div", { class: "rule-condition-rows" });
            this.joining = select("How many must hold", [option("all", "All of these hold", join), option("any", "Any of these holds", join)]);
            this.joining.addEventListener("change", () => {
                this.join = this.joining.value;
                changed();
            });
            const buttons = [button("Add a condition", () => this.add({}))];
            if (depth < maxDepth) {
                buttons.push(button("Add a group", () => this.add({ join: this.join === "all" ? "any" : "all", rows: [{}, {}] })));
            }
            if (parent) {
                buttons.push(button("Remove the group", () => parent.remove(this)));
            }
            this.element.append(this.joining, this.list, make("div", { class: "rule-condition-buttons" }, buttons));
            this.draw();
        }

        made(said) {
            return said.rows ? new Group(said, this, this.depth + 1) : new Row(said, this);
        }

        draw() {
            this.joining.hidden = this.parts.length < 2 && !this.parent;
            this.list.replaceChildren(...this.parts.map((each) => each.element));
            if (!this.parts.length) {
                const words = text.value.trim() ? "Every event matches." : "Add the first condition, or write below.";
                this.list.append(make("p", { class: "help" }, words));
            }
        }

        add(said) {
            const made = this.made(said);
            this.parts.push(made);
            this.draw();
            made.focus();
            changed();
        }

        remove(part) {
            const index = this.parts.indexOf(part);
            this.parts.splice(index, 1);
            this.draw();
            const next = this.parts[Math.min(index, this.parts.length - 1)];
            next ? next.focus() : this.element.querySelector(".rule-condition-buttons button").focus();
            changed();
        }

        get isWhole() {
            return this.parts.every((each) => each.isWhole);
        }

        read() {
            return { join: this.join, rows: this.parts.map((each) => each.read()) };
        }

        /** The part at a place such as "rows[0].rows[1]". */
        at(place) {
            return [...place.matchAll(/rows\[(\d+)\]/g)].reduce((part, [, index]) => part?.parts?.[index], this);
        }

        get all() {
            return this.parts.flatMap((each) => each.all ?? [each]);
        }

        focus() {
            this.joining.focus();
        }
    }

    const title = make("p", { class: "rule-builder-title" }, "Conditions");
    const live = make("p", { class: "rule-announcement", "aria-live": "polite" });
    const place = make("div");
    const question = new Question(data.builder_url);
    let root = null;
    let isWriting = false;

    const show = (said) => {
        root = said ? new Group(said) : null;
        place.replaceChildren(root ? root.element : make("p", { class: "help" }, "This condition says more than rows can. Edit it as text below."));
    };

    /** The rows have changed: the server writes the text. What is not filled in yet waits. */
    const changed = () => {
        root.all.forEach((row) => row.show(""));
        if (!root.isWhole) {
            question.forget();
            live.textContent = "The condition follows once every row is filled in.";
            return;
        }
        live.textContent = "";
        question.ask({ rows: root.read() }, ({ ok, body }) => {
            if (!ok || body.errors.length) {
                body.errors?.forEach(({ place: where, message }) => root.at(where)?.show?.(message));
                return;
            }
            isWriting = true;
            text.value = body.text;
            text.dispatchEvent(new Event("input", { bubbles: true }));
            isWriting = false;
        });
    };

    /** The text has changed: the server reads the rows. */
    text.addEventListener("input", () => {
        if (!isWriting) {
            live.textContent = "";
            read();
        }
    });

    const read = () => {
        if (!text.value.trim()) {
            question.forget();
            show({ join: "all", rows: [] });
            return;
        }
        question.ask({ text: text.value }, ({ ok, body }) => ok && show(body.rows));
    };

    text.closest(".form-row").before(element);
    element.append(title, place, live);
    element.hidden = false;
    show(text.value.trim() ? first : { join: "all", rows: [] });
    window.addEventListener("pageshow", ({ persisted }) => {
        if (!persisted && text.value !== text.defaultValue) {
            read(); // what a browser filled in on going back
        }
    });
}
