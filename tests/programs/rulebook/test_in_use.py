"""What a current rule names cannot be taken away, however it names it and whenever it is written."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connections, transaction
from django.test import Client
from rest_framework.test import APIClient

from programs import assets, rulebook, tracks
from programs.exceptions import InUse
from programs.kernel.exceptions import DomainError
from programs.models import Asset, Program, Rule, TierTrack
from programs.tracks import Level, NewTrack, TrackChange
from tests.conftest import TESTER
from tests.programs.rulebook.changes import made
from tests.threads import at_once


def level(key: str, rank: int) -> Level:
    return Level(key, rank, "", None, [])


GOLD, SILVER = level("gold", 2), level("silver", 1)


@pytest.fixture
def track(program: Program) -> TierTrack:
    return tracks.create(program.pk, NewTrack("status", "", [SILVER, GOLD]), by=TESTER)


@pytest.fixture
def points(program: Program) -> Asset:
    other = Program.objects.create(name="Other")
    values = {"name": "Points", "symbol": "PTS"}
    asset: Asset = assets.create(values, program_ids=[program.pk, other.pk])
    return asset


def without_gold(track: TierTrack) -> TierTrack:
    return tracks.change(track.pk, TrackChange(None, [SILVER]), by=TESTER)


def deleted(track: TierTrack) -> None:
    tracks.delete(track.pk, by=TESTER)


def renamed(points: Asset) -> Asset:
    return assets.change(points.pk, {"symbol": "MILES"})


SET_GOLD = {"type": "SET_TIER", "tier": "status", "level": "gold"}
NAMING_GOLD: list[dict[str, Any]] = [
    {"condition": 'participant.tiers.status.level == "gold"'},
    {"condition": 'participant.tiers["status"].level in ["silver", "gold"]'},
    {"condition": 'participant.tiers.status.level != "\\x67old"'},
    {"actions": [SET_GOLD]},
    {"actions": [{"type": "COUNTER", "key": "k", "value": 'participant.tiers.status.level == "gold" ? 1 : 2'}]},
]  # fmt: skip
NAMING_STATUS: list[dict[str, Any]] = [
    *NAMING_GOLD,
    {"condition": "participant.tiers.status.rank >= 1"},
    {"condition": "has(participant.tiers.status)"},
    {"actions": [{**SET_GOLD, "level": ""}]},
]


@pytest.mark.parametrize("parts", NAMING_GOLD)
def test_a_level_that_a_rule_names_stays(
    program: Program, track: TierTrack, parts: dict[str, Any]
) -> None:
    rule = made(program, name="Gold bonus", **parts)

    with pytest.raises(InUse) as refused:
        without_gold(track)

    assert refused.value.message == (
        "A rule still names it: “Gold bonus” (Club). Change or archive that first."
    )
    assert [(each.field, each.reason) for each in refused.value.fields] == [("levels", "in_use")]
    assert tracks.found(program.pk, "status").levels.count() == 2
    rulebook.archive(rule.pk, by=TESTER)
    assert without_gold(track).levels.count() == 1


@pytest.mark.parametrize("parts", NAMING_STATUS)
def test_a_track_that_a_rule_names_stays(
    program: Program, track: TierTrack, parts: dict[str, Any]
) -> None:
    rule = made(program, status="SUSPENDED", **parts)

    with pytest.raises(InUse):
        deleted(track)

    rulebook.archive(rule.pk, by=TESTER)
    deleted(track)


@pytest.mark.parametrize(
    "condition",
    ["participant.balances.PTS.available > 1", '"PTS" in participant.balances', "participant.balances['PTS'].held > 1"],
)  # fmt: skip
def test_a_symbol_that_a_rule_names_stays(program: Program, points: Asset, condition: str) -> None:
    made(program, condition=condition)

    with pytest.raises(InUse) as refused:
        renamed(points)

    assert [(each.field, each.reason) for each in refused.value.fields] == [("symbol", "in_use")]
    assert assets.change(points.pk, {"name": "Miles", "symbol": "PTS"}).name == "Miles"


def test_what_no_rule_names_goes(program: Program, track: TierTrack, points: Asset) -> None:
    made(program, condition='participant.tiers.status.level == "silver" && event.tier == "gold"')
    made(program, actions=[{"type": "CREDIT", "asset_id": str(points.pk), "amount": "1"}])
    other = Program.objects.create(name="Third")
    tracks.create(other.pk, NewTrack("status", "", [GOLD]), by=TESTER)
    made(other, condition='participant.tiers.status.level == "gold"')

    assert without_gold(track).levels.count() == 1
    assert renamed(points).symbol == "MILES"


def test_a_rule_that_named_something_unknown_before_holds_nothing_up(
    program: Program, track: TierTrack, points: Asset
) -> None:
    rule = made(program)
    condition = 'participant.tiers.gone.level == "gold" && participant.balances.GONE.held > 1'
    Rule.objects.filter(pk=rule.pk).update(condition=condition)

    without_gold(track)
    deleted(track)
    renamed(points)


def test_a_refusal_names_a_few_rules(program: Program, track: TierTrack) -> None:
    for number in range(12):
        made(program, name=f"R{number}", actions=[SET_GOLD])

    with pytest.raises(InUse) as refused:
        deleted(track)

    assert refused.value.message.startswith("Rules still name it: “R0” (Club), “R1” (Club), ")
    assert refused.value.message.endswith("“R9” (Club) and 2 more. Change or archive that first.")


def test_the_api_answers_409(
    api: APIClient, program: Program, track: TierTrack, points: Asset
) -> None:
    made(program, actions=[SET_GOLD], condition="participant.balances.PTS.held > 1")
    path = f"/v1/programs/{program.pk}/tiers/status"

    answers = [
        api.delete(path),
        api.patch(path, {"levels": [{"key": "silver", "rank": 1}]}),
        api.patch(f"/v1/assets/{points.pk}", {"symbol": "MILES"}),
    ]

    assert [(each.status_code, each.json()["code"]) for each in answers] == [(409, "in_use")] * 3


def test_the_admin_names_the_rules_and_deletes_nothing(
    admin_client: Client, program: Program, track: TierTrack
) -> None:
    made(program, name="Gold bonus", actions=[SET_GOLD])
    page = f"/admin/programs/tiertrack/{track.pk}/delete/"
    chosen = {"action": "delete_selected", "_selected_action": [str(track.pk)], "post": "yes"}

    for answer in (
        admin_client.get(page),
        admin_client.post(page, {"post": "yes"}),
        admin_client.post("/admin/programs/tiertrack/", chosen),
    ):
        assert "Rule: Gold bonus" in answer.content.decode()
    assert TierTrack.objects.filter(deleted_at=None).count() == 1


def outcome(verb: Callable[[], Any]) -> str:
    try:
        verb()
    except DomainError as error:
        return type(error).__name__
    return "done"


TAKING = ["level", "track", "symbol"]


def parties(
    program: Program, track: TierTrack, points: Asset, taking: str
) -> list[Callable[[], Any]]:
    """One who writes a rule that names something, and one who takes that away."""
    parts: dict[str, dict[str, Any]] = {
        "level": {"actions": [SET_GOLD]},
        "track": {"condition": "participant.tiers.status.rank > 0"},
        "symbol": {"condition": "participant.balances.PTS.held > 1"},
    }
    verbs: dict[str, Callable[[], Any]] = {
        "level": partial(without_gold, track),
        "track": partial(deleted, track),
        "symbol": partial(renamed, points),
    }
    return [partial(made, program, **parts[taking]), verbs[taking]]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("taking", TAKING)
@pytest.mark.parametrize("first", ["rule", "name"])
def test_whoever_comes_second_waits_and_is_refused(
    program: Program, track: TierTrack, points: Asset, taking: str, first: str
) -> None:
    rule, name = parties(program, track, points, taking)
    earlier, later, refusal = (rule, name, "InUse") if first == "rule" else (name, rule, "ValidationFailed")  # fmt: skip

    def second() -> str:
        try:
            return outcome(later)
        finally:
            connections.close_all()

    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            earlier()
            waiting = pool.submit(second)
            threading.Event().wait(0.3)
        assert waiting.result() == refusal


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("taking", TAKING)
def test_of_both_at_the_same_moment_one_is_refused(
    program: Program, track: TierTrack, points: Asset, taking: str
) -> None:
    outcomes = at_once([partial(outcome, verb) for verb in parties(program, track, points, taking)])

    assert outcomes in (["done", "InUse"], ["ValidationFailed", "done"])
