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

    /**
     * A field with an expression. Where CodeMirror is, its editor stands before the textarea, which stays what is sent and
     * what the other scripts read and write.
     */
    class Code extends Note {
        static latest = null; // that had the focus

        editor = null;

        /** Opens the editor of a field that is used; later takes over what a browser that goes back has filled in. */
        open() {
            const { field } = this;
            const { Editor } = window.laurelRule;
            if (field.disabled) {
                return;
            }
            if (this.editor) {
                this.editor.read();
            } else if (Editor) {
                this.editor = new Editor(field);
            }
            (this.editor?.element ?? field).addEventListener("focusin", this.noteFocus);
        }

        noteFocus = () => {
            Code.latest = this;
        };

        show(error) {
            super.show(error);
            this.mark(error);
        }

        warn(warning) {
            super.warn(warning);
            this.mark(warning, "rule-doubt");
        }

        clear(options) {
            super.clear(options);
            this.mark();
        }

        mark({ position } = {}, kind = "") {
            this.editor?.mark(position ? span(this.field.value, position) : null, kind);
        }

        /** Writes at the cursor, which goes on inside the parentheses of a function. */
        insert(text) {
            const { field, editor } = this;
            const back = text.endsWith("()") ? 1 : 0;
            if (editor) {
                editor.insert(text, back);
                return;
            }
            field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
            field.selectionEnd -= back;
            field.dispatchEvent(new Event("input", { bubbles: true }));
            field.focus();
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
