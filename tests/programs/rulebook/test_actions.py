"""The actions of a rule: kept in one spelling, or refused with the path."""

from typing import Any
from uuid import uuid4

import pytest

from programs import rulebook
from programs.kernel.exceptions import ValidationFailed
from tests.programs.rulebook.changes import body, refusals

ASSET = "0198c0dd-3f4a-7b5c-8d6e-7f8091a2b3c4"
TAG = {"type": "TAG", "tag": "vip"}
MOVED = {"asset_id": ASSET, "amount": "1"}


def cleaned(action: object) -> dict[str, Any]:
    new = rulebook.clean_new(body(uuid4(), actions=[action]))
    return new.actions[0]


TIER = {"type": "SET_TIER", "tier": "status", "level": "gold"}

COUNTER = {"type": "COUNTER", "key": "spent", "value": "1"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (
            {"type": "CREDIT", "asset_id": ASSET.upper(), "amount": "100.50"},
            {"type": "CREDIT", "asset_id": ASSET, "amount": "100.5", "bucket": "AVAILABLE"},
        ),
        (
            {"type": "CREDIT", **MOVED, "bucket": "HELD", "description": "A gift."},
            {"type": "CREDIT", **MOVED, "bucket": "HELD", "description": "A gift."},
        ),
        (
            {"type": "CREDIT", **MOVED, "bucket": "AVAILABLE", "matures_at": "90m"},
            {"type": "CREDIT", **MOVED, "bucket": "AVAILABLE", "matures_at": "1h30m"},
        ),
        (
            {"type": "CREDIT", **MOVED, "matures_at": "2027-01-01T01:00:00+01:00"},
            {
                "type": "CREDIT",
                **MOVED,
                "bucket": "AVAILABLE",
                "matures_at": "2027-01-01T00:00:00.000000Z",
            },
        ),
        (
            {"type": "CREDIT", **MOVED, "matures_at": "0001-01-01T00:00:00Z"},
            {
                "type": "CREDIT",
                **MOVED,
                "bucket": "AVAILABLE",
                "matures_at": "0001-01-01T00:00:00.000000Z",
            },
        ),
        (
            {"type": "CREDIT", "asset_id": ASSET, "amount": " round(event.amount * 0.05, 2)"},
            {
                "type": "CREDIT",
                "asset_id": ASSET,
                "amount": " round(event.amount * 0.05, 2)",
                "bucket": "AVAILABLE",
            },
        ),
        ({"type": "DEBIT", **MOVED}, {"type": "DEBIT", **MOVED, "allow_negative": False}),
        (
            {"type": "DEBIT", **MOVED, "allow_negative": True, "description": "x" * 500},
            {"type": "DEBIT", **MOVED, "allow_negative": True, "description": "x" * 500},
        ),
        ({"type": "HOLD", **MOVED}, {"type": "HOLD", **MOVED, "bucket": "AVAILABLE"}),
        ({"type": "RELEASE", **MOVED}, {"type": "RELEASE", **MOVED, "bucket": "HELD"}),
        (
            {"type": "RELEASE", **MOVED, "bucket": "HELD", "description": "x"},
            {"type": "RELEASE", **MOVED, "bucket": "HELD", "description": "x"},
        ),
        ({"type": "FORFEIT", **MOVED}, {"type": "FORFEIT", **MOVED, "bucket": "AVAILABLE"}),
        (
            {"type": "FORFEIT", **MOVED, "bucket": "DEFERRED"},
            {"type": "FORFEIT", **MOVED, "bucket": "DEFERRED"},
        ),
        ({"type": "TAG", "tag": "VIP"}, {"type": "TAG", "tag": "vip"}),
        ({"type": "TAG", "tag": "T" * 255}, {"type": "TAG", "tag": "t" * 255}),
        ({"type": "UNTAG", "tag": "Beta "}, {"type": "UNTAG", "tag": "beta "}),
        (
            {"type": "COUNTER", "key": "k" * 100, "value": "-5.250"},
            {"type": "COUNTER", "key": "k" * 100, "value": "-5.25"},
        ),
        (
            {"type": "COUNTER", "key": "spent", "value": "9" * 20, "reset_after": "876000h"},
            {"type": "COUNTER", "key": "spent", "value": "9" * 20, "reset_after": "876000h"},
        ),
        (
            {"type": "COUNTER", "key": "spent", "value": "event.amount", "reset_after": "60m"},
            {"type": "COUNTER", "key": "spent", "value": "event.amount", "reset_after": "1h"},
        ),
        (
            {"type": "COUNTER", "key": "spent", "value": "1", "reset_after": "30m1w1d"},
            {"type": "COUNTER", "key": "spent", "value": "1", "reset_after": "192h30m"},
        ),
        *(
            ({**COUNTER, "reset": period}, {**COUNTER, "reset": period})
            for period in ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")
        ),
        (
            {"type": "CREDIT", **MOVED, "bucket": "AVAILABLE", "matures_at": "30d"},
            {"type": "CREDIT", **MOVED, "bucket": "AVAILABLE", "matures_at": "720h"},
        ),
        (
            {"type": "SET_ATTRIBUTE", "key": "plan", "value": "x" * 1000},
            {"type": "SET_ATTRIBUTE", "key": "plan", "value": "x" * 1000},
        ),
        (
            {"type": "SET_ATTRIBUTE", "key": "plan", "value": ""},
            {"type": "SET_ATTRIBUTE", "key": "plan", "value": ""},
        ),
        (
            {"type": "SET_ATTRIBUTE", "key": "plan", "expression": "event.plan"},
            {"type": "SET_ATTRIBUTE", "key": "plan", "expression": "event.plan"},
        ),
        (
            {"type": "SET_TIER", "tier": "status", "level": "gold"},
            {"type": "SET_TIER", "tier": "status", "level": "gold"},
        ),
        (
            {"type": "SET_TIER", "tier": "status", "level": ""},
            {"type": "SET_TIER", "tier": "status", "level": ""},
        ),
        (
            TIER | {"expires_at": "90m", "pinned": True},
            TIER | {"expires_at": "1h30m", "pinned": True},
        ),
        (
            TIER | {"expires_at": "2026-12-24T01:00:00+01:00"},
            TIER | {"expires_at": "2026-12-24T00:00:00.000000Z"},
        ),
        (
            TIER | {"level": "", "expires_at": "24h", "pinned": True},
            TIER | {"level": "", "expires_at": "24h", "pinned": True},
        ),
    ],
)
def test_an_action_is_kept_in_one_spelling(given: dict[str, Any], kept: dict[str, Any]) -> None:
    assert cleaned(given) == kept
    assert cleaned(kept) == kept


CREDIT = {"type": "CREDIT", **MOVED}
ATTRIBUTE = {"type": "SET_ATTRIBUTE", "key": "plan", "value": "free"}


@pytest.mark.parametrize(
    ("action", "field", "reason"),
    [
        ("TAG", "", "type"),
        (None, "", "type"),
        ([TAG], "", "type"),
        ({}, ".type", "required"),
        ({"type": "credit"}, ".type", "invalid"),
        ({"type": "BROADCAST"}, ".type", "invalid"),
        ({"type": ["TAG"]}, ".type", "invalid"),
        ({**CREDIT, "asset_id": None}, ".asset_id", "required"),
        ({**CREDIT, "asset_id": "POINTS"}, ".asset_id", "invalid"),
        ({**CREDIT, "asset_id": 7}, ".asset_id", "invalid"),
        ({**CREDIT, "amount": None}, ".amount", "required"),
        ({**CREDIT, "amount": 100}, ".amount", "type"),
        ({**CREDIT, "amount": True}, ".amount", "type"),
        ({**CREDIT, "amount": ""}, ".amount", "blank"),
        ({**CREDIT, "amount": " "}, ".amount", "blank"),
        ({**CREDIT, "amount": "1 +"}, ".amount", "syntax"),
        ({**CREDIT, "amount": "true"}, ".amount", "syntax"),
        ({**CREDIT, "amount": '"5"'}, ".amount", "syntax"),
        ({**CREDIT, "amount": "evnt.amount"}, ".amount", "syntax"),
        ({**CREDIT, "amount": "1" * 4097}, ".amount", "too_long"),
        ({**CREDIT, "bucket": "DEFERRED"}, ".bucket", "invalid"),
        ({**CREDIT, "bucket": None}, ".bucket", "required"),
        ({**CREDIT, "bucket": "held"}, ".bucket", "invalid"),
        ({**CREDIT, "description": ""}, ".description", "blank"),
        ({**CREDIT, "description": " "}, ".description", "blank"),
        ({**CREDIT, "description": None}, ".description", "required"),
        ({**CREDIT, "description": 7}, ".description", "type"),
        ({**CREDIT, "description": "x" * 501}, ".description", "too_long"),
        ({**CREDIT, "matures_at": None}, ".matures_at", "invalid"),
        ({**CREDIT, "matures_at": ""}, ".matures_at", "invalid"),
        ({**CREDIT, "matures_at": 720}, ".matures_at", "invalid"),
        ({**CREDIT, "matures_at": "30y"}, ".matures_at", "invalid"),
        ({**CREDIT, "matures_at": "0h"}, ".matures_at", "invalid"),
        ({**CREDIT, "matures_at": "876001h"}, ".matures_at", "invalid"),
        ({**CREDIT, "matures_at": "2027-01-01"}, ".matures_at", "invalid"),
        ({**CREDIT, "matures_at": "2027-01-01T00:00:00"}, ".matures_at", "invalid"),
        ({**CREDIT, "matures_at": "1h", "bucket": "HELD"}, ".matures_at", "invalid"),
        ({**CREDIT, "allow_negative": True}, ".allow_negative", "unknown"),
        ({**CREDIT, "target": "friend"}, ".target", "unknown"),
        ({**MOVED, "type": "DEBIT", "allow_negative": 1}, ".allow_negative", "type"),
        ({**MOVED, "type": "DEBIT", "allow_negative": None}, ".allow_negative", "type"),
        ({**MOVED, "type": "DEBIT", "bucket": "HELD"}, ".bucket", "unknown"),
        ({**MOVED, "type": "DEBIT", "matures_at": "1h"}, ".matures_at", "unknown"),
        ({**MOVED, "type": "HOLD", "bucket": "HELD"}, ".bucket", "invalid"),
        ({"type": "HOLD", "asset_id": ASSET}, ".amount", "required"),
        ({**MOVED, "type": "RELEASE", "bucket": "AVAILABLE"}, ".bucket", "invalid"),
        ({"type": "RELEASE", "amount": "1"}, ".asset_id", "required"),
        ({**MOVED, "type": "FORFEIT", "bucket": "ISSUANCE"}, ".bucket", "invalid"),
        ({"type": "FORFEIT", "asset_id": ASSET}, ".amount", "required"),
        ({"type": "TAG"}, ".tag", "required"),
        ({"type": "TAG", "tag": None}, ".tag", "required"),
        ({"type": "TAG", "tag": ""}, ".tag", "blank"),
        ({"type": "TAG", "tag": 7}, ".tag", "type"),
        ({"type": "TAG", "tag": "x" * 256}, ".tag", "too_long"),
        ({"type": "TAG", "tag": "\u0130" * 128}, ".tag", "too_long"),  # two each in lower case
        ({"type": "TAG", "tag": "a\0"}, ".tag", "invalid"),
        ({"type": "UNTAG", "tag": ["vip"]}, ".tag", "type"),
        ({"type": "UNTAG", "tags": "vip"}, ".tag", "required"),
        ({**COUNTER, "key": ""}, ".key", "blank"),
        ({**COUNTER, "key": None}, ".key", "required"),
        ({**COUNTER, "key": "x" * 101}, ".key", "too_long"),
        ({**COUNTER, "value": None}, ".value", "required"),
        ({**COUNTER, "value": 1}, ".value", "type"),
        ({**COUNTER, "value": "1 = 1"}, ".value", "syntax"),
        ({**COUNTER, "reset_after": ""}, ".reset_after", "invalid"),
        ({**COUNTER, "reset_after": None}, ".reset_after", "invalid"),
        ({**COUNTER, "reset_after": "1y"}, ".reset_after", "invalid"),
        ({**COUNTER, "reset_after": "2027-01-01T00:00:00Z"}, ".reset_after", "invalid"),
        ({**COUNTER, "reset_after": "876000h1s"}, ".reset_after", "invalid"),
        *(({**COUNTER, "reset": no}, ".reset", "invalid") for no in ("", "HOUR", "day", "24h")),
        ({**COUNTER, "reset": None}, ".reset", "required"),
        ({**COUNTER, "reset": 1}, ".reset", "invalid"),
        ({**COUNTER, "reset": "DAY", "reset_after": "24h"}, ".reset", "invalid"),
        ({**COUNTER, "amount": "1"}, ".amount", "unknown"),
        ({**ATTRIBUTE, "key": ""}, ".key", "blank"),
        ({**ATTRIBUTE, "key": "x" * 101}, ".key", "too_long"),
        ({**ATTRIBUTE, "value": "x" * 1001}, ".value", "too_long"),
        ({**ATTRIBUTE, "value": 5}, ".value", "type"),
        ({**ATTRIBUTE, "value": None}, ".value", "type"),
        ({**ATTRIBUTE, "value": True}, ".value", "type"),
        ({**ATTRIBUTE, "expression": "1"}, ".expression", "invalid"),
        ({"type": "SET_ATTRIBUTE", "key": "plan"}, ".value", "required"),
        ({"type": "SET_ATTRIBUTE", "key": "plan", "expression": ""}, ".expression", "blank"),
        ({"type": "SET_ATTRIBUTE", "key": "plan", "expression": 5}, ".expression", "type"),
        ({"type": "SET_ATTRIBUTE", "key": "plan", "expression": "a."}, ".expression", "syntax"),
        ({**TIER, "tier": ""}, ".tier", "blank"),
        ({**TIER, "tier": None}, ".tier", "required"),
        ({**TIER, "tier": "Status"}, ".tier", "invalid"),
        ({**TIER, "tier": "status\n"}, ".tier", "invalid"),
        ({**TIER, "tier": "k" * 65}, ".tier", "too_long"),
        ({**TIER, "level": None}, ".level", "required"),
        ({**TIER, "level": "Gold"}, ".level", "invalid"),
        ({"type": "SET_TIER", "tier": "status"}, ".level", "required"),
        (TIER | {"expires_at": "-24h"}, ".expires_at", "invalid"),
        (TIER | {"expires_at": "tomorrow"}, ".expires_at", "invalid"),
        (TIER | {"pinned": "yes"}, ".pinned", "type"),
        (TIER | {"level": "", "expires_at": "24h"}, ".expires_at", "invalid"),
        (TIER | {"level": "", "expires_at": "24h", "pinned": False}, ".expires_at", "invalid"),
    ],
)
def test_an_action_outside_its_shape_is_refused_with_its_path(
    action: Any, field: str, reason: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        rulebook.clean_new(body(uuid4(), actions=[TAG, action]))

    assert refusals(refused)[0] == (f"actions[1]{field}", reason)
