"""What the list of participants shows of what they hold, and how it is filtered by it."""

import html
import itertools
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from participants.admin.filters import standing_on
from participants.admin.participants import ParticipantChangeList
from participants.models import Participant, TierStanding
from participants.state.standing import Standing, stands_on
from programs.models import Program, TierTrack
from tests.participants.admin.event_pages import processed
from tests.participants.admin.ledger_pages import ana, make_track
from tests.participants.ledger_world import World, make_world
from tests.staff import staff_client

PEOPLE = "/admin/participants/participant/"


def people(response: Any) -> list[str]:
    assert response.status_code == 200
    return [person.external_id for person in response.context["cl"].result_list]


def cells(response: Any, name: str) -> list[str]:
    found = re.findall(rf'<td class="field-{name}[^>]*>(.*?)</td>', response.content.decode())
    return [re.sub(r"<[^>]+>", " ", cell).strip() for cell in found]


@pytest.fixture
def club(db: None) -> World:
    """Ana with 10 points and gold, eva with none, bea with 3, newest last."""
    world = make_world("ana", "eva", "bea")
    world.credit("10")
    world.credit("3", of="bea")
    track = make_track(world.program)
    TierStanding.objects.create(
        participant=ana(), track=track, level="gold", acquired_at=timezone.now()
    )
    return world


def test_the_list_shows_balances_tiers_tags_and_the_last_activity(
    admin_client: Client, club: World
) -> None:
    event = processed(club.program)
    Participant.objects.filter(external_id="ana").update(tags=["a", "b", "c", "d", "e"])

    response = admin_client.get(PEOPLE)

    assert people(response) == ["bea", "eva", "ana"]
    assert cells(response, "balances") == ["3.00 PTS", "", "10.00 PTS"]
    assert cells(response, "tiers") == ["", "", "Gold"]
    assert [cell.split() for cell in cells(response, "tagged")] == [
        [],
        [],
        ["a", "b", "c", "2", "more"],
    ]
    assert cells(response, "last_activity") == ["", "", f"{event.created_at:%Y-%m-%d %H:%M:%S} UTC"]


def test_who_may_not_see_value_and_tiers_sees_no_column_and_no_filter_of_them(club: World) -> None:
    client = staff_client("view_participant")

    response = client.get(PEOPLE)

    text = response.content.decode()
    assert people(response) == ["bea", "eva", "ana"]
    for word in (
        "field-balances",
        "field-tiers",
        "field-last_activity",
        "By balance",
        "By tier",
        "PTS",
    ):
        assert word not in text
    for query in (f"balance_of={club.asset.pk}&balance_min=1", "tier=x", "balance_min=1"):
        assert client.get(f"{PEOPLE}?{query}").status_code in (302, 400)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("balance_of={asset}&balance_min=3", ["bea", "ana"]),
        ("balance_of={asset}&balance_min=3.01", ["ana"]),
        ("balance_of={asset}&balance_max=3", ["bea", "eva"]),
        ("balance_of={asset}&balance_min=1&balance_max=5", ["bea"]),
        ("balance_of={asset}", ["bea", "eva", "ana"]),
        ("balance_of={asset}&balance_min=1&q=an", ["ana"]),
        ("tier={track}:gold", ["ana"]),
        ("tier={track}:silver", []),
        ("tier={track}:nothing", []),
    ],
)
def test_people_are_found_by_what_they_hold(
    admin_client: Client, club: World, query: str, found: list[str]
) -> None:
    track = TierTrack.objects.get()

    response = admin_client.get(f"{PEOPLE}?{query.format(asset=club.asset.pk, track=track.pk)}")

    assert people(response) == found


@pytest.mark.parametrize(
    "query",
    [
        "balance_of=x", "balance_of=x&balance_min=1", "balance_of={asset}&balance_min=x", "balance_of={asset}&balance_max=NaN",
        "balance_of={asset}&balance_max=1e999", "tier=x", "tier=x:gold",
        "balance_of={asset}&balance_min=1&before=x",
    ],
)  # fmt: skip
def test_hostile_addresses_show_no_error_page(
    admin_client: Client, club: World, query: str
) -> None:
    assert admin_client.get(f"{PEOPLE}?{query.format(asset=club.asset.pk)}").status_code == 302


def test_a_range_of_balances_looks_at_some_people_and_offers_to_go_on(
    admin_client: Client, club: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ParticipantChangeList, "most_looked_at", 1)
    address = f"{PEOPLE}?balance_of={club.asset.pk}&balance_min=5"
    found = []

    while address:
        response = admin_client.get(address)
        found.append(people(response))
        onward = re.search(r'<a href="([^"]+)">Go on from there', response.content.decode())
        address = PEOPLE + html.unescape(onward[1]) if onward else ""

    assert found == [[], [], ["ana"], []]


def test_the_filter_by_tier_and_the_rule_of_standing_agree(db: None) -> None:
    """Every mix of a level, an earned one, a pin and an end."""
    track = make_track(Program.objects.create(name="Club"))
    now = timezone.now()
    ends = [None, now - timedelta(days=1), now + timedelta(days=1)]
    mixes = itertools.product(["", "silver", "gold"], ["", "silver", "gold"], [True, False], ends)
    stands: dict[str, set[str]] = {"silver": set(), "gold": set()}
    for number, (level, earned, pinned, ends_at) in enumerate(mixes):
        if not level and not pinned and ends_at is None:
            continue
        person = Participant.objects.create(external_id=str(number))
        standing = Standing(level, now - timedelta(days=9), ends_at, pinned, earned)
        TierStanding.objects.create(participant=person, track=track, **standing._asdict())
        if at := stands_on(standing, track, now):
            stands[at.key].add(person.external_id)

    for key, expected in stands.items():
        found = Participant.objects.filter(pk__in=standing_on(track.pk, key))
        assert {person.external_id for person in found} == expected


@pytest.fixture
def crowd(club: World) -> World:
    """Two hundred more people who have all that there are columns for."""
    track = TierTrack.objects.get()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO participants_participant (id, external_id, tags, first_name)
            SELECT gen_random_uuid(), 'member-' || n, '{vip}', 'Member' FROM generate_series(1, 200) AS n;
            INSERT INTO participants_balance (id, participant_id, asset_id, available, held, deferred, overdrawn, last_sequence)
            SELECT gen_random_uuid(), id, %s, 5, 0, 0, false, 1 FROM participants_participant WHERE external_id LIKE 'member-%%';
            INSERT INTO participants_tierstanding (id, participant_id, track_id, level, acquired_at)
            SELECT gen_random_uuid(), id, %s, 'silver', now() FROM participants_participant WHERE external_id LIKE 'member-%%'
            """,
            [club.asset.pk, track.pk],
        )
    return club


@pytest.mark.parametrize(
    "query",
    [
        "",
        "balance_of={asset}&balance_min=5",
        "tier={track}:silver",
        "tag=vip",
        "q=member",
        "q=member&everywhere=1",
    ],
)
def test_the_list_takes_the_same_few_queries_for_many_people(
    admin_client: Client, crowd: World, queries: list[str], query: str
) -> None:
    track = TierTrack.objects.get()
    queries.clear()

    response = admin_client.get(f"{PEOPLE}?{query.format(asset=crowd.asset.pk, track=track.pk)}")

    assert len(people(response)) == 50
    # Session, user, saved views, rows, programs, levels and assets to filter by, balances, standings, tracks and their levels, events;
    # where it looks through people, how far; of a search, whether many ids begin so; of a tier, the ranks of its track.
    assert len(queries) <= 13
    assert not [sql for sql in queries if "COUNT(" in sql.upper()]


def test_a_search_for_what_many_ids_begin_with_says_so_and_offers_the_rest(
    admin_client: Client, crowd: World
) -> None:
    Participant.objects.filter(external_id="ana").update(last_name="Member-1000")

    response = admin_client.get(f"{PEOPLE}?q=member-1")

    assert people(response)[:3] == ["member-1", "member-10", "member-100"]
    text = response.content.decode()
    assert "whose id begins with “member-1”" in text
    onward = re.search(r'href="([^"]+)">Look in names', text)
    assert onward
    assert "ana" in [
        name
        for page in range(1, 5)
        for name in people(admin_client.get(f"{PEOPLE}{html.unescape(onward[1])}&p={page}"))
    ]
    few = admin_client.get(f"{PEOPLE}?q=member-10")
    assert "ana" in people(few)
    assert "whose id begins" not in few.content.decode()
