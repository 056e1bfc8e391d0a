"""What the recent events of a program had, kept for a minute in the process, for the warnings about its rules."""

import time
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import Any, Final
from uuid import UUID

from django.db import models

from participants.models import Counter, Event
from programs.rules import Shape

EVENTS: Final = 200  # the newest
LEAST: Final = 50  # fewer say too little about what is usual
LARGEST: Final = 16 * 1024  # bytes of an event's data
DEPTH: Final = 4
MAX_NAMES: Final = 200  # in one map; more are keys that mean something, such as a date
MAX_ITEMS: Final = 100  # of one list
KEPT: Final = 60.0  # seconds
MAX_PROGRAMS: Final = 200

_UNKNOWN: Final = "No recent event had {path}."

_kept: OrderedDict[UUID, tuple[float, Shape | None]] = OrderedDict()
_lock = Lock()


class Observer:
    """What `programs.rulebook.observed` asks for."""

    def events_of(self, program_id: UUID, *, may_read: bool) -> Shape | None:
        now = time.monotonic()
        with _lock:
            read_at, shape = _kept.get(program_id, (-KEPT, None))
        if now - read_at < KEPT or not may_read:
            return shape if now - read_at < KEPT else None
        shape = shape_of(_recent(program_id))
        with _lock:
            _kept[program_id] = now, shape
            _kept.move_to_end(program_id)
            while len(_kept) > MAX_PROGRAMS:
                _kept.popitem(last=False)
        return shape

    def has_counter(self, key: str) -> bool:
        return Counter.objects.filter(key=key).exists()


def shape_of(events: Sequence[Any]) -> Shape | None:
    """Return what these data of events had, or None where they are too few."""
    return _shape(events, 0) if len(events) >= LEAST else None


def _recent(program_id: UUID) -> list[Any]:
    size = models.Func("data", function="pg_column_size", output_field=models.IntegerField())
    small = models.Case(models.When(data_size__lte=LARGEST, then="data"))
    newest = Event.objects.filter(program=program_id).order_by("-created_at", "-id")
    rows = newest.alias(data_size=size).annotate(small=small).values_list("small", flat=True)
    return [data for data in rows[:EVENTS] if data is not None]


def _shape(values: Sequence[Any], depth: int) -> Shape:
    if depth == DEPTH:
        return Shape()
    by_name: dict[str, list[Any]] = {}
    items: list[Any] = []
    for value in values:
        if isinstance(value, dict):
            for name, part in value.items():
                by_name.setdefault(name, []).append(part)
        elif isinstance(value, list):
            items += value[:MAX_ITEMS]
    fields = None
    if 0 < len(by_name) <= MAX_NAMES:
        fields = {name: _shape(parts, depth + 1) for name, parts in by_name.items()}
    element = _shape(items, depth + 1) if items else None
    return Shape(_UNKNOWN, fields=fields, is_open=True, element=element)
