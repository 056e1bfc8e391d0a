// The page of a rule: the API checks the condition and the actions while they are typed.
"use strict";

{
    const { Code, Question, Rows, data, timeIn } = window.laurelRule;
    const form = document.getElementById("rule_form");
    const condition = new Code(document.getElementById("id_condition"));
    condition.open();
    const rows = new Rows(document.getElementById("rule-action-rows"));
    const question = new Question(data.validate_url);

    /** Checks both together: a counter that an action counts is known to the condition. */
    const check = () => {
        const text = condition.field.value;
        const body = { program_id: data.program_id, actions: rows.actions() };
        if (text.trim()) {
            body.condition = text;
        } else {
            condition.clear();
        }
        question.ask(body, ({ ok, body: { errors, warnings } }) => {
            showCondition(ok ? errors : [], ok ? warnings : []);
            rows.show(ok ? errors : [], { warnings: ok ? warnings : [] });
        });
    };

    const showCondition = (errors, warnings = []) => {
        const about = ({ field }) => field.endsWith("condition");
        const [error, warning] = [errors.find(about), warnings.find(about)];
        if (error) {
            condition.show(error);
        } else {
            warning ? condition.warn(warning) : condition.clear();
        }
    };

    /** An error from the server stays until its field is edited. */
    const forgetRefusal = (field) => {
        const wrapper = field.closest(".rule-field, .form-row");
        wrapper?.querySelector(".errorlist")?.remove();
        wrapper?.classList.remove("errors");
    };

    let isChanged = Boolean(document.querySelector(".errornote")); // what was refused is not saved
    form.addEventListener("input", ({ target }) => {
        if (target.form === form) {
            isChanged = true;
            forgetRefusal(target);
        }
    });
    condition.field.addEventListener("input", check);
    rows.element.addEventListener("input", check);
    rows.element.addEventListener("change", () => {
        isChanged = true; // rows were added, moved or removed, too
        check();
    });

    // The buttons above the form leave the page, and what was typed below is lost.
    for (const verb of document.querySelectorAll(".rule-verb")) {
        verb.addEventListener("submit", (event) => {
            if (isChanged && !window.confirm("Your changes on this page are not saved. Continue without them?")) {
                event.preventDefault();
            }
        });
    }

    // On going back, a browser fills in the form after the scripts have run.
    window.addEventListener("pageshow", () => {
        rows.rows.forEach((row) => row.fit());
        condition.open();
        check();
    });

    window.laurelRule.condition = condition;

    /** The rule as it is on the page, saved or not. */
    window.laurelRule.draft = () => ({
        condition: condition.field.value,
        actions: rows.actions(),
        active_from: timeIn(form.elements.active_from),
        active_to: timeIn(form.elements.active_to),
    });

    /** Shows beside the fields what is wrong with such a draft. */
    window.laurelRule.refuse = (errors) => {
        question.forget(); // the trial has checked more than its answer, still on the way, would say
        showCondition(errors);
        rows.show(errors, { emptyToo: true });
    };

    /** Shows where a trial run failed: at an action, counted from 0, or at the condition. */
    window.laurelRule.fail = ({ action, message }) => {
        action === null ? condition.show({ message }) : rows.filled[action]?.fail({ message });
    };
}
