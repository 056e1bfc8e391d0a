// The rule's page: has the API check the condition and the actions while they are typed.
"use strict";

{
    const { Code, Question, Rows, data, timeIn } = window.laurelRule;
    const form = document.getElementById("rule_form");
    const condition = new Code(document.getElementById("id_condition"));
    const rows = new Rows(document.getElementById("rule-action-rows"));
    const ofCondition = new Question(data.validate_url);
    const ofActions = new Question(data.validate_url);

    const checkCondition = () => {
        if (!condition.field.value.trim()) {
            ofCondition.forget();
            condition.clear();
            return;
        }
        const body = { program_id: data.program_id, condition: condition.field.value };
        ofCondition.ask(body, ({ ok, body: { errors } }) => {
            const [error] = ok ? errors : [];
            error ? condition.show(error) : condition.clear();
        });
    };

    const checkActions = () => {
        ofActions.ask({ program_id: data.program_id, actions: rows.actions() }, ({ ok, body: { errors } }) => {
            rows.show(ok ? errors : []);
        });
    };

    /** What the server said of a field stands until the field is edited. */
    const forgetRefusal = (field) => {
        const wrapper = field.closest(".rule-field, .form-row");
        wrapper?.querySelector(".errorlist")?.remove();
        wrapper?.classList.remove("errors");
    };

    let isChanged = Boolean(document.querySelector(".errornote")); // what was refused stands there unsaved
    form.addEventListener("input", ({ target }) => {
        if (target.form === form) {
            isChanged = true;
            forgetRefusal(target);
        }
    });
    condition.field.addEventListener("input", checkCondition);
    rows.element.addEventListener("input", checkActions);
    rows.element.addEventListener("change", () => {
        isChanged = true; // added, moved and removed rows too
        checkActions();
    });

    // The buttons above the page leave what is typed below behind.
    for (const verb of document.querySelectorAll(".rule-verb")) {
        verb.addEventListener("submit", (event) => {
            if (isChanged && !window.confirm("What you changed on this page is not saved. Go on without it?")) {
                event.preventDefault();
            }
        });
    }

    // Going back, a browser fills in the form after scripts have run.
    window.addEventListener("pageshow", () => {
        rows.rows.forEach((row) => row.fit());
        condition.fit();
        checkCondition();
        checkActions();
    });

    /** The rule as it stands on the page. */
    window.laurelRule.draft = () => ({
        condition: condition.field.value,
        actions: rows.actions(),
        active_from: timeIn(form.elements.active_from),
        active_to: timeIn(form.elements.active_to),
    });

    /** Says at the fields what is wrong with such a draft. */
    window.laurelRule.refuse = (errors) => {
        const [error] = errors.filter(({ field }) => field === "rule.condition");
        error ? condition.show(error) : condition.clear();
        rows.show(errors, { emptyToo: true });
    };

    /** Says at the field that an action, counted from 0, or the condition failed. */
    window.laurelRule.fail = ({ action, message }) => {
        action === null ? condition.show({ message }) : rows.filled[action]?.fail({ message });
    };
}
