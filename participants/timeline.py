"""Everything that happened to one participant, newest first, in one stream that pages by a cursor.

An event tells what it caused by its outcome. Beside events stand the movements and changes that no event caused, and who
retried an event. Asked for movements or changes alone, the stream has each of them, whatever caused it.

All of it is one statement: each source gives its next rows by an index, and they are merged here. A filter that few of a
participant's many rows meet is looked for in so many rows at a time, and the reader goes on from there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.core import signing
from django.db import transaction
from django.db.models import (
    Case,
    Exists,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.enums import TextChoices
from django.db.models.functions import Cast, Coalesce, JSONObject
from django.db.models.lookups import LessThanOrEqual

from participants.models import Event, EventRetry, JournalEntry, StateChange, StateType
from programs.kernel import exact_json
from programs.models import Asset, Program

PAGE = 30
LOOKED_AT = 2000  # rows of one source for one page, where a filter leaves out most
LONGEST_DATA = 2000  # bytes of an event's data that are shown

Row = Event | JournalEntry | StateChange | EventRetry


class Kind(TextChoices):
    """What a reader may ask for alone."""

    EVENTS = "events", "Events"
    MOVEMENTS = "movements", "Movements"
    TIERS = "tiers", "Tiers"
    ENROLLMENTS = "enrollments", "Enrollments"
    CHANGES = "changes", "Other changes"


@dataclass(frozen=True, slots=True)
class Sources:
    """Which of the sources a reader may see."""

    events: bool = True
    movements: bool = True
    changes: bool = True


@dataclass(frozen=True, slots=True)
class Item:
    """A row, and what is beside it: the name of its program, and an event's data where it is short."""

    row: Row
    at: datetime
    program_name: str
    data: Any


@dataclass(frozen=True, slots=True)
class Page:
    """Without a `cursor` nothing is older. `looked_until` is how far back was looked where the page ends before it is full."""

    items: list[Item]
    cursor: str = ""
    looked_until: datetime | None = None


class InvalidCursor(ValueError):
    """The text is not a cursor of this timeline."""


@dataclass(frozen=True, slots=True)
class _Source:
    """Rows of one table in the order of an index, latest first, with what is read of each; `order` ends in what is unique.

    A `condition` is what the index does not serve.
    """

    rows: QuerySet[Any]
    order: Sequence[str]
    time: str
    document: Mapping[str, Any]
    condition: Q | None = None

    @property
    def name(self) -> str:
        return str(self.rows.model._meta.model_name)


@dataclass(frozen=True, slots=True)
class _Found:
    """A row, or the place from which to look on: then `document` holds no more than its place in the order."""

    at: datetime
    document: dict[str, Any]
    source: _Source

    @property
    def is_row(self) -> bool:
        return self.document.keys() > set(self.source.order)

    @property
    def place(self) -> list[Any]:
        return [self.document[name] for name in self.source.order]

    @property
    def rank(self) -> tuple[Any, ...]:
        """Its place as what compares."""
        *_, last = self.place
        return (last,) if len(self.source.order) == 1 else (self.at, last)


def read(
    participant_id: UUID,
    *,
    kind: str = "",
    program_id: UUID | None = None,
    cursor: str = "",
    may_see: Sources = Sources(),
    size: int = PAGE,
) -> Page:
    """Read a page of the participant's timeline, with no more than one query. Raises InvalidCursor."""
    sources = _sources(participant_id, kind, program_id, may_see)
    scope = [str(participant_id), kind, str(program_id)]
    starts = _starts(cursor, scope)
    parts = [
        part
        for source in sources
        if starts is None or source.name in starts
        for part in _parts(source, None if starts is None else starts[source.name], size)
    ]
    waiting = _fetched(sources, parts)
    items, looked_until = _merged(waiting, size)
    left = {name: found[0].place for name, found in waiting.items() if found}
    next_cursor = signing.Signer(salt="timeline").sign_object([scope, left]) if left else ""
    return Page(items, next_cursor, looked_until)


def preview(participant_id: UUID, verb: Callable[[], object]) -> list[Item]:
    """The changes that the verb would make of the participant's state, by making them and taking them back.

    So a preview promises exactly what the verb then does. Raises what the verb raises.
    """
    changes = Sources(events=False, movements=False)
    with transaction.atomic():
        before = {item.row.pk for item in read(participant_id, may_see=changes, size=200).items}
        verb()
        after = read(participant_id, may_see=changes, size=200).items
        transaction.set_rollback(True)
    return [item for item in after if item.row.pk not in before]


def _sources(
    participant_id: UUID, kind: str, program_id: UUID | None, may_see: Sources
) -> list[_Source]:
    """The sources, in the order in which they tell what happened at the same moment."""
    whose = Q(participant=participant_id)
    # Whoever may not see events is told what they caused as it stands.
    mine = whose if kind or not may_see.events else whose & Q(event_id=None)
    in_program = Q(program_id=program_id) if program_id else None
    sources = []
    if may_see.events and kind in ("", Kind.EVENTS):
        event = Event.objects.filter(pk=OuterRef("event_id"), program=program_id)
        of_event = Q(Exists(event)) if program_id else None
        retries = EventRetry.objects.filter(whose)
        sources += [
            _Source(retries, ("retried_at", "id"), "retried_at", _RETRY, of_event),
            _Source(
                Event.objects.filter(whose), ("created_at", "id"), "created_at", _EVENT, in_program
            ),
        ]
    if may_see.movements and kind in ("", Kind.MOVEMENTS):
        entries = JournalEntry.objects.filter(mine)
        sources.append(_Source(entries, ("sequence",), "created_at", _ENTRY, in_program))
    if may_see.changes and kind in ("", *_STATE_TYPES):
        condition = in_program
        if kind:
            condition = Q(state_type__in=_STATE_TYPES[kind]) & (in_program or Q())
        changes = StateChange.objects.filter(mine)
        sources.append(_Source(changes, ("changed_at", "id"), "changed_at", _CHANGE, condition))
    return sources


def _starts(cursor: str, scope: list[str]) -> dict[str, list[Any]] | None:
    """From where each source goes on, by its name; one that is missing has come to its end. None is the beginning."""
    if not cursor:
        return None
    try:
        of, starts = signing.Signer(salt="timeline").unsign_object(cursor)
    except Exception as error:  # a forged text can break the decoder in many ways
        raise InvalidCursor from error
    if of != scope:
        raise InvalidCursor
    return dict(starts)


def _parts(source: _Source, start: list[Any] | None, size: int) -> Iterator[QuerySet[Any]]:
    """The queries of one source: its next rows and, where a condition limits how many are looked at, from where to look on."""
    rows, order = source.rows, source.order
    if start:
        rows = rows.filter(**{f"{order[0]}__lte": start[0]})
    if start and len(order) > 1:
        is_before = Q(**{f"{order[0]}__lt": start[0]}) | Q(**{f"{order[1]}__lte": start[1]})
        rows = rows.filter(is_before)
    descending = [f"-{name}" for name in order]
    rows = rows.order_by(*descending)
    if source.condition is None:
        yield _written(source, rows[: size + 1], source.document)
        return
    beyond = rows[LOOKED_AT : LOOKED_AT + 1]
    # Those before it at the same moment come, too, and are left for the next page: it stands above them in the order.
    until = Coalesce(Subquery(beyond.values(order[0])), _FIRST[order[0]])
    matching = rows.filter(source.condition, **{f"{order[0]}__gte": until})
    yield _written(source, matching[: size + 1], source.document)
    yield _written(source, beyond, {name: F(name) for name in order})


def _written(source: _Source, rows: QuerySet[Any], document: Mapping[str, Any]) -> QuerySet[Any]:
    name = Value(source.name, output_field=TextField())
    return rows.values_list(name, F(source.time), Cast(JSONObject(**document), TextField()))


def _fetched(sources: list[_Source], parts: list[QuerySet[Any]]) -> dict[str, list[_Found]]:
    """What each source has, latest first, by its name."""
    found: dict[str, list[_Found]] = {source.name: [] for source in sources}
    by_name = {source.name: source for source in sources}
    if parts:
        for name, at, text in parts[0].union(*parts[1:], all=True):
            document = exact_json.loads_stored(text)
            found[name].append(_Found(at, document, by_name[name]))
    for each in found.values():
        each.sort(key=lambda row: row.rank, reverse=True)
    return found


def _merged(waiting: dict[str, list[_Found]], size: int) -> tuple[list[Item], datetime | None]:
    """Take the newest rows out of what waits, and say until when was looked if a source has to be looked through further."""
    items: list[Item] = []
    while len(items) < size and (heads := [found[0] for found in waiting.values() if found]):
        newest = max(heads, key=lambda found: found.at)  # of equals the first
        if not newest.is_row:
            return items, newest.at
        waiting[newest.source.name].pop(0)
        items.append(_item(newest))
    return items, None


def _item(found: _Found) -> Item:
    document = dict(found.document)
    program_name, data, asset = (
        document.pop(name, None) for name in ("program_name", "shown_data", "asset")
    )
    model = found.source.rows.model
    row = model(
        **{name: model._meta.get_field(name).to_python(value) for name, value in document.items()}
    )
    if asset:
        row.asset = Asset(**asset)
    return Item(row, found.at, program_name or "", data)


def _columns(*names: str) -> dict[str, F]:
    return {name: F(name) for name in names}


def _program_name() -> Subquery:
    return Subquery(Program.objects.filter(pk=OuterRef("program_id")).order_by().values("name"))


def _digits(name: str) -> Cast:
    """A number as text, since it has more digits than fast readers of JSON keep."""
    return Cast(name, TextField())


_STATE_TYPES: Final[Mapping[str, list[StateType]]] = {
    Kind.TIERS: [StateType.TIER],
    Kind.ENROLLMENTS: [StateType.ENROLLMENT],
    Kind.CHANGES: [
        each for each in StateType if each not in (StateType.TIER, StateType.ENROLLMENT)
    ],
}

# Where no more rows are than are looked at.
_FIRST: Final = {
    **dict.fromkeys(("created_at", "changed_at", "retried_at"), datetime.min.replace(tzinfo=UTC)),
    "sequence": 0,
}

# What is read of each row, by the model's own names and those that `_item` takes out.
_RETRY: Final = _columns("id", "event_id", "retried_by", "retried_at")
_EVENT: Final = {
    **_columns("id", "program_id", "idempotency_key", "event_timestamp", "status", "attempts"),
    **_columns("next_attempt_at", "outcome", "failed_rule_ids", "only_failed_rules"),
    **_columns("created_by", "created_at", "processed_at"),
    "program_name": F("program__name"),
    "shown_data": Case(
        When(
            LessThanOrEqual(
                Func("data", function="pg_column_size", output_field=IntegerField()),
                LONGEST_DATA,
            ),
            then="data",
        )
    ),
}
_ENTRY: Final = {
    **_columns("id", "sequence", "program_id", "source", "destination", "action", "description"),
    **_columns("event_id", "rule_id", "created_by", "created_at", "effective_at"),
    **{name: _digits(name) for name in ("amount", "available", "held", "deferred")},
    "asset": JSONObject(
        **{name: F(f"asset__{name}") for name in ("id", "name", "symbol", "scale")}
    ),
    "program_name": F("program__name"),
}
_CHANGE: Final = {
    **_columns("id", "state_type", "key", "operation", "old_value", "new_value", "changed_by"),
    **_columns("event_id", "rule_id", "program_id", "reason", "changed_at"),
    "program_name": _program_name(),
}
