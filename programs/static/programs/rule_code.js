// Shared by the scripts of the rule editor: notes on fields, marks in expressions, questions to the API.
"use strict";

{
    /** Shows beside a field what is wrong with it, for the eye and for a screen reader. */
    class Note {
        constructor(field) {
            this.field = field;
            this.message = document.createElement("p");
            this.message.className = "rule-note";
            this.message.id = `${field.id}_note`;
            this.message.setAttribute("aria-live", "polite");
            field.after(this.message);
            const described = field.getAttribute("aria-describedby");
            field.setAttribute("aria-describedby", [described, this.message.id].filter(Boolean).join(" "));
        }

        show(error) {
            const wrapper = this.field.closest(".rule-field, .form-row");
            this.say(wrapper.querySelector(".errorlist") ? "" : error.message); // the server's own is shown already
            this.message.classList.remove("rule-doubt");
            this.field.setAttribute("aria-invalid", "true");
        }

        /** Shows what is probably wrong; the rule can be saved all the same. */
        warn(warning) {
            this.clear({ silently: true });
            this.say(`Please check: ${warning.message}`);
            this.message.classList.add("rule-doubt");
        }

        clear({ silently = false } = {}) {
            if (!silently) {
                this.message.textContent = "";
            }
            this.field.removeAttribute("aria-invalid");
        }

        /** A screen reader would read the same text again. */
        say(words) {
            if (this.message.textContent !== words) {
                this.message.textContent = words;
            }
        }
    }

    /** A field with an expression. A copy of the text behind it marks the piece that is wrong. */
    class Code extends Note {
        constructor(field) {
            super(field);
            this.frame = document.createElement("div");
            this.frame.className = "rule-code-frame";
            this.marks = document.createElement("div");
            this.marks.className = "rule-code-marks";
            this.marks.setAttribute("aria-hidden", "true");
            field.before(this.frame);
            this.frame.append(this.marks, field);
            field.addEventListener("input", () => {
                this.marks.replaceChildren(); // the text has moved on
                this.fit();
            });
            field.addEventListener("scroll", () => { this.marks.scrollTop = field.scrollTop; });
            new ResizeObserver(() => this.fit()).observe(this.frame);
            this.fit();
        }

        /** Makes the field as high as its text: without a scroll bar, text and marks break their lines alike. */
        fit() {
            if (this.field.offsetWidth) {
                this.field.style.height = "auto";
                this.field.style.height = `${this.field.scrollHeight + 2}px`;
            }
        }

        show(error) {
            super.show(error);
            this.mark(error);
        }

        warn(warning) {
            super.warn(warning);
            this.mark(warning, "rule-doubt");
        }

        mark({ position }, kind = "") {
            this.marks.replaceChildren();
            if (position) {
                const text = this.field.value;
                const [start, end] = span(text, position);
                const mark = document.createElement("mark");
                mark.className = kind;
                mark.textContent = text.slice(start, end) || " ";
                this.marks.append(text.slice(0, start), mark, text.slice(end), "\n");
            }
        }

        clear(options) {
            super.clear(options);
            this.marks.replaceChildren();
        }
    }

    /** Start and end of the piece that is wrong. The API counts characters, JavaScript counts UTF-16 units. */
    const span = (text, { line, column, offending }) => {
        const lines = text.split("\n");
        const before = lines.slice(0, line - 1).reduce((length, each) => length + each.length + 1, 0);
        const start = before + [...(lines[line - 1] ?? "")].slice(0, column - 1).join("").length;
        const piece = text.startsWith(offending, start) ? offending : offending.slice(0, -1); // cut off, with an ellipsis
        return [start, start + piece.length];
    };

    /** Asks after a pause, and drops the answer if something else has been asked since. */
    class Question {
        constructor(url, pause = 300) {
            this.url = url;
            this.pause = pause;
            this.number = 0;
        }

        forget() {
            this.number += 1;
            clearTimeout(this.timer);
        }

        async ask(body, answered) {
            this.forget();
            const number = this.number;
            await new Promise((resolve) => { this.timer = setTimeout(resolve, this.pause); });
            const answer = await post(this.url, JSON.stringify(body)).catch(() => null);
            if (answer && number === this.number) {
                answered(answer);
            }
        }
    }

    /** Sends JSON text unchanged, since JavaScript's numbers would lose digits. Resolves to {ok, body}. */
    const post = async (url, text) => {
        const response = await fetch(url, {
            method: "POST",
            headers: {
                "Accept": "application/json",
                "Content-Type": "application/json",
                "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value,
            },
            body: text,
        });
        return { ok: response.ok, body: await response.json() };
    };

    /** The time in a UTC field as the API spells it. A browser leaves out seconds that are zero. */
    const timeIn = ({ value }) => (value ? `${value.length === 16 ? `${value}:00` : value}Z` : null);

    const data = JSON.parse(document.getElementById("rule-editor-data").textContent);

    window.laurelRule = { Code, Note, Question, data, post, timeIn };
}
