"""Warnings about a rule: fields that no recent event had, and counters that nobody counts or has."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from participants.events import recent_events
from participants.events.recent_events import Observer, shape_of
from participants.models import Counter, Event, Participant
from programs import rulebook
from programs.kernel.instants import read as instant
from programs.models import Program
from programs.rulebook.observed import Field
from programs.rules import Shape
from tests.conftest import TESTER
from tests.programs.rulebook.changes import changed, made

NOW = instant("2026-01-15T10:30:00Z")
LINE = {"sku": "A1", "price": 2}
PURCHASE = {"type": "purchase", "amount": 5, "lines": [LINE], "ship": {"to": {"zip": "1"}}}


@pytest.fixture
def participant(db: None) -> Participant:
    return Participant.objects.create(external_id="ana")


@pytest.fixture
def happen(program: Program, participant: Participant) -> Callable[..., None]:
    def happen(times: int, data: dict[str, Any]) -> None:
        Event.objects.bulk_create(
            Event(
                program=program,
                participant=participant,
                sequence=Event.objects.count() + number,
                idempotency_key=f"{Event.objects.count()}-{number}",
                event_timestamp=NOW,
                data=data,
                created_by="command:tests",
            )
            for number in range(times)
        )

    return happen


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    recent_events._kept.clear()


def warnings(program: Program, **parts: Any) -> list[str]:
    draft = rulebook.clean_draft({"program_id": str(program.pk), **parts})
    found = rulebook.findings_in(draft)
    assert found.errors == []
    return [each.message.partition(": ")[2] for each in found.warnings]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("event.ammount > 5", ["No recent event had event.ammount. Did you mean event.amount?"]),
        ("event.lines.exists(l, l.skus == 'A')", ["No recent event had l.skus. Did you mean l.sku?"]),
        ("event.ship.to.zipp == '1'", ["No recent event had event.ship.to.zipp. Did you mean event.ship.to.zip?"]),
        ("event.coupon == 'A'", ["No recent event had event.coupon."]),
        ("event.coupon.code == 'A' || event.tpye == 'x'", ["No recent event had event.coupon.", "No recent event had event.tpye. Did you mean event.type?"]),
        ("event.amount > 5 && event.lines[0].price > 1 && event.ship.to.zip == '1'", []),
        ("has(event.coupon) && event.coupon == 'A'", []),
        ("get(event, 'coupon', '') == 'A' || 'coupon' in event", []),
        ("event.?coupon.orValue('') == 'A' || event.?coupon.code.orValue('') == 'A'", []),
        ("event[?'coupon'].hasValue()", []),
    ],
)  # fmt: skip
def test_a_field_that_no_recent_event_had(
    program: Program, happen: Callable[..., None], condition: str, said: list[str]
) -> None:
    happen(49, PURCHASE)
    assert warnings(program, condition=condition) == []
    recent_events._kept.clear()
    happen(1, {"type": "other"})

    assert warnings(program, condition=condition) == said
    count = {"type": "COUNTER", "key": "k", "value": f"({condition}) ? 1 : 2"}
    assert warnings(program, actions=[count]) == said


def test_events_are_the_newest_of_the_program_and_not_large(
    program: Program, happen: Callable[..., None]
) -> None:
    happen(60, {"old": 1})
    happen(150, PURCHASE)
    Event.objects.filter(data={"old": 1}).update(created_at=NOW)
    noise = "".join(chr(0x4E00 + number % 20_000) for number in range(17_000))
    happen(1, {"large": noise})
    happen(1, {"new": 1})
    other = Program.objects.create(name="Other")

    found = Observer().events_of(program.pk, may_read=True)

    assert found is not None
    assert set(found.fields or {}) >= {"type", "amount", "lines", "ship", "new", "old"}
    assert "large" not in (found.fields or {})
    assert Observer().events_of(other.pk, may_read=True) is None


def test_what_was_read_is_kept_for_a_minute_and_writes_read_nothing(
    program: Program, happen: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    happen(50, PURCHASE)
    typo = "event.ammount > 5"
    rule = made(program, condition=typo)
    assert rule.warnings == []  # nobody had read them

    assert len(warnings(program, condition=typo)) == 1
    assert [each.reason for each in changed(rule, name="Other").warnings] == ["unknown_name"]
    happen(1, {"ammount": 1})
    with CaptureQueriesContext(connection) as queries:
        assert len(warnings(program, condition=typo)) == 1
    assert not any("participants_event" in each["sql"] for each in queries)
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert changed(rule, name="Third").warnings == []
    assert warnings(program, condition=typo) == []


def test_a_process_keeps_few_programs(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_events, "MAX_PROGRAMS", 2)
    for number in range(4):
        one = Program.objects.create(name=f"P{number}")
        Observer().events_of(one.pk, may_read=True)

    assert len(recent_events._kept) == 2


def test_what_is_too_deep_or_has_too_many_names_is_not_known() -> None:
    deep = {"a": {"b": {"c": {"d": {"e": 1}}}}}
    many = {f"day{number}": 1 for number in range(201)}

    found = shape_of([{**deep, "many": many}] * 50)

    assert found is not None
    fields = found.fields or {}
    assert fields["many"].fields is None
    names = []
    shape: Shape | None = found
    while shape and shape.fields:
        name = next(iter(shape.fields))
        names.append(name)
        shape = shape.fields[name]
    assert names == ["a", "b", "c", "d"]


def test_newest_events_are_found_by_an_index(program: Program) -> None:
    with connection.cursor() as cursor, CaptureQueriesContext(connection) as queries:
        recent_events._recent(program.pk)
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        # While the table is empty, the index of all events looks as good.
        cursor.execute("DROP INDEX event_by_created_at")
        cursor.execute(f"EXPLAIN {queries[0]['sql']}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("EXPLAIN SELECT 1 FROM participants_counter WHERE key = 'k' LIMIT 1")
        of_counter = "\n".join(row[0] for row in cursor.fetchall())

    assert "event_by_program" in plan
    assert "Sort" not in plan
    assert "counter_by_key" in of_counter


_UNCOUNTED = "No rule counts participant.counters.{}, and nobody has it."


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("participant.counters.vists > 3", [_UNCOUNTED.format("vists") + " Did you mean participant.counters.visits?"]),
        ("participant.counters.elsewhere > 3 && participant.counters.had > 3", []),
        ("participant.counters.visits > 3", []),
        ("has(participant.counters.x) && participant.counters.x > 3", []),
        ("get(participant.counters, 'x', 0) > 3", []),
        ("'x' in participant.counters", []),
        ("participant.counters[event.key] > 3", []),
        ("participant.counters.zzz > 3", [_UNCOUNTED.format("zzz")]),
    ],
)  # fmt: skip
def test_a_counter_that_no_rule_counts_and_nobody_has(
    program: Program, participant: Participant, condition: str, said: list[str]
) -> None:
    other = Program.objects.create(name="Other")
    made(program, actions=[{"type": "COUNTER", "key": "visits", "value": "1"}])
    made(other, actions=[{"type": "COUNTER", "key": "elsewhere", "value": "1"}])
    Counter.objects.create(participant=participant, key="had", value=1, last_reset_at=NOW)
    gone = made(program, actions=[{"type": "COUNTER", "key": "zzz", "value": "1"}])
    rulebook.archive(gone.pk, by=TESTER)

    assert warnings(program, condition=condition) == said
    written = made(program, condition=condition).warnings
    assert [each.message.partition(": ")[2] for each in written] == said


def test_a_counter_that_the_rule_itself_counts_is_known(program: Program) -> None:
    parts = {
        "condition": "participant.counters.mine < 3",
        "actions": [{"type": "COUNTER", "key": "mine", "value": "1"}],
    }

    assert warnings(program, condition=parts["condition"]) != []
    assert warnings(program, **parts) == []
    assert made(program, **parts).warnings == []


def test_a_form_is_offered_what_events_and_their_participants_had(
    program: Program, participant: Participant, happen: Callable[..., None]
) -> None:
    Participant.objects.update(tags=["vip"], attributes={"plan": "gold", "age": 4})
    happen(2, PURCHASE)
    Event.objects.update(created_at=NOW)
    happen(1, {"type": "visit", "paid": True, "note": "x" * 61, "codes": ["a"], "none": None})

    recent = Observer().recent_events(program.pk)

    assert recent.newest is not None
    assert recent.newest["type"] == "visit"
    offered = {field.path[1:] + field.within: (field.kind, field.values) for field in recent.fields}
    assert offered[("type",)] == ("text", ("purchase", "visit"))
    assert offered[("paid",)] == ("bool", ())
    assert offered[("note",)] == ("text", ())
    assert offered[("codes",)] == ("list", ("a",))
    assert offered[("lines", "sku")][0] == "text"
    assert offered[("ship", "to", "zip")][0] == "text"
    assert ("none",) not in offered
    assert Observer().recent_participants(program.pk) == [
        Field(("participant", "tags"), "list", ("vip",)),
        Field(("participant", "attributes", "age"), "number"),
        Field(("participant", "attributes", "plan"), "text", ("gold",)),
    ]
    assert not Observer().recent_events(Program.objects.create(name="Other").pk).fields


def test_a_form_is_offered_no_more_than_it_can_show() -> None:
    many = [{f"field{number}": number} for number in range(200)]
    ids = [{"id": f"order {number}"} for number in range(30)]

    assert len(recent_events.fields_of(many, ("event",))) == 100
    assert recent_events.fields_of(ids, ("event",)) == [Field(("event", "id"), "text")]
