// The editor before a field with an expression: CodeMirror, kept the same as the textarea both ways. Without it, that is edited.
"use strict";

if (window.CodeMirror) {
    const { Compartment, Decoration, EditorView, StateEffect, StateField, WidgetType } = CodeMirror;
    const { defaultKeymap, history, historyKeymap, keymap } = CodeMirror;
    const { cel, data } = window.laurelRule;

    /** What is missing at the end of a text, to be underlined there. */
    class Gap extends WidgetType {
        constructor(kind) {
            super();
            this.kind = kind;
        }

        eq({ kind }) {
            return kind === this.kind;
        }

        toDOM() {
            const mark = document.createElement("mark");
            mark.className = this.kind;
            mark.textContent = " ";
            return mark;
        }
    }

    const marked = StateEffect.define();

    const underlined = (length, { span, kind }) => {
        const [from, to] = span.map((each) => Math.min(each, length));
        const mark = from < to ? Decoration.mark({ tagName: "mark", class: kind }) : Decoration.widget({ widget: new Gap(kind), side: 1 });
        return Decoration.set(mark.range(from, to));
    };

    /** The piece that is wrong, until the text moves on. */
    const mistake = StateField.define({
        create: () => Decoration.none,
        update(shown, { newDoc, docChanged, effects }) {
            const effect = effects.findLast((each) => each.is(marked));
            if (effect) {
                return effect.value ? underlined(newDoc.length, effect.value) : Decoration.none;
            }
            return docChanged ? Decoration.none : shown;
        },
        provide: (field) => EditorView.decorations.from(field),
    });

    /**
     * Writes over a selection. Chromium would keep the color of what was selected, in a style attribute that the content
     * security policy forbids.
     */
    const overwrite = (event, view) => {
        const selected = document.getSelection();
        if (event.inputType !== "insertText" || event.data === null || selected.isCollapsed || view.composing) {
            return false;
        }
        const range = selected.getRangeAt(0);
        const from = view.posAtDOM(range.startContainer, range.startOffset);
        const to = view.posAtDOM(range.endContainer, range.endOffset);
        const insert = view.state.toText(event.data);
        view.dispatch({ changes: { from, to, insert }, selection: { anchor: from + insert.length }, userEvent: "input.type", scrollIntoView: true });
        return true;
    };

    window.laurelRule.Editor = class {
        constructor(field) {
            this.field = field;
            this.attributes = new Compartment();
            const label = this.takeLabel();
            this.view = new EditorView({
                doc: field.value,
                extensions: [
                    EditorView.cspNonce.of(data.style_nonce),
                    EditorView.editorAttributes.of({ class: "rule-code-editor" }),
                    EditorView.contentAttributes.of(label ? { "aria-labelledby": label.id } : {}),
                    this.attributes.of(this.described()),
                    EditorView.lineWrapping,
                    EditorView.domEventHandlers({ beforeinput: overwrite }),
                    EditorView.updateListener.of(({ docChanged }) => docChanged && this.write()),
                    keymap.of([...defaultKeymap, ...historyKeymap]), // without Tab, which goes on to the next control
                    history(),
                    mistake,
                    cel,
                ],
            });
            field.before(this.element);
            field.hidden = true;
            field.addEventListener("input", () => this.read());
        }

        get element() {
            return this.view.dom;
        }

        get text() {
            return this.view.state.doc.toString();
        }

        /** A label cannot be for the editor, which is no form control. */
        takeLabel() {
            const [label] = this.field.labels;
            if (label) {
                label.id ||= `${this.field.id}_label`;
                label.removeAttribute("for");
                label.addEventListener("click", () => this.view.focus());
            }
            return label;
        }

        /** The editor is described, and is valid, as the field is. */
        described() {
            const names = ["aria-describedby", "aria-invalid"].filter((name) => this.field.hasAttribute(name));
            return EditorView.contentAttributes.of(Object.fromEntries(names.map((name) => [name, this.field.getAttribute(name)])));
        }

        write() {
            if (this.field.value !== this.text) {
                this.field.value = this.text;
                this.field.dispatchEvent(new Event("input", { bubbles: true }));
            }
        }

        read() {
            if (this.field.value !== this.text) {
                this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: this.field.value } });
            }
        }

        mark(span, kind) {
            const effects = [marked.of(span && { span, kind }), this.attributes.reconfigure(this.described())];
            this.view.dispatch({ effects });
        }

        insert(text, back) {
            const { from, to } = this.view.state.selection.main;
            const selection = { anchor: from + text.length - back };
            this.view.dispatch({ changes: { from, to, insert: text }, selection, userEvent: "input", scrollIntoView: true });
            this.view.focus();
        }
    };
}
