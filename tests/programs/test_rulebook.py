import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connections, transaction

from programs import assets, rulebook, tracks
from programs.kernel import durations
from programs.kernel.exceptions import (
    DomainError,
    OrderTaken,
    ProgramInactive,
    ProgramNotFound,
    RuleChanged,
    RuleNotFound,
    ValidationFailed,
)
from programs.models import Asset, Program, Rule, RuleVersion
from programs.models.rules import MAX_ORDER
from tests.conftest import TESTER
from tests.participants.test_races import at_once

ASSET = "0198c0dd-3f4a-7b5c-8d6e-7f8091a2b3c4"
TAG = {"type": "TAG", "tag": "vip"}
MOVED = {"asset_id": ASSET, "amount": "1"}
WINDOW = {"active_from": "2026-01-01T00:00:00Z", "active_to": "2026-02-01T00:00:00Z"}


def body(program: Program | UUID, **more: Any) -> dict[str, Any]:
    program_id = program.pk if isinstance(program, Program) else program
    rule = {"name": "Welcome", "condition": "true", "actions": [TAG]}
    return {"program_id": str(program_id), **rule, **more}


def made(program: Program, **more: Any) -> Rule:
    return rulebook.create(rulebook.clean_new(body(program, **more)), by=TESTER)


def changed(rule: Rule, **values: Any) -> Rule:
    return rulebook.change(rule.pk, rulebook.clean_change(values), by=TESTER)


def refusals(refused: pytest.ExceptionInfo[DomainError]) -> list[tuple[str, str]]:
    return [(error.field, error.reason) for error in refused.value.fields]


def revision(program: Program) -> UUID:
    return Program.objects.get(pk=program.pk).revision


def orders(program: Program) -> dict[str, int]:
    current = Rule.objects.filter(program=program).current().in_order()
    return dict(current.values_list("name", "order"))


# Bodies


def cleaned(action: object) -> dict[str, Any]:
    new = rulebook.clean_new(body(uuid4(), actions=[action]))
    return new.actions[0]


def test_a_body_is_read_with_its_defaults() -> None:
    program_id = uuid4()

    assert rulebook.clean_new(body(program_id)) == rulebook.NewRule(
        program_id=program_id,
        name="Welcome",
        description="",
        condition="true",
        actions=[TAG],
        order=None,
        stop_after_match=False,
        active_from=None,
        active_to=None,
        status="ACTIVE",
    )


def test_a_change_says_only_what_the_body_names() -> None:
    given = {"order": 2, "active_from": None, "active_to": "2026-01-01T01:00:00+01:00"}

    assert rulebook.clean_change({}) == {}
    assert rulebook.clean_change(given) == {
        "order": 2,
        "active_from": None,
        "active_to": datetime(2026, 1, 1, tzinfo=UTC),
    }


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
    ],
)
def test_an_action_is_kept_in_one_spelling(given: dict[str, Any], kept: dict[str, Any]) -> None:
    assert cleaned(given) == kept
    assert cleaned(kept) == kept


CREDIT = {"type": "CREDIT", **MOVED}
COUNTER = {"type": "COUNTER", "key": "spent", "value": "1"}
ATTRIBUTE = {"type": "SET_ATTRIBUTE", "key": "plan", "value": "free"}
TIER = {"type": "SET_TIER", "tier": "status", "level": "gold"}


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
        ({**CREDIT, "matures_at": "30d"}, ".matures_at", "invalid"),
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
        ({**COUNTER, "reset_after": "1d"}, ".reset_after", "invalid"),
        ({**COUNTER, "reset_after": "2027-01-01T00:00:00Z"}, ".reset_after", "invalid"),
        ({**COUNTER, "reset_after": "876000h1s"}, ".reset_after", "invalid"),
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
    ],
)
def test_an_action_outside_its_shape_is_refused_with_its_path(
    action: Any, field: str, reason: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        rulebook.clean_new(body(uuid4(), actions=[TAG, action]))

    assert refusals(refused)[0] == (f"actions[1]{field}", reason)


def test_all_mistakes_are_told_at_once_and_what_is_known_is_listed() -> None:
    actions = [
        {"type": "CREDIT", "amount": "1 +", "target": 1},
        {"type": "GIFT"},
        {**ATTRIBUTE, "value": 5},
    ]

    with pytest.raises(ValidationFailed) as refused:
        rulebook.clean_new({"actions": actions, "condition": "event.x =", "colour": "red"})

    assert refusals(refused) == [
        ("program_id", "required"),
        ("condition", "syntax"),
        ("actions[0].asset_id", "required"),
        ("actions[0].amount", "syntax"),
        ("actions[0].target", "unknown"),
        ("actions[1].type", "invalid"),
        ("actions[2].value", "type"),
        ("colour", "unknown"),
        ("name", "required"),
    ]
    words = {error.field: error.message for error in refused.value.fields}
    assert "it has asset_id, amount, bucket, description, matures_at" in words["actions[0].target"]
    assert "CREDIT, DEBIT, HOLD, RELEASE, FORFEIT, TAG, UNTAG, COUNTER" in words["actions[1].type"]
    assert "`expression`" in words["actions[2].value"]


def test_a_mistake_in_an_expression_has_its_place() -> None:
    with pytest.raises(ValidationFailed) as refused:
        rulebook.clean_change({"condition": "event.x > 1 &&\n  event.y ="})

    [error] = refused.value.fields
    assert error.as_dict() == {
        "field": "condition",
        "reason": "syntax",
        "message": error.message,
        "position": {"line": 2, "column": 11, "offending": "="},
    }
    assert error.message.startswith("Line 2, column 11: ")


def test_very_many_mistakes_are_answered_with_the_first() -> None:
    with pytest.raises(ValidationFailed) as refused:
        rulebook.clean_new(body(uuid4(), actions=[{"type": "CREDIT"}] * 50))

    assert len(refusals(refused)) == 51


# Creating


def test_a_rule_is_created_with_its_first_version(program: Program) -> None:
    before = revision(program)

    rule = made(program, name="Gold", active_from="0001-01-01T00:00:00Z")

    version = RuleVersion.objects.get()
    assert (version.rule, version.version, version.changed_by) == (rule, 1, "command:tests")
    assert version.snapshot == rule.snapshot() == Rule.objects.get().snapshot()
    assert version.snapshot == {
        "name": "Gold",
        "description": "",
        "condition": "true",
        "actions": [TAG],
        "order": 10,
        "stop_after_match": False,
        "active_from": "0001-01-01T00:00:00.000000Z",
        "active_to": None,
        "status": "ACTIVE",
    }
    assert revision(program) != before


def test_rules_without_an_order_come_after_all_that_are_not_archived(program: Program) -> None:
    first = made(program)
    second = made(program, status="SUSPENDED", order=77)
    rulebook.archive(made(program, order=500).pk, by=TESTER)
    elsewhere = made(Program.objects.create(name="Other"))

    assert (first.order, second.order, elsewhere.order) == (10, 77, 10)
    assert made(program).order == 87


def test_past_the_largest_order_a_rule_needs_one_of_its_own(program: Program) -> None:
    made(program, order=MAX_ORDER - 9)

    with pytest.raises(ValidationFailed) as refused:
        made(program)

    assert refusals(refused) == [("order", "out_of_range")]
    assert "reorder the rules" in refused.value.message
    assert made(program, order=7).order == 7
    assert Rule.objects.count() == 2


def test_an_order_is_unique_among_active_rules_of_a_program(program: Program) -> None:
    made(program, name="First", order=5)
    other = Program.objects.create(name="Other")

    with pytest.raises(OrderTaken) as refused:
        made(program, order=5)

    assert "“First”" in refused.value.message
    assert refusals(refused) == [("order", "unique")]
    assert made(program, order=5, status="SUSPENDED").order == 5
    assert made(program, order=5, status="ARCHIVED").order == 5
    assert made(other, order=5).order == 5


def test_a_program_that_is_not_there_or_archived_takes_no_rules(program: Program) -> None:
    rule = made(program)
    new = rulebook.clean_new(body(uuid4()))
    with pytest.raises(ProgramNotFound):
        rulebook.create(new, by=TESTER)
    Program.objects.update(status="SUSPENDED")
    made(program)
    Program.objects.update(status="ARCHIVED")

    with pytest.raises(ProgramInactive, match="archived"):
        made(program)
    with pytest.raises(ProgramInactive, match="archived"):
        rulebook.duplicate(rule.pk, by=TESTER)

    assert Rule.objects.count() == 2
    assert changed(rule, name="Other").name == "Other"


def asset(symbol: str, *programs: Program) -> Asset:
    made = assets.create({"name": symbol, "symbol": symbol})
    for program in programs:
        assets.link(made.pk, program.pk)
    return made


def test_what_actions_name_must_be_the_programs_own(program: Program) -> None:
    other = Program.objects.create(name="Other")
    ours, theirs = asset("OURS", program), asset("THEIRS", other)
    for owner, key, level in ((program, "status", "gold"), (other, "club", "gold")):
        levels = [{"key": level, "rank": 1}]
        tracks.create(owner.pk, tracks.clean_new({"key": key, "levels": levels}), by=TESTER)
    gone = tracks.create(program.pk, tracks.clean_new({"key": "gone"}), by=TESTER)
    tracks.delete(gone.pk, by=TESTER)
    actions = [
        {"type": "CREDIT", "asset_id": str(ours.pk), "amount": "1"},
        {"type": "DEBIT", "asset_id": str(theirs.pk), "amount": "1"},
        {"type": "HOLD", "asset_id": ASSET, "amount": "1"},
        {"type": "SET_TIER", "tier": "status", "level": "gold"},
        {"type": "SET_TIER", "tier": "status", "level": ""},
        {"type": "SET_TIER", "tier": "status", "level": "silver"},
        {"type": "SET_TIER", "tier": "club", "level": "gold"},
        {"type": "SET_TIER", "tier": "gone", "level": ""},
    ]
    rule = made(program, actions=[actions[0], *actions[3:5]])

    for verb in (partial(made, program), partial(changed, rule)):
        with pytest.raises(ValidationFailed) as refused:
            verb(actions=actions)

        assert refusals(refused) == [
            ("actions[1].asset_id", "not_linked"),
            ("actions[2].asset_id", "not_found"),
            ("actions[5].level", "not_found"),
            ("actions[6].tier", "not_found"),
            ("actions[7].tier", "not_found"),
        ]
    assert RuleVersion.objects.count() == 1


def test_a_rule_whose_track_has_gone_can_still_be_renamed(program: Program) -> None:
    track = tracks.create(program.pk, tracks.clean_new({"key": "status"}), by=TESTER)
    rule = made(program, actions=[{"type": "SET_TIER", "tier": "status", "level": ""}])
    tracks.delete(track.pk, by=TESTER)

    assert changed(rule, name="New", actions=rule.actions).name == "New"


# Changing


def test_each_change_keeps_a_version_and_revises_the_program(program: Program) -> None:
    rule = made(program)
    before = revision(program)

    after = changed(rule, name="New", order=7, **WINDOW)

    assert (after.version, after.name, after.order, after.condition) == (2, "New", 7, "true")
    assert after.updated_at > rule.updated_at
    newest, oldest = rulebook.history(after)
    assert rulebook.changes(newest) == [
        {"field": "name", "old": "Welcome", "new": "New"},
        {"field": "order", "old": 10, "new": 7},
        {"field": "active_from", "old": None, "new": "2026-01-01T00:00:00.000000Z"},
        {"field": "active_to", "old": None, "new": "2026-02-01T00:00:00.000000Z"},
    ]
    assert [change["field"] for change in rulebook.changes(oldest)] == list(rule.snapshot())
    assert revision(program) != before


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"name": "Welcome"},
        {"order": 10, "status": "ACTIVE", "stop_after_match": False},
        {"actions": [{"type": "TAG", "tag": "VIP"}]},
        {"active_from": None, "condition": "true"},
    ],
)
def test_a_change_of_nothing_writes_nothing(program: Program, values: dict[str, Any]) -> None:
    rule = made(program)
    before = revision(program)

    same = changed(rule, **values)

    assert (same.version, same.updated_at) == (1, rule.updated_at)
    assert RuleVersion.objects.count() == 1
    assert revision(program) == before


def test_a_window_ends_after_it_begins_whichever_of_both_a_change_names(program: Program) -> None:
    rule = made(program, **WINDOW)

    for values in (
        {"active_to": WINDOW["active_from"]},
        {"active_from": "2026-02-01T00:00:00Z"},
        {"active_from": "2027-01-02T00:00:00Z", "active_to": "2027-01-01T00:00:00Z"},
    ):
        with pytest.raises(ValidationFailed) as refused:
            changed(rule, **values)
        assert refusals(refused) == [("active_to", "invalid")]
    with pytest.raises(ValidationFailed):
        made(program, active_from=WINDOW["active_to"], active_to=WINDOW["active_from"])

    later = changed(rule, active_from="2026-03-01T00:00:00Z", active_to=None)
    assert (later.active_to, later.version) == (None, 2)


def test_a_change_of_a_version_that_is_no_longer_shown_is_refused(program: Program) -> None:
    rule = made(program)
    changed(rule, name="New")

    with pytest.raises(RuleChanged):
        rulebook.change(rule.pk, {"name": "Mine"}, by=TESTER, shown_version=1)

    assert rulebook.change(rule.pk, {"name": "Mine"}, by=TESTER, shown_version=2).version == 3


def test_an_order_is_judged_again_when_a_rule_becomes_active(program: Program) -> None:
    made(program, name="First", order=5)
    suspended = made(program, order=5, status="SUSPENDED")
    archived = made(program, order=5, status="ARCHIVED")

    for rule in (suspended, archived):
        with pytest.raises(OrderTaken, match="First"):
            changed(rule, status="ACTIVE")
        assert rulebook.found(rule.pk).version == 1

    assert changed(suspended, status="ACTIVE", order=6).order == 6
    assert changed(archived, status="SUSPENDED").status == "SUSPENDED"
    with pytest.raises(OrderTaken, match="First"):
        changed(suspended, order=5)


def test_an_archived_rule_frees_its_order_and_is_archived_once(program: Program) -> None:
    rule = made(program)

    rulebook.archive(rule.pk, by=TESTER)
    rulebook.archive(rule.pk, by=TESTER)

    assert rulebook.found(rule.pk).status == "ARCHIVED"
    assert RuleVersion.objects.filter(rule=rule).count() == 2
    assert made(program).order == 10


@pytest.mark.django_db
def test_a_rule_that_is_not_there_is_not_found() -> None:
    for verb in (
        rulebook.found,
        partial(rulebook.archive, by=TESTER),
        partial(rulebook.duplicate, by=TESTER),
        lambda rule_id: rulebook.change(rule_id, {}, by=TESTER),
    ):
        with pytest.raises(RuleNotFound):
            verb(uuid4())


# Reordering and copying


def test_rules_are_put_in_another_order(program: Program) -> None:
    rules = {name: made(program, name=name, order=order) for name, order in zip("abcd", (10, 20, 25, 30), strict=True)}  # fmt: skip
    changed(rules["d"], status="SUSPENDED")
    gone = made(program)
    rulebook.archive(gone.pk, by=TESTER)
    before = revision(program)

    result = rulebook.reorder(program.pk, [rules[name].pk for name in "cbad"], by=TESTER)

    assert orders(program) == {"c": 10, "b": 20, "a": 30, "d": 40}
    assert [(rule.name, rule.order) for rule in result] == list(orders(program).items())
    assert revision(program) != before
    versions = Counter(RuleVersion.objects.values_list("rule__name", flat=True))
    assert versions == {"a": 2, "b": 1, "c": 2, "d": 3, "Welcome": 2}
    newest = rulebook.history(rules["c"])[0]
    assert rulebook.changes(newest) == [{"field": "order", "old": 25, "new": 10}]
    assert newest.snapshot == rulebook.found(rules["c"].pk).snapshot()
    assert rulebook.found(gone.pk).order == gone.order


def test_a_reordering_that_changes_nothing_writes_nothing(program: Program) -> None:
    rules = [made(program), made(program)]
    before = revision(program)

    rulebook.reorder(program.pk, [rule.pk for rule in rules], by=TESTER)

    assert RuleVersion.objects.count() == 2
    assert revision(program) == before


def test_rules_move_out_of_the_way_of_the_largest_orders(program: Program) -> None:
    rules = [made(program, order=MAX_ORDER - number) for number in range(5)][::-1]
    rules += [made(program, order=order) for order in (20, 10, 30)]

    rulebook.reorder(program.pk, [rule.pk for rule in rules], by=TESTER)

    listed = Rule.objects.filter(program=program).in_order()
    assert [rule.pk for rule in listed] == [rule.pk for rule in rules]
    assert [rule.order for rule in listed] == [10, 20, 30, 40, 50, 60, 70, 80]


def test_a_reordering_names_every_rule_once(program: Program) -> None:
    first, second = made(program), made(program)
    archived = made(program, status="ARCHIVED")
    stranger = made(Program.objects.create(name="Other"))

    for wrong in (
        [],
        [first],
        [first, first],
        [first, second, second],
        [first, second, archived],
        [first, stranger],
        [first, second, stranger],
    ):
        with pytest.raises(ValidationFailed) as refused:
            rulebook.reorder(program.pk, [rule.pk for rule in wrong], by=TESTER)
        assert refusals(refused) == [("rule_ids", "invalid")]
    with pytest.raises(ProgramNotFound):
        rulebook.reorder(uuid4(), [], by=TESTER)
    assert RuleVersion.objects.count() == 4


def test_a_reordering_costs_the_same_however_many_rules_there_are(
    program: Program, queries: list[str]
) -> None:
    costs = set()
    for count in (3, 40):
        for _ in range(count):
            made(program)
        ids = list(Rule.objects.order_by("-order").values_list("pk", flat=True))
        queries.clear()
        rulebook.reorder(program.pk, ids, by=TESTER)
        costs.add(len(queries))

    assert len(costs) == 1


def test_a_copy_is_suspended_and_comes_last(program: Program) -> None:
    rule = made(program, name="x" * 255, description="d", stop_after_match=True, **WINDOW)

    copy = rulebook.duplicate(rule.pk, by=TESTER)

    assert copy.pk != rule.pk
    assert copy.snapshot() == {
        **rule.snapshot(),
        "name": f"Copy of {'x' * 247}",
        "order": 20,
        "status": "SUSPENDED",
    }
    assert RuleVersion.objects.filter(rule=copy).count() == 1


# What else revises a program


def test_a_track_and_an_asset_revise_the_programs_that_have_them(program: Program) -> None:
    other = Program.objects.create(name="Other")

    def revised_by(verb: Any) -> tuple[bool, bool]:
        before = revision(program), revision(other)
        verb()
        return revision(program) != before[0], revision(other) != before[1]

    new = tracks.clean_new({"key": "status"})
    assert revised_by(lambda: tracks.create(program.pk, new, by=TESTER)) == (1, 0)
    [track] = tracks.current(program.pk)
    change = partial(tracks.change, track.pk, tracks.TrackChange("Status"), by=TESTER)
    assert revised_by(change) == (1, 0)
    assert revised_by(change) == (0, 0)
    assert revised_by(lambda: tracks.delete(track.pk, by=TESTER)) == (1, 0)

    points = assets.create({"name": "Points", "symbol": "POINTS"})
    assert revised_by(lambda: assets.change(points.pk, {"name": "P"})) == (0, 0)
    assert revised_by(lambda: assets.link(points.pk, program.pk)) == (1, 0)
    assert revised_by(lambda: assets.link(points.pk, program.pk)) == (0, 0)
    assert revised_by(lambda: assets.link(points.pk, other.pk)) == (0, 1)
    assert revised_by(lambda: assets.change(points.pk, {"name": "Q"})) == (1, 1)
    assert revised_by(lambda: assets.change(points.pk, {})) == (0, 0)
    values = {"name": "M", "symbol": "M"}
    assert revised_by(lambda: assets.create(values, program_ids=[other.pk])) == (0, 1)


@pytest.mark.django_db(transaction=True)
def test_a_change_of_an_asset_that_is_linked_at_that_moment_revises_the_program(
    program: Program,
) -> None:
    points = assets.create({"name": "Points", "symbol": "POINTS"})

    def change() -> None:
        try:
            assets.change(points.pk, {"name": "New"})
        finally:
            connections.close_all()

    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            assets.link(points.pk, program.pk)
            linked = revision(program)
            waiting = pool.submit(change)
            threading.Event().wait(0.5)  # so that the change has looked, or waits for us
        waiting.result()

    assert revision(program) != linked


# At the same moment


@pytest.mark.django_db(transaction=True)
def test_rules_that_are_created_at_once_get_an_order_each(program: Program) -> None:
    before = revision(program)

    rules = at_once([partial(made, program) for _ in range(20)])

    assert sorted(rule.order for rule in rules) == list(range(10, 201, 10))
    assert revision(program) != before


def outcome(verb: Any) -> str:
    try:
        verb()
    except DomainError as error:
        return type(error).__name__
    return "done"


@pytest.mark.django_db(transaction=True)
def test_of_rules_that_take_one_order_at_once_one_gets_it(program: Program) -> None:
    outcomes = at_once([partial(outcome, partial(made, program, order=5))] * 20)

    assert Counter(outcomes) == {"done": 1, "OrderTaken": 19}
    assert (Rule.objects.count(), RuleVersion.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_an_order_that_somebody_takes_past_the_lock_is_taken_all_the_same(
    program: Program,
) -> None:
    def create() -> str:
        try:
            return outcome(partial(made, program, order=5))
        finally:
            connections.close_all()

    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            Rule.objects.create(program=program, name="x", condition="true", actions=[], order=5)
            waiting = pool.submit(create)
            threading.Event().wait(0.5)
        assert waiting.result() == "OrderTaken"

    assert Rule.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_reorderings_at_once_leave_one_of_the_two(program: Program) -> None:
    ids = [made(program).pk for _ in range(8)]
    wanted = [ids[::-1], ids[3:] + ids[:3]]

    at_once([partial(rulebook.reorder, program.pk, each, by=TESTER) for each in wanted * 5])

    listed = Rule.objects.filter(program=program).in_order()
    assert [rule.pk for rule in listed] in wanted
    assert [rule.order for rule in listed] == list(range(10, 81, 10))
    for rule in listed:
        newest = rulebook.history(rule)[0]
        assert (newest.version, newest.snapshot) == (rule.version, rule.snapshot())


@pytest.mark.django_db(transaction=True)
def test_changes_at_once_with_reorderings_lose_nothing(program: Program) -> None:
    ids = [made(program).pk for _ in range(6)]
    calls: list[Any] = [
        partial(rulebook.reorder, program.pk, ids[turn:] + ids[:turn], by=TESTER)
        for turn in range(6)
    ]
    calls += [
        partial(rulebook.change, pk, {field: value}, by=TESTER)
        for pk in ids
        for field, value in (("name", "New"), ("description", "new"))
    ]

    at_once(calls)

    rules = list(Rule.objects.filter(program=program))
    assert sorted(rule.order for rule in rules) == [10, 20, 30, 40, 50, 60]
    for rule in rules:
        assert (rule.name, rule.description) == ("New", "new")
        versions = list(rulebook.history(rule))
        assert [each.version for each in versions] == list(range(rule.version, 0, -1))
        assert versions[0].snapshot == rule.snapshot()
        assert all(rulebook.changes(each) for each in versions)


# Durations


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("24h", timedelta(hours=24)),
        ("1h30m", timedelta(minutes=90)),
        ("90s", timedelta(seconds=90)),
        ("876000h", durations.LONGEST_WINDOW),
    ],
)
def test_a_duration_is_read_and_written(text: str, window: timedelta) -> None:
    assert durations.read(text) == window
    assert durations.read(durations.written(window)) == window


@pytest.mark.parametrize(
    "text", [None, 24, "", "24", "1d", "h", "0h", "876001h", "-1h", "1m1h", "1.5h", "999999999h", "1h\n", "٣h"]
)  # fmt: skip
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="Not"):
        durations.read(text)


# What the database holds by itself


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"order": 10}, "rule_order_is_unique_among_active"),
        ({"order": 0}, "rule_order_is_from_1"),
        ({"status": "OPEN"}, "rule_status_is_known"),
        ({"name": " "}, "rule_name_is_not_blank"),
        ({"condition": "\n"}, "rule_condition_is_not_blank"),
        (
            {"active_from": datetime(2026, 1, 1, tzinfo=UTC), "active_to": datetime(2026, 1, 1, tzinfo=UTC)},
            "rule_is_active_from_before_to",
        ),
    ],
)  # fmt: skip
def test_the_database_holds_what_a_rule_must_be(
    program: Program, values: dict[str, Any], constraint: str
) -> None:
    made(program)
    right = {"name": "x", "condition": "true", "actions": [], "order": 20}

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Rule.objects.create(**{"program": program, **right, **values})


def test_the_database_holds_a_version_once(program: Program) -> None:
    rule = made(program)

    with (
        pytest.raises(IntegrityError, match="rule_version_is_unique"),
        transaction.atomic(),
    ):
        RuleVersion.objects.create(rule=rule, version=1, snapshot={}, changed_by="x")
