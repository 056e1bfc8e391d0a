"""The schemas of bodies, which the OpenAPI document shows, agree with the domain's readers, which decide."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import pytest
from django.test import Client
from jsonschema_rs import Draft202012Validator

from participants.events.request import clean_event
from participants.events.trial import clean_trial
from participants.ledger.request import clean_adjustment, clean_transfer
from participants.models import ActionType
from participants.state.changes import (
    clean_attribute,
    clean_change,
    clean_list,
    clean_upsert,
)
from participants.state.counters import clean_counter
from participants.state.tiers import clean_tier
from programs import rulebook
from programs.kernel import exact_json
from programs.kernel.exceptions import ValidationFailed

READERS: dict[str, Callable[[object], object]] = {
    "UpsertRequest": clean_upsert,
    "BatchRequest": partial(clean_list, name="participants", most=1000),
    "ChangeRequest": clean_change,
    "StatusRequest": partial(clean_change, only="status"),
    "TagsRequest": partial(clean_change, only="tags"),
    "AttributesRequest": partial(clean_change, only="attributes"),
    "AttributeRequest": partial(clean_attribute, key="plan"),
    "CounterRequest": clean_counter,
    "TierRequest": clean_tier,
    "AdjustmentRequest": clean_adjustment,
    "HoldRequest": partial(clean_transfer, action=ActionType.HOLD),
    "ReleaseRequest": partial(clean_transfer, action=ActionType.RELEASE),
    "ForfeitRequest": partial(clean_transfer, action=ActionType.FORFEIT),
    "EventBodyRequest": partial(clean_event, received_at=datetime.now(UTC)),
    "EventBatchRequest": partial(clean_list, name="events", most=1000),
    "TrialRequest": partial(clean_trial, now=datetime.now(UTC)),
    "NewRuleRequest": rulebook.clean_new,
    "RuleChangeRequest": rulebook.clean_edit,
    "RuleRestorationRequest": rulebook.clean_restoration,
}
# Which of these may stand beside which, no schema says. The rows of a batch are read one by one, after the body.
# Whether a condition is an expression, only the language knows.
COMBINED = {"matures_at", "allow_negative", "participant_id", "external_id", "participant_state"}
NESTED = {"participants", "events", "participant_state", "rule", "condition"}
# Times too far ahead or past are known by the clock, and the header may give the key that a null leaves out. A rule
# begins before it ends.
ONLY_READERS_KNOW = [
    ("expires_at", "2026-01-15T10:30:00Z"),
    ("event_timestamp", "2099-12-31T00:00:00Z"),
    ("idempotency_key", None),
    ("active_from", "2099-12-31T00:00:00Z"),
]


@cache
def document() -> Any:
    return Client().get("/v1/openapi.json").json()


@cache
def validator(component: str) -> Draft202012Validator:
    components = document()["components"]
    root = {"$ref": f"#/components/schemas/{component}", "components": components}
    return Draft202012Validator(root, validate_formats=True)


def examples(component: str) -> list[Any]:
    reference = {"$ref": f"#/components/schemas/{component}"}
    for path in document()["paths"].values():
        for operation in path.values():
            content = operation.get("requestBody", {"content": {}})["content"]
            body = content.get("application/json", {})
            if body.get("schema") == reference:
                return [example["value"] for example in body["examples"].values()]
    raise AssertionError(f"No call takes a {component}.")


def is_read(component: str, body: Any) -> bool:
    try:
        READERS[component](exact_json.loads(exact_json.dumps(body)))
    except (exact_json.InvalidJSON, ValidationFailed):
        return False
    return True


# One of each kind of JSON, and what stands at an edge of some field.
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 1.5, 10**39, 10**41),
    *("", " ", "a", "12", "12.50", "0", "-1", "1e5", "1.0000000000000000001", "9" * 21),
    *("ACTIVE", "CREDIT", "DEFERRED", "24h", "1h30m", "h", "ana@example.com", "ana@"),
    *("0198c0de-7a3b-7c21-9f4e-2b1d5a6c7e80", "2026-01-15T10:30:00Z", "2099-12-31T00:00:00Z"),
    *("x" * 50, "x" * 51, "x" * 64, "x" * 65, "x" * 255, "x" * 256, "x" * 500, "x" * 501),
    *(
        [],
        ["vip"],
        [1],
        [""],
        [" "],
        ["x" * 256],
        [{}],
        {},
        {"a": 1},
        {"a": None},
        {"a": []},
        {"": "b"},
    ),
    *({"x" * 100: "a"}, {"x" * 101: "a"}, {"a": "x" * 1000}, {"a": "x" * 1001}),
]


@pytest.mark.parametrize("component", READERS)
def test_the_schema_and_the_reader_take_the_examples(component: str) -> None:
    for body in examples(component):
        assert validator(component).is_valid(body)
        assert is_read(component, body)


@pytest.mark.parametrize("component", READERS)
def test_the_schema_and_the_reader_require_the_same_fields(component: str) -> None:
    for body in examples(component):
        for name in body.keys() - COMBINED:
            shorter = {each: body[each] for each in body if each != name}

            assert validator(component).is_valid(shorter) == is_read(component, shorter), name


@pytest.mark.parametrize("component", READERS)
def test_the_schema_and_the_reader_know_the_same_fields(component: str) -> None:
    for body in examples(component):
        longer = {**body, "no_such_field": 1}

        assert not validator(component).is_valid(longer)
        assert not is_read(component, longer)


@pytest.mark.parametrize("component", READERS)
def test_the_schema_and_the_reader_take_and_refuse_the_same_values(component: str) -> None:
    schema = document()["components"]["schemas"][component]
    bodies = [
        (name, value, {**body, name: value})
        for body in examples(component)
        for name in schema["properties"].keys() - NESTED - (COMBINED - body.keys())
        for value in VALUES
        if (name, value) not in ONLY_READERS_KNOW
    ]

    disagreements = [
        (name, value)
        for name, value, body in bodies
        if validator(component).is_valid(body) != is_read(component, body)
    ]

    assert disagreements == []
