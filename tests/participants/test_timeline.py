"""One participant's timeline: complete, in order, stable under new rows, and bounded however long it is."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from participants import state, timeline
from participants.events.retry import retry
from participants.models import Event, JournalEntry, Participant, StateChange
from programs.kernel.database import uuid7
from programs.models import Program
from tests.conftest import TESTER
from tests.participants.admin.event_pages import make_redemption, make_rule, processed
from tests.participants.ledger_world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    world = make_world()
    amount = {"type": "CREDIT", "asset_id": str(world.asset.pk), "amount": "event.amount"}
    make_rule(world.program, "Points", amount, {"type": "TAG", "tag": "buyer"})
    return world


def ana() -> UUID:
    return Participant.objects.get(external_id="ana").pk


def told(page: timeline.Page) -> list[str]:
    return [f"{type(item.row).__name__} {item.row}" for item in page.items]


def pages(size: int, **more: Any) -> Iterator[timeline.Page]:
    page = timeline.read(ana(), size=size, **more)
    yield page
    while page.cursor:
        page = timeline.read(ana(), size=size, cursor=page.cursor, **more)
        yield page


def test_an_event_tells_what_it_caused_and_the_rest_stands_beside_it(world: World) -> None:
    processed(world.program, "order-1")
    world.credit("5", description="Sorry")
    state.change(state.Change(add_tags=["vip"]), to="ana", by=TESTER)

    items = timeline.read(ana()).items

    assert [type(item.row) for item in items] == [
        StateChange, JournalEntry, Event, StateChange, StateChange,
    ]  # fmt: skip
    change, entry, event = (item.row for item in items[:3])
    assert isinstance(change, StateChange)
    assert (change.state_type, change.key, change.new_value) == ("tag", "vip", "vip")
    assert isinstance(entry, JournalEntry)
    stored = JournalEntry.objects.get(description="Sorry")
    assert (entry.pk, entry.amount, entry.available) == (stored.pk, 5, stored.available)
    assert (entry.action_type, entry.asset.symbol, entry.asset.scale) == ("CREDIT", "PTS", 2)
    assert isinstance(event, Event)
    assert event.outcome == Event.objects.get().outcome
    assert (event.created_at, event.program_id) == (items[2].at, world.program.pk)
    assert (items[2].program_name, items[2].data["type"]) == ("Club", "purchase")


def test_alone_movements_and_changes_are_told_whatever_caused_them(world: World) -> None:
    event = processed(world.program, "order-1")
    world.credit("5")

    movements = timeline.read(ana(), kind="movements")
    changes = timeline.read(ana(), kind="changes")
    enrollments = timeline.read(ana(), kind="enrollments")

    assert [item.row.event_id for item in movements.items] == [None, event.pk]  # type: ignore[union-attr]
    assert [type(item.row) for item in changes.items] == [StateChange, StateChange]
    assert told(enrollments) == [f"StateChange ADD enrollment {world.program.pk}"]
    assert enrollments.items[0].program_name == "Club"


def test_who_may_not_see_events_is_told_what_they_caused_as_it_stands(world: World) -> None:
    processed(world.program, "order-1")

    sources = timeline.Sources(events=False)
    shown = [type(item.row) for item in timeline.read(ana(), may_see=sources).items]
    nothing = timeline.read(ana(), may_see=timeline.Sources(False, False, False))

    assert shown.count(JournalEntry) == 1
    assert shown.count(StateChange) == 3
    assert Event not in shown
    assert nothing == timeline.Page([])


def test_who_retried_an_event_stands_above_it(world: World) -> None:
    make_redemption(world.program, world.asset)
    event = processed(world.program, "order-1")
    retry(event.pk, by=TESTER)

    rows = [item.row for item in timeline.read(ana(), program_id=world.program.pk).items]

    assert [type(row).__name__ for row in rows[:2]] == ["EventRetry", "Event"]
    assert str(rows[0]) == f"{event.pk} by {TESTER}"
    other = Program.objects.create(name="Other")
    assert told(timeline.read(ana(), program_id=other.pk)) == []


@pytest.mark.parametrize("size", [1, 3, 100])
def test_pages_are_the_whole_in_its_order_while_newer_rows_come(world: World, size: int) -> None:
    for number in range(4):
        processed(world.program, f"order-{number}")
        world.credit("1", description=f"Number {number}")
        state.change(state.Change(add_tags=[f"t{number}"]), to="ana", by=TESTER)
    whole = told(timeline.read(ana()))

    read = []
    for page in pages(size):
        read += told(page)
        world.credit("1", description="In between")

    assert len(whole) == 4 * 3 + 2
    assert read == whole


@pytest.mark.parametrize("cursor", ["x", "x:y", ":", "\0"])
def test_what_is_no_cursor_of_this_timeline_is_refused(world: World, cursor: str) -> None:
    of_movements = timeline.read(ana(), kind="enrollments", size=1)
    processed(world.program, "order-1")
    other = timeline.read(ana(), size=1).cursor

    for forged in (cursor, other, of_movements.cursor and f"{of_movements.cursor}x"):
        if forged:
            with pytest.raises(timeline.InvalidCursor):
                timeline.read(ana(), kind="events", cursor=forged)


def many(world: World, count: int) -> None:
    """Ana's events, a minute apart until now, each with a movement and a change."""
    ids = [str(ana()), str(world.program.pk), str(world.asset.pk)]
    with connection.cursor() as cursor:
        cursor.execute(
            """
WITH made AS (
    INSERT INTO participants_event (id, program_id, participant_id, idempotency_key, event_timestamp, data, status, attempts,
        outcome, created_by, created_at, processed_at)
    SELECT gen_random_uuid(), %(program)s, %(who)s, 'e' || number, moment, '{"type": "visit"}', 'COMPLETED', 0,
        '{"rule_evaluations": []}', 'tests', moment, moment
    FROM generate_series(1, %(count)s) AS number CROSS JOIN LATERAL (SELECT now() - number * interval '1 minute') AS at (moment)
    RETURNING id, created_at
), moved AS (
    INSERT INTO participants_journalentry (id, participant_id, sequence, asset_id, program_id, source, destination, amount,
        available, held, deferred, description, event_id, created_by, created_at, entry_hash, hash_version, action)
    SELECT gen_random_uuid(), %(who)s, row_number() OVER (ORDER BY created_at), %(asset)s, %(program)s, 'ISSUANCE', 'AVAILABLE', 1,
        1, 0, 0, 'x', id, 'tests', created_at, 'x', 2, 'CREDIT'
    FROM made
)
INSERT INTO participants_statechange (id, participant_id, state_type, key, operation, old_value, new_value, changed_by,
    event_id, changed_at)
SELECT gen_random_uuid(), %(who)s, 'counter', 'visits', 'CHANGE', '"1"', '"2"', 'tests', id, created_at FROM made
            """,
            dict(zip(("who", "program", "asset"), ids, strict=True)) | {"count": count},
        )
        cursor.execute("ANALYZE")


def test_a_filter_that_few_rows_meet_is_looked_for_a_stretch_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "LOOKED_AT", 10)
    other = Program.objects.create(name="Other")
    processed(other, "old")
    many(world, 25)
    old = timezone.now() - timedelta(days=1)
    Event.objects.filter(program=other).update(created_at=old)

    read = list(pages(5, program_id=other.pk, kind="events"))

    assert [told(page) for page in read] == [[], [], ["Event old"]]
    assert [bool(page.looked_until) for page in read] == [True, True, False]


ASKED: list[dict[str, Any]] = [
    {},
    {"kind": "events"},
    {"kind": "movements"},
    {"kind": "tiers"},
    {"program_id": uuid7()},
    {"kind": "movements", "program_id": uuid7()},
]


def test_the_longest_timeline_is_read_in_one_query_of_bounded_work(world: World) -> None:
    many(world, 8 * timeline.LOOKED_AT)
    whose = ana()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # nearly all rows of these tables are hers

    for asked in ASKED:
        page = timeline.read(whose, **asked)
        for place in ("", page.cursor):
            with CaptureQueriesContext(connection) as captured:
                timeline.read(whose, cursor=place, **asked)
            [query] = captured.captured_queries
            assert "COUNT(" not in query["sql"].upper()
            assert max(rows_read(query["sql"])) <= timeline.LOOKED_AT + 1, (asked, place)


def rows_read(sql: str) -> Iterator[float]:
    """How many rows each scan of the plan went through, with those that it threw away."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        [[[found]]] = cursor.fetchall()

    def walk(node: dict[str, Any]) -> Iterator[float]:
        if "Scan" in node["Node Type"]:
            thrown = node.get("Rows Removed by Filter", 0)
            yield (node["Actual Rows"] + thrown) * node["Actual Loops"]
        for part in node.get("Plans", []):
            yield from walk(part)

    yield from walk(found["Plan"])
