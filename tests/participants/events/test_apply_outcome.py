"""What is kept of an event's outcome."""

import pytest

from participants.events import outcome as outcome_json
from programs.kernel import exact_json
from tests.participants.events.in_memory import (
    a_rule,
    credit,
    move,
    run,
    set_attribute,
    somebody,
    tag,
)


def test_an_outcome_of_many_rules_is_cut_and_keeps_who_matched_or_failed() -> None:
    quiet = [a_rule(condition="event.amount == 1", name=f"Quiet {n}") for n in range(2000)]
    loud = a_rule(credit("1"), name="Loud")
    failing = a_rule(move("DEBIT", "2"), name="Failing")
    ana = somebody()

    outcome = run(ana, *quiet[:1000], loud, *quiet[1000:], failing, data={"amount": 2})

    kept = exact_json.loads(outcome_json.dumps(outcome))
    assert len(exact_json.dumps(kept)) <= outcome_json.MAX_STORED
    told = {each["rule_name"]: each["outcome"] for each in kept["rule_evaluations"]}
    assert (told["Loud"], told["Failing"]) == ("matched", "failed")
    assert kept["omitted_rules"] == 2002 - len(told)
    assert kept["failure"]["rule_name"] == "Failing"
    names = [each["rule_name"] for each in kept["rule_evaluations"]]
    assert names == [
        each["rule_name"] for each in outcome.rule_evaluations if each["rule_name"] in told
    ]


def test_a_rule_whose_effects_alone_are_too_long_is_still_told_to_have_matched() -> None:
    data = {"long": "\N{WAVING HAND SIGN}" * 1000}
    actions = [set_attribute("event.long", f"k{n}") for n in range(50)]
    outcome = run(
        somebody(), a_rule(*actions, name="Long"), a_rule(tag("x"), name="Short"), data=data
    )

    kept = exact_json.loads(outcome_json.dumps(outcome))

    assert len(exact_json.dumps(kept)) <= outcome_json.MAX_STORED
    assert {each["rule_name"]: each["outcome"] for each in kept["rule_evaluations"]} == {
        "Long": "matched",
        "Short": "matched",
    }


@pytest.mark.parametrize(
    "condition",
    [
        'int("\\x00") == 1',
        'event["\\x00"] == 1',
        'timestamp("\\x00") == now',
        'now.getHours("\\x00") == 1',
    ],
)
def test_what_is_kept_can_be_stored_whatever_a_rule_says(condition: str) -> None:
    """PostgreSQL's jsonb takes no NUL, and then the event would fail unexpectedly, six times over."""
    outcome = run(somebody(), a_rule(condition=condition))

    assert b"\\u0000" not in outcome_json.dumps(outcome)


@pytest.mark.parametrize(
    "expression", ["int(event.long)", "string(timestamp(event.long))", "double(event.long)"]
)
def test_a_reason_is_short_however_long_what_it_tells_of(expression: str) -> None:
    ana = somebody()
    rule = a_rule(set_attribute(expression))

    outcome = run(ana, rule, data={"long": "x" * 500_000})

    assert outcome.rule_evaluations[0]["outcome"] == "failed"
    assert len(outcome_json.dumps(outcome)) < 8000
