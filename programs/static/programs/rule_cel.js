// The language of rules in CodeMirror: its colors, and the names that may follow while one types. Without it, code is plain text.
"use strict";

if (window.CodeMirror) {
    const { StreamLanguage, autocompletion, bracketMatching, classHighlighter, syntaxHighlighting, syntaxTree } = CodeMirror;
    const { data } = window.laurelRule;

    // Colors

    const WORDS = new Set(["in", "true", "false", "null"]);
    const OPENS_TEXT = /^[bBrR]{0,2}("""|'''|"|')/;

    /** Reads on to the end of a text that has begun; one of three quotes may end on another line. */
    const readText = (stream, state) => {
        const { quote, isRaw } = state.text;
        while (!stream.eol()) {
            if (stream.match(quote)) {
                state.text = null;
                return "string";
            }
            const isEscape = stream.next() === "\\" && !isRaw;
            if (isEscape) {
                stream.next();
            }
        }
        if (quote.length === 1) {
            state.text = null;
        }
        return "string";
    };

    const language = StreamLanguage.define({
        name: "cel",
        startState: () => ({ text: null }),
        copyState: ({ text }) => ({ text }),
        token(stream, state) {
            if (state.text) {
                return readText(stream, state);
            }
            if (stream.eatSpace()) {
                return null;
            }
            const opening = stream.match(OPENS_TEXT);
            if (opening) {
                state.text = { quote: opening[1], isRaw: /r/i.test(opening[0]) };
                return readText(stream, state);
            }
            if (stream.match(/^\/\/.*/)) {
                return "comment";
            }
            if (stream.match(/^(0[xX][\da-fA-F]+|\d*\.?\d+([eE][+-]?\d+)?)[uU]?/)) {
                return "number";
            }
            const word = stream.match(/^[A-Za-z_]\w*/);
            if (word) {
                return WORDS.has(word[0]) ? "keyword" : stream.match(/^\s*\(/, false) ? "variableName.function" : null;
            }
            stream.next();
            return null;
        },
    });

    const MOST_NAMES = 10; // at once, so that there is nothing to scroll, which nobody could by keys

    // Names: those of the program are the fields that the builder of conditions offers.

    const fields = new Map(data.builder.groups.flatMap((group) => group.fields.map((each) => [each.field, { ...each, group: group.label }])));
    const isPath = (text) => /^[A-Za-z_][\w.]*(\[[^\]]*\])*$/.test(text);
    const ofProgram = [...fields.values()].filter(({ field }) => isPath(field))
        .map(({ field, label, group }) => ({ name: field, kind: "variable", about: field.endsWith(label) ? undefined : label, group }));
    const ofLanguage = data.names.filter(({ name }) => !fields.has(name));
    const isMethod = ({ kind }) => kind === "method";
    const methods = ofLanguage.filter(isMethod);
    const others = [...ofProgram, ...ofLanguage.filter((each) => !isMethod(each))];

    /** Where the name, or a part of it after a dot, begins with what was typed; -1 if nowhere. */
    const placeIn = (name, typed) => `.${name}`.toLowerCase().indexOf(`.${typed}`.toLowerCase());

    /** The names in which what was typed is found, those that begin with it first; none if there is nothing to add. */
    const result = (names, typed, from) => {
        const found = names.map((each) => [each, placeIn(each.name, typed)]).filter(([, place]) => place >= 0);
        found.sort(([, one], [, other]) => one - other);
        const isWhole = found.every(([{ name, kind }]) => name === typed && kind === "variable");
        const options = found.map(([each, place]) => asOption(each, [place, place + typed.length]));
        return isWhole ? null : { from, options, filter: false, getMatch: ({ match }) => match };
    };

    const asOption = ({ name, kind, about, group, takes_arguments: takesArguments }, match) => ({
        label: name,
        displayLabel: kind === "variable" ? name : `${name}()`,
        detail: group,
        info: about,
        match,
        apply(view, _, from, to) {
            const isCall = kind !== "variable" && view.state.sliceDoc(to, to + 1) !== "(";
            put(view, { from, to, insert: isCall ? `${name}()` : name }, isCall && takesArguments ? -1 : 0);
        },
    });

    const put = (view, change, step = 0) => {
        const anchor = change.from + change.insert.length + step;
        view.dispatch({ changes: change, selection: { anchor }, userEvent: "input.complete", scrollIntoView: true });
    };

    const completePath = (context) => {
        const typed = context.matchBefore(/[\w.]*$/);
        const isName = /^[A-Za-z_]/.test(typed.text) || (context.explicit && !typed.text);
        return isName && !textAt(context) ? result(others, typed.text, typed.from) : null;
    };

    /** Functions after a dot; not where fields are offered. */
    const completeMethod = (context) => {
        const typed = context.matchBefore(/\.\w*$/);
        const path = context.matchBefore(/[\w.]*$/).text;
        const hasFields = others.some(({ name }) => name.startsWith(path));
        const isNumber = /^\d/.test(path);
        return typed && !hasFields && !isNumber && !textAt(context) ? result(methods, typed.text.slice(1), typed.from + 1) : null;
    };

    /** The text that the cursor is in: where its content begins, and its quote. */
    const textAt = ({ state, pos }) => {
        const node = syntaxTree(state).resolveInner(pos, -1);
        const written = state.sliceDoc(node.from, pos);
        const quote = written[0];
        const isEnded = written.length > 1 && written.endsWith(quote);
        return node.name === "string" && !isEnded ? { from: node.from + 1, quote } : null;
    };

    /** The values of the field that a text is compared with; of tags, if it is with none. */
    const completeValue = (context) => {
        const text = textAt(context);
        if (!text || !"\"'".includes(text.quote)) {
            return null;
        }
        const before = context.state.sliceDoc(0, text.from - 1);
        const compared = /([\w.]+)\s*(?:==|!=|\bin\s*\[[^\]]*)\s*$/.exec(before);
        const field = (compared && fields.get(compared[1])) ?? fields.get("participant.tags");
        const typed = context.state.sliceDoc(text.from, context.pos);
        const found = (field?.values ?? []).filter(([value]) => value !== typed && value.startsWith(typed) && !/["'\\\n]/.test(value));
        return found.length ? { from: text.from, options: found.map(([value, name]) => asValue(value, name, text.quote)), filter: false } : null;
    };

    const asValue = (value, name, quote) => ({
        label: value,
        detail: name === value ? undefined : name,
        apply(view, _, from, to) {
            const isEnded = view.state.sliceDoc(to, to + 1) === quote;
            put(view, { from, to: isEnded ? to + 1 : to, insert: value + quote });
        },
    });

    window.laurelRule.cel = [
        language,
        syntaxHighlighting(classHighlighter),
        bracketMatching(),
        autocompletion({ override: [completePath, completeMethod, completeValue], icons: false, maxRenderedOptions: MOST_NAMES }),
    ];
}
