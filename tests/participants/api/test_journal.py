"""Journal entries over HTTP: of one participant with the balance after each, and of all with filters."""

from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from participants import state
from participants.models import ActionType, JournalEntry, Participant
from tests.conftest import TESTER
from tests.participants.ledger_world import World, make_world

HISTORY = "/v1/participants/external:ana/activity/history"
JOURNAL = "/v1/journal-entries"


@pytest.fixture
def world(db: None) -> World:
    """Ana has been credited 10, held 4 and lost 1 of that; bob was credited 7."""
    world = make_world("ana", "bob")
    world.credit("10", idempotency_key="first")
    world.move(ActionType.HOLD, "4")
    world.move(ActionType.FORFEIT, "1", bucket="HELD")
    world.credit("7", of="bob", description="Welcome.")
    return world


def kinds(api: APIClient, path: str) -> list[str]:
    response = api.get(path)
    assert response.status_code == 200
    return [row["action_type"] for row in response.json()["data"]]


def test_history_shows_each_movement_and_what_it_left(api: APIClient, world: World) -> None:
    rows = api.get(HISTORY).json()["data"]

    assert [row["sequence"] for row in rows] == [3, 2, 1]
    forfeit = rows[0]
    entry = JournalEntry.objects.get(pk=forfeit["id"])
    asset = str(world.asset.pk)
    assert forfeit == {
        "id": str(entry.pk),
        "sequence": 3,
        "action_type": "FORFEIT",
        "description": "A test.",
        "event_id": None,
        "rule_id": None,
        "program_id": str(world.program.pk),
        "participant_id": str(Participant.objects.get(external_id="ana").pk),
        "entry_hash": bytes(entry.entry_hash).hex(),
        "hash_version": 2,
        "created_by": "command:tests",
        "created_at": forfeit["created_at"],
        "effective_at": forfeit["created_at"],
        "postings": [
            {"amount": "-1.00", "asset_id": asset, "bucket": "HELD", "account": "PARTICIPANT"},
            {"amount": "1.00", "asset_id": asset, "bucket": None, "account": "BREAKAGE"},
        ],
        "balance": {"available": "6.00", "held": "3.00", "deferred": "0.00"},
    }
    del forfeit["balance"]
    assert api.get(f"{JOURNAL}/{entry.pk}").json() == forfeit


def test_pages_of_history_follow_one_another_while_entries_come(
    api: APIClient, world: World
) -> None:
    first = api.get(f"{HISTORY}?limit=2").json()
    world.credit("1")

    second = api.get(f"{HISTORY}?limit=2&cursor={first['pagination']['next_cursor']}").json()

    assert [row["sequence"] for row in first["data"] + second["data"]] == [3, 2, 1]
    assert second["pagination"] == {"has_more": False, "next_cursor": None}
    assert [row["sequence"] for row in api.get(f"{HISTORY}?sort_dir=asc").json()["data"]] == [
        1,
        2,
        3,
        4,
    ]


def test_the_journal_is_of_everybody_newest_first(api: APIClient, world: World) -> None:
    assert kinds(api, JOURNAL) == ["CREDIT", "FORFEIT", "HOLD", "CREDIT"]
    first = api.get(f"{JOURNAL}?limit=1").json()
    rest = kinds(api, f"{JOURNAL}?cursor={first['pagination']['next_cursor']}")
    assert rest == ["FORFEIT", "HOLD", "CREDIT"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("external_id=ana", ["FORFEIT", "HOLD", "CREDIT"]),
        ("external_id=nobody", []),
        ("participant_id={ana}", ["FORFEIT", "HOLD", "CREDIT"]),
        ("participant_id={ana}&external_id=bob", []),
        ("program_id={program}", ["CREDIT", "FORFEIT", "HOLD", "CREDIT"]),
        ("program_id={nothing}", []),
        ("asset_id={asset}&bucket=HELD", ["FORFEIT", "HOLD"]),
        ("bucket=DEFERRED", []),
        ("action_type=CREDIT", ["CREDIT", "CREDIT"]),
        ("action_type=HOLD", ["HOLD"]),
        ("action_type=MATURE", []),
        ("event_id={nothing}", []),
        ("reference_id=first", ["CREDIT"]),
        ("reference_id={nothing}", []),
        ("from=2001-01-01T00:00:00Z&to=2002-01-01T00:00:00Z", []),
        ("from=2001-01-01T00:00:00Z", ["CREDIT", "FORFEIT", "HOLD", "CREDIT"]),
    ],
)
def test_the_journal_can_be_filtered(
    api: APIClient, world: World, query: str, found: list[str]
) -> None:
    names = {
        "ana": Participant.objects.get(external_id="ana").pk,
        "program": world.program.pk,
        "asset": world.asset.pk,
        "nothing": UUID(int=0),
    }

    assert kinds(api, f"{JOURNAL}?{query.format(**names)}") == found


@pytest.mark.parametrize(
    "query",
    [
        "bucket=ISSUANCE",
        "action_type=credit",
        "participant_id=1",
        "from=yesterday",
        "limit=0",
        "cursor=forged",
        "external_id=a%00b",
        "reference_id=" + "x" * 256,
        "sort_by=amount",
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(api: APIClient, world: World, query: str) -> None:
    assert api.get(f"{JOURNAL}?{query}").status_code == 400


def test_a_cursor_of_all_entries_is_none_of_one_participant(api: APIClient, world: World) -> None:
    cursor = api.get(f"{JOURNAL}?limit=1").json()["pagination"]["next_cursor"]

    assert api.get(f"{JOURNAL}?external_id=ana&cursor={cursor}").status_code == 400


def test_pages_cost_the_same_however_many_rows_they_have(
    api: APIClient, world: World, queries: list[str]
) -> None:
    def cost(path: str) -> int:
        queries.clear()
        kinds(api, path)
        return len(queries)

    kinds(api, JOURNAL)
    before = [cost(JOURNAL), cost(HISTORY)]
    for _ in range(20):
        world.credit("1")

    assert [cost(JOURNAL), cost(HISTORY)] == before == [1, 2]


def test_what_is_not_there_is_not_found(api: APIClient, world: World) -> None:
    assert api.get(f"{JOURNAL}/{UUID(int=0)}").status_code == 404
    assert api.get("/v1/participants/external:nobody/activity/history").status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_writes_the_journal(api: APIClient, world: World, method: str) -> None:
    entry: Any = JournalEntry.objects.first()

    for path in (JOURNAL, f"{JOURNAL}/{entry.pk}", HISTORY):
        assert getattr(api, method)(path).status_code == 405


def test_a_suspended_participants_journal_can_be_read(api: APIClient, world: World) -> None:
    state.change(state.Change(status="SUSPENDED"), to="ana", by=TESTER)

    assert len(kinds(api, HISTORY)) == 3


def test_an_entry_of_an_event_keeps_the_events_time(api: APIClient, world: World) -> None:
    action = {"type": "CREDIT", "asset_id": str(world.asset.pk), "amount": "2"}
    rule = {"program_id": str(world.program.pk), "name": "R", "condition": "true"}
    api.post("/v1/rules", {**rule, "actions": [action]})
    event = {"program_id": str(world.program.pk), "external_id": "ana", "event_data": {}}
    times = ("2020-02-29T23:59:59+01:00", "0001-01-02T00:00:00Z")
    for time in times:
        more = {"idempotency_key": time, "event_timestamp": time}
        api.post("/v1/events", event | more, headers={"Prefer": "wait=5"})

    def found(**query: str) -> list[str]:
        rows = api.get("/v1/journal-entries", query).json()["data"]
        return [row["effective_at"] for row in rows if row["description"] == "R"]

    written = ["0001-01-02T00:00:00.000000Z", "2020-02-29T22:59:59.000000Z"]
    assert found() == written
    assert found(effective_from="2020-02-29T22:59:59Z") == written[1:]
    assert found(effective_to="2020-02-29T22:59:59Z") == written[:1]
    assert (
        found(effective_from="2020-02-29T23:59:59+01:00", effective_to="2020-03-01T00:00:00Z")
        == written[1:]
    )
