"""Do two ways of an upsert, or of a movement, do the same? A comparison of speeds means nothing before that is known."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from participants.ledger import verify
from participants.models import Balance, JournalEntry, StateChange
from tests.benchmarks.people import Body, person

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
