// "Try it": runs the rule as it is on the page for one event and shows what it would do. Nothing is stored.
"use strict";

{
    const { Note, data, post, timeIn } = window.laurelRule;
    const panel = document.getElementById("rule-try");
    const form = document.getElementById("rule-try-form");
    const result = document.getElementById("rule-try-result");
    const notes = new Map(
        [...panel.querySelectorAll("[data-field]")].map((field) => [field.dataset.field, new Note(field)]),
    );
    const textOf = (name) => notes.get(name).field.value.trim();
    const isMadeUp = () => form.elements.who.value === "state";

    const make = (tag, content = [], attributes = {}) => {
        const element = document.createElement(tag);
        Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
        element.append(...[content].flat());
        return element;
    };

    // Who

    const showWho = () => {
        for (const each of panel.querySelectorAll("[data-who]")) {
            each.hidden = (each.dataset.who === "state") !== isMadeUp();
        }
    };

    const suggest = async () => {
        const part = textOf("external_id");
        const address = `${data.participants_url}?limit=10&search=${encodeURIComponent(part)}`;
        const response = await fetch(address, { headers: { Accept: "application/json" } });
        if (response.ok && part === textOf("external_id")) {
            const { data: people } = await response.json();
            const options = people.map((each) => make("option", [], { value: each.external_id }));
            document.getElementById("rule-try-people").replaceChildren(...options);
        }
    };

    let pause;
    notes.get("external_id").field.addEventListener("input", () => {
        clearTimeout(pause);
        pause = setTimeout(() => suggest().catch(() => {}), 250);
    });

    // The question

    /** JSON text as it was typed, so that numbers keep their digits. Shows what is wrong and throws. */
    const jsonOf = (name) => {
        const text = textOf(name);
        try {
            JSON.parse(text);
        } catch (error) {
            notes.get(name).show({ message: `This is not JSON: ${error.message}` });
            notes.get(name).field.focus();
            throw error;
        }
        return text;
    };

    const question = () => {
        const parts = { event: jsonOf("event") };
        if (isMadeUp()) {
            parts.participant_state = jsonOf("participant_state");
        } else {
            parts.external_id = JSON.stringify(textOf("external_id"));
        }
        const time = timeIn(notes.get("event_timestamp").field);
        if (time) {
            parts.event_timestamp = JSON.stringify(time);
        }
        const draft = window.laurelRule.draft?.(); // those who cannot edit try the rule as it is stored
        if (draft) {
            parts.rule = JSON.stringify(draft);
        }
        return `{${Object.entries(parts).map(([name, text]) => `"${name}": ${text}`).join(", ")}}`;
    };

    // The answer

    const OUTCOMES = {
        matched: "Matched",
        not_matched: "Did not match",
        skipped: "Skipped",
        failed: "Failed",
    };

    const inWords = (value) => {
        if (value === null || value === undefined || value === "") {
            return "–";
        }
        if (typeof value === "boolean") {
            return value ? "yes" : "no";
        }
        if (Array.isArray(value)) {
            return value.map(inWords).join(", ") || "–";
        }
        if (typeof value === "object") {
            return Object.entries(value).map(([name, each]) => `${name} ${inWords(each)}`).join(", ") || "–";
        }
        return String(value);
    };

    const assetNames = new Map(Object.entries(data.assets));

    const described = ({ type, before, after, ...rest }) => {
        const details = Object.entries(rest)
            .filter(([, value]) => value !== null && value !== "" && value !== false)
            .map(([name, value]) => (name === "asset_id" ? assetNames.get(value) ?? value : `${name.replaceAll("_", " ")} ${inWords(value)}`));
        return [make("strong", type), details.length ? ` ${details.join(", ")}` : ""];
    };

    const tableOf = (heads, rows) => {
        const head = make("tr", heads.map((each) => make("th", each, { scope: "col" })));
        const body = rows.map((cells) => make("tr", cells.map((cell, index) => make("td", cell, { "data-label": heads[index] }))));
        return make("table", [make("thead", head), make("tbody", body)]);
    };

    const evaluationOf = ({ rule_name: name, outcome, reason, actions = [] }, isOnly) => {
        const words = OUTCOMES[outcome] ?? outcome;
        const parts = [make("h3", isOnly ? words : `${name}: ${words}`, { class: `rule-outcome rule-outcome-${outcome}` })];
        if (reason) {
            parts.push(make("p", reason));
        }
        if (actions.length) {
            const rows = actions.map((action) => [described(action), inWords(action.before), inWords(action.after)]);
            parts.push(tableOf(["What it would do", "Before", "After"], rows));
        } else if (outcome === "matched") {
            parts.push(make("p", "It does nothing."));
        }
        return parts;
    };

    /** Where a rule failed alone: at the last action that it came to, or at its condition. */
    const failureOf = ({ outcome, reason, actions = [] } = {}) => {
        const action = actions.length ? actions.length - 1 : null;
        return outcome === "failed" ? { message: reason, action } : null;
    };

    /** A loan or a pin may cover what was earned, so that they stand where they stood. */
    const riseOf = ({ tier, before, after, earned_level: earned }) => {
        return [tier, inWords(before), earned ? `${inWords(after)} (earned ${earned})` : inWords(after)];
    };

    const show = ({ failure, rule_evaluations: evaluations, tier_changes: tiers = [], participant_state: state }) => {
        const parts = evaluations.flatMap((each) => evaluationOf(each, evaluations.length === 1));
        if (failure) {
            parts.unshift(make("p", `The event would fail and change nothing: ${failure.message}`, { class: "errornote" }));
        }
        if (tiers.length) {
            parts.push(make("h3", "Tiers"));
            parts.push(tableOf(["Tier", "Before", "After"], tiers.map(riseOf)));
        }
        if (state) {
            const text = make("pre", JSON.stringify(state, null, 2));
            parts.push(make("details", [make("summary", "The participant afterwards"), text]));
        }
        result.replaceChildren(...parts);
        window.laurelRule.refuse?.([]);
        const mistake = failure ?? failureOf(evaluations[0]);
        if (mistake) {
            window.laurelRule.fail?.(mistake);
        }
    };

    // A result is of what stood in the form; once that is another, it is grayed.

    const asked = () => JSON.stringify([
        window.laurelRule.draft?.(),
        form.elements.who.value,
        [...notes.values()].map(({ field }) => field.value),
    ]);
    let shown = null;

    const mark = () => {
        const isOld = shown !== null && shown !== asked();
        if (isOld !== result.classList.contains("rule-old")) {
            result.classList.toggle("rule-old", isOld);
            isOld ? result.prepend(make("p", "You have changed something since. Try it again.", { class: "rule-old-note" })) : result.querySelector(".rule-old-note")?.remove();
        }
    };

    for (const name of ["input", "change"]) {
        document.addEventListener(name, ({ target }) => {
            if (target.form === form || target.closest?.("#rule_form")) {
                mark();
            }
        });
    }

    const complain = (words) => result.replaceChildren(make("p", words, { class: "errornote" }));

    const refuse = ({ message, details }) => {
        const errors = details?.fields ?? [];
        window.laurelRule.refuse?.(errors.filter(({ field }) => field.startsWith("rule.")));
        for (const error of errors) {
            const [name, ...place] = error.field.split(/[.[]/);
            const words = place.length ? `${error.field}: ${error.message}` : error.message;
            notes.get(name === "participant_id" ? "external_id" : name)?.show({ message: words });
        }
        complain(message);
    };

    let latest = 0;
    form.addEventListener("submit", async (event) => {
        event.preventDefault();
        notes.forEach((note) => note.clear());
        latest += 1;
        const mine = latest;
        const about = asked();
        let text;
        try {
            text = question();
        } catch {
            complain("Fix the JSON first.");
            return;
        }
        const answer = await post(data.simulate_url, text).catch(() => null);
        if (mine !== latest) {
            return; // something else has been tried since
        }
        shown = about;
        result.classList.remove("rule-old");
        if (answer === null) {
            complain("The server did not answer. Try again.");
        } else {
            answer.ok ? show(answer.body) : refuse(answer.body);
        }
        mark();
    });

    panel.addEventListener("change", showWho);
    window.addEventListener("pageshow", showWho);
    panel.hidden = false;
    showWho();
}
