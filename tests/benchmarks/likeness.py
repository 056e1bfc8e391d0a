"""Do two ways of an upsert, a movement or an event do the same? A comparison of speeds means nothing before that is known."""

import json
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import psycopg

from participants.ledger import verify
from participants.models import Balance, Counter, Enrollment, Event, JournalEntry, StateChange
from tests.benchmarks.people import Body, person
from tests.benchmarks.purchases import event, purchase

Post = Callable[[Body], tuple[int, bytes]]
Told = list[tuple[Any, ...]]


def told(post: Post, name: str, program_id: UUID) -> Told:
    """What an upsert answers and what history it writes while somebody is created, changed and left alone.

    `name` is part of nothing that is compared. Nor are ids and times, but whether an answer's time of update moved.
    """
    first = {**person(1, program_id), "external_id": name}
    changed = {
        **first,
        "status": "SUSPENDED",
        "last_name": "",
        "tags": ["VIP", "newsletter"],
        "attributes": {"visits": 2, "plan": None, "beta": True},
    }
    turned = {"external_id": name, "tags": ["newsletter", "vip"]}
    story: Told = []
    updated_at = ""
    for body in (first, first, changed, changed, turned):
        status, content = post(body)
        answer = json.loads(content)
        moved, updated_at = answer["updated_at"] != updated_at, answer["updated_at"]
        for unique in ("id", "external_id", "created_at", "updated_at"):
            del answer[unique]
        story.append((status, answer, moved, _history(name)))
    return story


def _history(external_id: str) -> list[tuple[Any, ...]]:
    columns = ("state_type", "key", "operation", "old_value", "new_value", "program_id")
    changes = StateChange.objects.filter(participant__external_id=external_id)
    return sorted(changes.values_list(*columns, "changed_by"), key=str)


def moved(post: Post, participant_id: UUID, asset_id: UUID, program_id: UUID) -> Told:
    """What movements answer and what they write, for somebody who has nothing yet of the asset."""
    story: Told = []
    for kind, amount, bucket in (
        ("CREDIT", "10.50", "AVAILABLE"),
        ("CREDIT", "3", "HELD"),
        ("DEBIT", "0.25", "AVAILABLE"),
    ):
        status, content = post(
            {
                "program_id": str(program_id),
                "asset_id": str(asset_id),
                "type": kind,
                "amount": amount,
                "description": "A likeness.",
                "bucket": bucket,
            }
        )
        answer = json.loads(content)
        mine = JournalEntry.objects.filter(participant=participant_id)
        entry: dict[str, Any] = dict(mine.values().get(pk=answer.pop("journal_entry_id")))
        for unique in ("id", "participant_id", "created_at", "entry_hash"):
            del entry[unique]
        story.append((status, answer, entry))
    balance = Balance.objects.get(participant=participant_id, asset=asset_id)
    amounts = (balance.available, balance.held, balance.deferred, balance.overdrawn)
    return [*story, amounts, tuple(fault.message for fault in verify.faults(participant_id))]


def sent(post: Post, name: str, program_id: UUID) -> Told:
    """What an event answers and writes: of somebody new, the same again, another with its key, and after a pause."""
    first = event(name, program_id, 1, key=f"{name}-1")
    other = {**first, "event_data": purchase(2)}
    second = {**other, "idempotency_key": f"{name}-2"}
    third = {**other, "idempotency_key": f"{name}-3"}
    story: Told = []
    for body in (first, first, other, second, third):
        status, content = post(body)
        answer = json.loads(content)
        _forget(answer, "id", "participant_id", "external_id", "idempotency_key", "request_id")
        mine = Event.objects.filter(participant__external_id=name).order_by("sequence")
        stored = list(mine.values("event_timestamp", "data", "status", "created_by"))
        story.append((status, answer, stored, _history(name)))
        if body is second:
            Enrollment.objects.filter(participant__external_id=name).update(status="FROZEN")
    return story


def sent_together(post: Post, name: str, program_id: UUID) -> tuple[Any, ...]:
    """What a batch answers: two good events, one of them again, and one of no program."""
    bodies = [event(name, program_id, number, key=f"{name}-{number % 2}") for number in range(4)]
    bodies[2] = bodies[0]
    bodies[3] = {**bodies[3], "program_id": "00000000-0000-0000-0000-000000000000"}
    status, content = post({"events": bodies})
    answer = json.loads(content)
    for row in answer["results"]:
        _forget(row.get("event", {}), "id", "participant_id", "external_id", "idempotency_key")
    return status, answer


def left(session: psycopg.Connection[Any], event_ids: Sequence[UUID]) -> dict[str, list[Any]]:
    """What events have left behind in each table, in their order, without what is different each time."""
    return {
        name: [json.loads(row) for (row,) in session.execute(text, [list(event_ids)])]
        for name, text in _LEFT.items()
    }


_WORKED = f"""
SELECT to_jsonb(event) - ARRAY['id', 'sequence', 'participant_id', 'idempotency_key', 'event_timestamp', 'created_at', 'processed_at']
    || jsonb_build_object('is_processed', processed_at IS NOT NULL)
FROM {Event._meta.db_table} AS event WHERE id = ANY(%s) ORDER BY sequence
"""
_OF_EVENTS = f"""
SELECT (to_jsonb(of_event) - ARRAY['id', 'participant_id', 'event_id', 'created_at', 'changed_at', 'entry_hash', 'hash_version', 'effective_at', 'action'])::text
FROM {{}} AS of_event JOIN {Event._meta.db_table} AS event ON event.id = of_event.event_id
WHERE event.id = ANY(%s) ORDER BY event.sequence
"""
_OF_PEOPLE = f"""
SELECT (to_jsonb(theirs) - ARRAY['id', 'participant_id', 'last_reset_at', 'created_at', 'updated_at'])::text
FROM {{}} AS theirs JOIN (
    SELECT participant_id, min(sequence) AS first FROM {Event._meta.db_table} WHERE id = ANY(%s) GROUP BY participant_id
) AS people ON people.participant_id = theirs.participant_id
ORDER BY first
"""
_LEFT = {
    # An entry's id is part of the outcome, and different each time.
    "events": f"SELECT regexp_replace(told::text, '(\"journal_entry_id\": )\"[^\"]+\"', '\\1true', 'g') FROM ({_WORKED}) AS event (told)",
    "entries": _OF_EVENTS.format(JournalEntry._meta.db_table),
    "changes": _OF_EVENTS.format(StateChange._meta.db_table),
    "balances": _OF_PEOPLE.format(Balance._meta.db_table),
    "counters": _OF_PEOPLE.format(Counter._meta.db_table),
}


def _forget(answer: dict[str, Any], *names: str) -> None:
    for name in names:
        answer.pop(name, None)
