// What the scripts of the rule editor share: notes on fields, marks in the text of a rule, questions to the API.
"use strict";

{
    /** Says beside a field what is wrong with it, to the eye and to a screen reader. */
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
            const words = wrapper.querySelector(".errorlist") ? "" : error.message; // the server has said it
            // What is there already is not read out again.
            if (this.message.textContent !== words) {
                this.message.textContent = words;
            }
            this.field.setAttribute("aria-invalid", "true");
        }

        clear() {
            this.message.textContent = "";
            this.field.removeAttribute("aria-invalid");
        }
    }

    /** A text of the rule language. The offending piece is marked by a copy of the text that lies behind it. */
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
                this.marks.replaceChildren(); // it would stand under other words
                this.fit();
            });
            field.addEventListener("scroll", () => { this.marks.scrollTop = field.scrollTop; });
            new ResizeObserver(() => this.fit()).observe(this.frame);
            this.fit();
        }

        /** As high as its text, so that text and marks break their lines alike, without a scroll bar. */
        fit() {
            if (this.field.offsetWidth) {
                this.field.style.height = "auto";
                this.field.style.height = `${this.field.scrollHeight + 2}px`;
            }
        }

        show(error) {
            super.show(error);
            this.marks.replaceChildren();
            if (error.position) {
                const text = this.field.value;
                const [start, end] = span(text, error.position);
                const mark = document.createElement("mark");
                mark.textContent = text.slice(start, end) || " ";
                this.marks.append(text.slice(0, start), mark, text.slice(end), "\n");
            }
        }

        clear() {
            super.clear();
            this.marks.replaceChildren();
        }
    }

    /** Where the offending piece begins and ends. The API counts characters, JavaScript halves of some of them. */
    const span = (text, { line, column, offending }) => {
        const lines = text.split("\n");
        const before = lines.slice(0, line - 1).reduce((length, each) => length + each.length + 1, 0);
        const start = before + [...(lines[line - 1] ?? "")].slice(0, column - 1).join("").length;
        const piece = text.startsWith(offending, start) ? offending : offending.slice(0, -1); // cut, with an ellipsis
        return [start, start + piece.length];
    };

    /** Asks after a pause, and drops the answer where something else has been asked since. */
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

    /** Sends JSON text as it is: JavaScript's own numbers would lose digits. Gives {ok, body}. */
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

    /** The time in a field of UTC as the API spells it; where the seconds are zero a browser leaves them out. */
    const timeIn = ({ value }) => (value ? `${value.length === 16 ? `${value}:00` : value}Z` : null);

    const data = JSON.parse(document.getElementById("rule-editor-data").textContent);

    window.laurelRule = { Code, Note, Question, data, post, timeIn };
}
