"""One participant's state in memory: every rule about a change of it, and nothing of the database.

A person is read under the participant's lock or its equivalent, changed, and written down by `participants.state.store`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from participants.causes import Cause
from participants.exceptions import (
    AttributeRefused,
    CounterOutOfRange,
    TooManyAttributes,
    TooManyTags,
)
from participants.models import (
    MAX_ATTRIBUTE_VALUE_LENGTH,
    MAX_ATTRIBUTES,
    MAX_TAGS,
    Operation,
    ParticipantStatus,
    StateType,
)
from participants.state.changes import AttributeValue
from programs.kernel.decimals import DECIMAL_PLACES, EXACT, LARGEST, ZERO, rounded_down, written
from programs.kernel.exact_json import MAX_DIGITS


class CounterState(NamedTuple):
    """`value` is what counts now: zero where the window has ended, and then the next change begins another."""

    value: Decimal
    reset_after: timedelta | None
    last_reset_at: datetime


class Standing(NamedTuple):
    """A level that is held on a track and has not expired."""

    level: str
    acquired_at: datetime
    expires_at: datetime | None


class Noted(NamedTuple):
    """A row of the history that is yet to be written."""

    state_type: StateType
    key: str
    operation: Operation
    old_value: Any
    new_value: Any
    cause: Cause


_OF_THE_ROW = (StateType.TAG, StateType.ATTRIBUTE)

Mark = tuple[
    list[str],
    dict[str, Any],
    dict[str, CounterState],
    dict[UUID, Standing],
    int,
    set[str],
    set[UUID],
]


@dataclass(slots=True)
class Person:
    """`counters` and `standings` hold what counts at the moment of the reading.

    `touched_counters` and `touched_tracks` name what is to be written; `noted` is its history.
    """

    id: UUID
    external_id: str
    status: str
    created_at: datetime
    tags: list[str] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    counters: dict[str, CounterState] = field(default_factory=dict)
    standings: dict[UUID, Standing] = field(default_factory=dict)
    noted: list[Noted] = field(default_factory=list)
    touched_counters: set[str] = field(default_factory=set)
    touched_tracks: set[UUID] = field(default_factory=set)

    @property
    def is_active(self) -> bool:
        return self.status == ParticipantStatus.ACTIVE

    @property
    def is_changed(self) -> bool:
        """Whether the participant's own row is to be written."""
        return any(row.state_type in _OF_THE_ROW for row in self.noted)

    def mark(self) -> Mark:
        """As the person is now, to go back to."""
        return (
            *(self.tags.copy(), self.attributes.copy(), self.counters.copy()),
            *(self.standings.copy(), len(self.noted)),
            *(self.touched_counters.copy(), self.touched_tracks.copy()),
        )

    def back_to(self, mark: Mark) -> None:
        """Forget every change since the mark."""
        self.tags, self.attributes, self.counters, self.standings, length = mark[:5]
        self.touched_counters, self.touched_tracks = mark[5:]
        del self.noted[length:]

    def add_tag(self, tag: str, cause: Cause) -> bool:
        """Whether they had it before. Raises TooManyTags."""
        if tag in self.tags:
            return True
        if len(self.tags) >= MAX_TAGS:
            raise TooManyTags
        self.tags.append(tag)
        self._note(StateType.TAG, tag, None, tag, cause)
        return False

    def remove_tag(self, tag: str, cause: Cause) -> bool:
        """Whether they had it before."""
        if tag not in self.tags:
            return False
        self.tags.remove(tag)
        self._note(StateType.TAG, tag, tag, None, cause)
        return True

    def set_attribute(self, key: str, value: AttributeValue, cause: Cause) -> AttributeValue:
        """The value before, None where there was none; a None removes. Raises AttributeRefused, TooManyAttributes."""
        old: AttributeValue = self.attributes.get(key)
        if _is_same(old, value):
            return old
        _refuse_unstorable(value)
        if value is None:
            del self.attributes[key]
        elif old is None and len(self.attributes) >= MAX_ATTRIBUTES:
            raise TooManyAttributes
        else:
            self.attributes[key] = value
        self._note(StateType.ATTRIBUTE, key, old, value, cause)
        return old

    def add_to_counter(
        self,
        key: str,
        amount: Decimal,
        *,
        reset_after: timedelta | None,
        at: datetime,
        cause: Cause,
    ) -> tuple[Decimal | None, Decimal]:
        """The counter before (None where there was none) and after. What is finer than a counter is cut off.

        A window begins anew where the last one has ended, or where `reset_after` names another length (None: as it is).
        Raises CounterOutOfRange.
        """
        known = self.counters.get(key)
        old = None if known is None else known.value
        # Compared before it is added: a sum of very different sizes would not fit the context.
        if amount.copy_abs() > LARGEST:
            raise CounterOutOfRange
        amount = rounded_down(amount, DECIMAL_PLACES)
        if amount == 0:
            return old, old or ZERO  # as of a balance, zero does nothing
        new = EXACT.add(old or ZERO, amount)
        if new.copy_abs() > LARGEST:
            raise CounterOutOfRange
        window = known.reset_after if known and reset_after is None else reset_after
        goes_on = known is not None and known.reset_after == window
        began = known.last_reset_at if known and goes_on else at
        if window is not None and at >= began + window:
            began = at
        self.counters[key] = CounterState(new, window, began)
        if self.counters[key] != known:
            self.touched_counters.add(key)
        if old != new:
            before = None if old is None else written(old)
            self._note(StateType.COUNTER, key, before, written(new), cause)
        return old, new

    def set_level(
        self,
        track_id: UUID,
        track_key: str,
        level: str,
        *,
        old_level: str,
        at: datetime,
        cause: Cause,
    ) -> None:
        """Put them on a level of the track for good, "" for the base; `old_level` is where they stand by what the track is now."""
        known = self.standings.get(track_id)
        if level == old_level and (known is None or known.expires_at is None):
            return
        if level:
            acquired_at = known.acquired_at if known and level == old_level else at
            self.standings[track_id] = Standing(level, acquired_at, None)
        else:
            self.standings.pop(track_id, None)
        self.touched_tracks.add(track_id)
        values = (old_level or None, level or None)
        self._note(StateType.TIER, track_key, *values, cause)

    def _note(self, state_type: StateType, key: str, old: Any, new: Any, cause: Cause) -> None:
        operation = (
            Operation.ADD if old is None else Operation.REMOVE if new is None else Operation.CHANGE
        )
        self.noted.append(Noted(state_type, key, operation, old, new, cause))


def counter_at(
    value: Decimal, reset_after: timedelta | None, last_reset_at: datetime, moment: datetime
) -> CounterState:
    """What a stored counter counts at this moment."""
    is_past = reset_after is not None and moment >= last_reset_at + reset_after
    return CounterState(ZERO if is_past else value, reset_after, last_reset_at)


def values_of(counters: Mapping[str, CounterState]) -> dict[str, Decimal]:
    return {key: counter.value for key, counter in counters.items()}


def _is_same(old: AttributeValue, new: AttributeValue) -> bool:
    # Python takes 1 for True.
    return old == new and isinstance(old, bool) == isinstance(new, bool)


def _refuse_unstorable(value: AttributeValue) -> None:
    # By the very type: a TypeName of the rule language is a str too, and a bool an int.
    if type(value) is str:
        if len(value) > MAX_ATTRIBUTE_VALUE_LENGTH:
            raise AttributeRefused(f"A text has at most {MAX_ATTRIBUTE_VALUE_LENGTH} characters.")
        if "\0" in value:
            raise AttributeRefused("NUL cannot be stored.")
    elif type(value) is Decimal:
        if len(f"{value:f}".lstrip("-").replace(".", "")) > MAX_DIGITS:
            raise AttributeRefused(f"A number has at most {MAX_DIGITS} digits written out.")
    elif type(value) not in (int, bool, type(None)):
        raise AttributeRefused("An attribute is a text, a number, true or false.")
