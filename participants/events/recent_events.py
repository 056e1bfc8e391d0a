"""What the recent events of a program had: kept for a minute in the process for the warnings about its rules, and read
anew for the form that writes them."""

import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from threading import Lock
from typing import Any, Final
from uuid import UUID

from django.db import models

from participants.models import Counter, Event, Participant
from programs.rulebook.observed import Field, Recent
from programs.rules import Shape

EVENTS: Final = 200  # the newest
LEAST: Final = 50  # fewer say too little about what is usual
LARGEST: Final = 16 * 1024  # bytes of an event's data
DEPTH: Final = 4
MAX_NAMES: Final = 200  # in one map; more are keys that mean something, such as a date
MAX_ITEMS: Final = 100  # of one list
KEPT: Final = 60.0  # seconds
MAX_PROGRAMS: Final = 200
MAX_FIELDS: Final = 100  # that a form offers
MAX_VALUES: Final = 20  # of one field; more are no choice
LONGEST_VALUE: Final = 60

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

    def recent_events(self, program_id: UUID) -> Recent:
        events = _recent(program_id)
        return Recent(events[0] if events else None, fields_of(events, ("event",)))

    def recent_participants(self, program_id: UUID) -> Sequence[Field]:
        newest = Event.objects.filter(program=program_id).order_by("-created_at", "-id")
        ids = list(newest.values_list("participant", flat=True)[:EVENTS])
        rows = Participant.objects.filter(pk__in=ids).values("tags", "attributes")
        return fields_of(list(rows), ("participant",))


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


def fields_of(values: Sequence[Any], path: tuple[str, ...]) -> list[Field]:
    """Return the fields of these maps, each with its kind and, where they are few, its values."""
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Any]] = {}
    for value in values:
        for place, part in _leaves(value, path):
            found.setdefault(place, []).append(part)
    return [_field(*place, parts) for place, parts in list(found.items())[:MAX_FIELDS]]


def _leaves(
    value: Any, path: tuple[str, ...], within: tuple[str, ...] | None = None
) -> Iterator[tuple[tuple[tuple[str, ...], tuple[str, ...]], Any]]:
    """The values that are no maps, each with its path, and with its path within an element of a list."""
    if isinstance(value, dict):
        if len(path) + len(within or ()) <= DEPTH and len(value) <= MAX_NAMES:
            for name, part in value.items():
                if within is None:
                    yield from _leaves(part, (*path, name))
                else:
                    yield from _leaves(part, path, (*within, name))
    elif isinstance(value, list) and within is None:
        yield (path, ()), value
        for element in value[:MAX_ITEMS]:
            if isinstance(element, dict):
                yield from _leaves(element, path, ())
    elif value is not None:
        yield (path, within or ()), value


def _field(path: tuple[str, ...], within: tuple[str, ...], values: Sequence[Any]) -> Field:
    kinds = {_kind(value) for value in values}
    kind = kinds.pop() if len(kinds) == 1 else "text"
    texts = {
        text
        for value in values
        for text in (value[:MAX_ITEMS] if isinstance(value, list) else [value])
        if isinstance(text, str) and len(text) <= LONGEST_VALUE
    }
    return Field(path, kind, tuple(sorted(texts)) if len(texts) <= MAX_VALUES else (), within)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | Decimal):
        return "number"
    return "list" if isinstance(value, list) else "text"
