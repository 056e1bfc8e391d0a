from functools import partial
from uuid import uuid4

import pytest

from programs import assets, rulebook, tracks
from programs.api.tiers import NewTierTrackSerializer
from programs.exceptions import OrderTaken, ProgramInactive, ProgramNotFound
from programs.kernel.exceptions import ValidationFailed
from programs.models import Asset, Program, Rule, RuleVersion, TierTrack
from programs.models.rules import MAX_ORDER
from tests.conftest import TESTER
from tests.programs.rulebook.changes import body, changed, made, refusals, revision

ASSET = "0198c0dd-3f4a-7b5c-8d6e-7f8091a2b3c4"
TAG = {"type": "TAG", "tag": "vip"}


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
        tracks.create(
            owner.pk, NewTierTrackSerializer.read({"key": key, "levels": levels}), by=TESTER
        )
    gone = tracks.create(program.pk, NewTierTrackSerializer.read({"key": "gone"}), by=TESTER)
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
    track = tracks.create(program.pk, NewTierTrackSerializer.read({"key": "status"}), by=TESTER)
    rule = made(program, actions=[{"type": "SET_TIER", "tier": "status", "level": ""}])
    TierTrack.objects.filter(pk=track.pk).update(
        deleted_at=track.created_at
    )  # by an earlier version

    assert changed(rule, name="New", actions=rule.actions).name == "New"
