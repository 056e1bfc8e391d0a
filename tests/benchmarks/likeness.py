"""Do two ways of an upsert do the same? A comparison of speeds means nothing before that is known."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from participants.models import StateChange
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
