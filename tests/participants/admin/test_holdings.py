"""What a participant holds, on their page."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from participants.models import ActionType, Counter
from participants.state.counters import CounterChange, set_counter
from participants.state.tiers import TierChange, set_tier
from programs.models import Asset, AssetLink
from tests.conftest import TESTER
from tests.participants.admin.ledger_pages import ana, make_track, page_of
from tests.participants.ledger_world import World
from tests.staff import staff_client

JOURNAL = "/admin/participants/journalentry/"


def table(response: Any, name: str) -> list[list[str]]:
    """The texts of a section of the participant's page."""
    tables = [*response.context["held"], *response.context["holdings"]]
    [found] = [each for each in tables if each.name == name]
    return [[cell.text for cell in row.cells] for row in found.rows]


def test_the_page_shows_balances_and_what_waits_to_mature(
    admin_client: Client, world: World
) -> None:
    matures_at = timezone.now() + timedelta(days=3)
    world.credit("10.5")
    world.move(ActionType.HOLD, "4")
    world.credit("2", matures_at=matures_at)

    response = admin_client.get(page_of(ana()))

    assert table(response, "balances") == [["Points (PTS)", "6.50", "4.00", "2.00"]]
    assert table(response, "deferred") == [[f"{matures_at:%Y-%m-%d %H:%M}", "Points (PTS)", "2.00"]]


def test_an_overdrawn_balance_is_marked(admin_client: Client, world: World) -> None:
    world.debit("3", allow_negative=True)

    text = admin_client.get(page_of(ana())).content.decode()

    assert "-3.00 <strong>overdrawn</strong>" in text


def test_the_page_shows_the_last_movements_in_words(admin_client: Client, world: World) -> None:
    world.credit("10", description="Welcome")
    world.debit("1.5")
    world.move(ActionType.HOLD, "4")
    world.move(ActionType.FORFEIT, "1", bucket="HELD")

    response = admin_client.get(page_of(ana()))

    assert [row[1:] for row in table(response, "movements")] == [
        ["Forfeit of held", "-1.00 PTS", "4.50 available, 3.00 held", "A test.", "Club", "command:tests"],
        ["Hold", "4.00 PTS", "4.50 available, 4.00 held", "A test.", "Club", "command:tests"],
        ["Debit", "-1.50 PTS", "8.50 available", "A test.", "Club", "command:tests"],
        ["Credit", "+10.00 PTS", "10.00 available", "Welcome", "Club", "command:tests"],
    ]  # fmt: skip
    assert f"{JOURNAL}?participant__id__exact={ana().pk}" in response.content.decode()


def test_the_page_shows_no_more_than_the_last_movements(admin_client: Client, world: World) -> None:
    for number in range(21):
        world.credit("1", description=f"Number {number}")

    rows = table(admin_client.get(page_of(ana())), "movements")

    assert [row[4] for row in rows] == [f"Number {number}" for number in range(20, 0, -1)]


def test_the_page_shows_counters_as_they_count_now(admin_client: Client, world: World) -> None:
    who = ana()
    set_counter(who.pk, "spent", CounterChange(Decimal("12345678901234567890.5")), by=TESTER)
    daily = CounterChange(Decimal(7), timedelta(hours=24), sets_window=True)
    set_counter(who.pk, "today", daily, by=TESTER)
    Counter.objects.filter(key="today").update(last_reset_at=timezone.now() - timedelta(hours=25))

    rows = table(admin_client.get(page_of(who)), "counters")

    assert [row[:3] for row in rows] == [
        ["spent", "12345678901234567890.5", ""],
        ["today", "0", "24h"],
    ]


def test_the_page_shows_tiers_with_the_base_where_there_is_no_level(
    admin_client: Client, world: World
) -> None:
    make_track(world.program)
    make_track(world.program, "club")
    set_tier("ana", "status", world.program.pk, TierChange("gold"), by=TESTER)

    rows = table(admin_client.get(page_of(ana())), "tiers")

    assert [row[:3] for row in rows] == [["Status", "Club", "Gold"], ["Club", "Club", "Base"]]


def test_who_may_not_see_or_change_what_is_held_is_not_shown_it(world: World) -> None:
    world.credit("10")

    response = staff_client("view_participant").get(page_of(ana()))

    assert (response.context["held"], response.context["holdings"]) == ([], [])
    assert "Adjust balance" not in response.content.decode()


@pytest.mark.parametrize(
    ("assets", "counters", "tracks"),
    [(0, 0, 0), (20, 50, 5)],
)
def test_the_page_costs_the_same_however_much_is_held(
    admin_client: Client, world: World, queries: list[str], assets: int, counters: int, tracks: int
) -> None:
    who = ana()
    world.credit("1", matures_at=timezone.now() + timedelta(days=1))
    make_track(world.program)
    for number in range(assets):
        asset = Asset.objects.create(name=f"Asset {number}", symbol=f"A{number}")
        AssetLink.objects.create(program=world.program, asset=asset)
        World(world.program, asset).credit("1", matures_at=timezone.now() + timedelta(days=1))
    for number in range(counters):
        set_counter(who.pk, f"c{number}", CounterChange(Decimal(number)), by=TESTER)
    for number in range(tracks):
        make_track(world.program, f"t{number}")
    queries.clear()

    response = admin_client.get(page_of(who))

    assert len(table(response, "counters")) == counters
    # Session, user, participant, enrollments, history; balances, deferred credits, movements, counters, events; tracks
    # and standings, with their levels and programs.
    assert len(queries) == 13
    assert not [sql for sql in queries if "COUNT(" in sql.upper()]
