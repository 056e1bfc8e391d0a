"""One participant's state in memory: every rule about a change of it, and nothing of the database.

A person is loaded under the participant's lock, changed, and written by `participants.state.persons`. The bulk upsert
(`participants.state.upsert`) does in SQL what `add_tag`, `remove_tag` and `set_attribute` do here; a property test
checks that both agree.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from participants.causes import Cause
from participants.exceptions import (
    AttributeRefused,
    CounterOutOfRange,
    TooManyAttributes,
    TooManyTags,
)
from participants.models import MAX_ATTRIBUTES, MAX_TAGS, Operation, ParticipantStatus, StateType
from participants.state import windows
from participants.state.changes import AttributeValue
from participants.state.standing import Level, Standing, Track, last_level, settled, stands_on
from participants.state.windows import NEVER, CounterState, Window
from programs.kernel import instants
from programs.kernel.decimals import DECIMAL_PLACES, EXACT, LARGEST, ZERO, rounded_down, written
from programs.kernel.exact_json import MAX_DIGITS
from programs.models.rules import MAX_ATTRIBUTE_VALUE_LENGTH


class Added(NamedTuple):
    """What adding to a counter did. `before` is None where there was none.

    `late_for` is when the window began, if that was after the event: it counts in this window all the same.
    """

    before: Decimal | None
    after: Decimal
    late_for: datetime | None = None


class HistoryRow(NamedTuple):
    """A row of the history that is still to be written; its fields are columns of the table."""

    state_type: StateType
    key: str
    operation: Operation
    old_value: Any
    new_value: Any
    changed_by: str
    event_id: UUID | None
    rule_id: UUID | None
    program_id: UUID | None
    reason: str


# What rules read of the profile.
READ_OF_PROFILE: Final = ("email", "first_name", "last_name", "display_name")

_OF_THE_ROW = (StateType.TAG, StateType.ATTRIBUTE)


@dataclass(slots=True)
class Person:
    """A participant's state, as it is stored: `counters_at` and `standings` are read for a moment.

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
    noted: list[HistoryRow] = field(default_factory=list)
    touched_counters: set[str] = field(default_factory=set)
    touched_tracks: set[UUID] = field(default_factory=set)
    # READ_OF_PROFILE, which no rule changes.
    profile: dict[str, str] = field(default_factory=lambda: dict.fromkeys(READ_OF_PROFILE, ""))
    # By program, when they were first enrolled; no rule changes it either.
    enrolled_at: dict[UUID, datetime] = field(default_factory=dict)

    @property
    def is_active(self) -> bool:
        return self.status == ParticipantStatus.ACTIVE

    @property
    def is_changed(self) -> bool:
        """Whether the participant's own row is to be written."""
        return any(row.state_type in _OF_THE_ROW for row in self.noted)

    def copy(self) -> "Person":
        """A copy that later changes of this person do not touch. Only `noted` is shared: it only grows, so its length is
        enough to go back to.
        """
        # Not `replace`, which takes four times as long, and this is done for each rule that acts.
        return Person(
            *(self.id, self.external_id, self.status, self.created_at),
            *(self.tags.copy(), self.attributes.copy(), self.counters.copy()),
            *(self.standings.copy(), self.noted),
            *(self.touched_counters.copy(), self.touched_tracks.copy()),
            *(self.profile, self.enrolled_at),
        )

    def add_tag(self, tag: str, cause: Cause) -> bool:
        """Add a tag, and say whether they had it before. Raises TooManyTags."""
        if tag in self.tags:
            return True
        if len(self.tags) >= MAX_TAGS:
            raise TooManyTags
        self.tags.append(tag)
        self._note(StateType.TAG, tag, None, tag, cause)
        return False

    def remove_tag(self, tag: str, cause: Cause) -> bool:
        """Remove a tag, and say whether they had it before."""
        if tag not in self.tags:
            return False
        self.tags.remove(tag)
        self._note(StateType.TAG, tag, tag, None, cause)
        return True

    def set_attribute(self, key: str, value: AttributeValue, cause: Cause) -> AttributeValue:
        """Set an attribute, or remove it where `value` is None; returns the value before.

        Raises AttributeRefused and TooManyAttributes.
        """
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

    def counters_at(self, moment: datetime) -> dict[str, Decimal]:
        """What each counter counts at this moment."""
        # Not by `value_at`: rules read this again and again.
        return {
            key: ZERO if counter.ends is not None and moment >= counter.ends else counter.value
            for key, counter in self.counters.items()
        }

    def add_to_counter(
        self, key: str, amount: Decimal, *, window: Window | None, at: datetime, cause: Cause
    ) -> Added:
        """Add to a counter what happened `at` this moment, or make the counter.

        Decimals beyond a counter's 18 are cut off. A `window` of None keeps the counter's. Raises CounterOutOfRange.
        """
        known = self.counters.get(key)
        old = None if known is None else known.value_at(at)
        # Compared before it is added: a sum of very different sizes would not fit the context.
        if amount.copy_abs() > LARGEST:
            raise CounterOutOfRange
        amount = rounded_down(amount, DECIMAL_PLACES)
        if amount == 0:
            return Added(old, old or ZERO)  # zero does nothing, as with a balance
        new = EXACT.add(old or ZERO, amount)
        if new.copy_abs() > LARGEST:
            raise CounterOutOfRange
        if window is None:
            window = known.window if known else NEVER
        self.set_counter(key, new, window=window, at=at, cause=cause)
        counter = self.counters[key]
        return Added(old, new, counter.began if counter.is_after(at) else None)

    def set_counter(
        self, key: str, value: Decimal, *, window: Window, at: datetime, cause: Cause
    ) -> None:
        """Set a counter, or make it.

        A window begins where there was no counter, where the last window has ended, and where it is of another kind.
        """
        known = self.counters.get(key)
        if known and known.window.is_like(window) and not known.has_ended(at):
            counter = CounterState(value, *known[1:])
        else:
            counter = windows.opened(value, window, at)
        self.counters[key] = counter
        if counter != known:
            self.touched_counters.add(key)
        old = None if known is None else known.value_at(at)
        if old != value:
            self._note(
                StateType.COUNTER, key, None if old is None else written(old), written(value), cause
            )

    def delete_counter(self, key: str, at: datetime, cause: Cause) -> None:
        """Delete a counter, if it is there."""
        counter = self.counters.pop(key, None)
        if counter is not None:
            self.touched_counters.add(key)
            self._note(StateType.COUNTER, key, written(counter.value_at(at)), None, cause)

    def set_level(
        self,
        track: Track[Level],
        level: str,
        *,
        at: datetime,
        cause: Cause,
        expires_at: datetime | None = None,
        pinned: bool = False,
    ) -> None:
        """Put them on a level of the track, "" for the base, in place of any override.

        Without `expires_at` and `pinned` they have earned it; otherwise it overrides what they have earned.
        """
        held = self.settle(track, at=at, cause=cause)
        earned = level
        if pinned or expires_at is not None:
            earned = held.earned if held else ""
        self._stand(track, held, Standing(level, at, expires_at, pinned, earned), at, cause)

    def raise_earned(self, track: Track[Level], level: str, *, at: datetime, cause: Cause) -> None:
        """Set the level that they have earned, beneath the override if there is one."""
        held = self.settle(track, at=at, cause=cause)
        new = Standing(level, at, earned_level=level)
        if held and held.is_override:
            new = held._replace(earned_level=level)
        self._stand(track, held, new, at, cause)

    def clear_level(self, track: Track[Level], *, at: datetime, cause: Cause) -> None:
        """Put them back to the base: neither earned, lent nor pinned."""
        self._stand(track, self.settle(track, at=at, cause=cause), None, at, cause)

    def settle(self, track: Track[Level], *, at: datetime, cause: Cause) -> Standing | None:
        """Note the end of an override that no longer counts, and of levels that the track no longer has.

        Returns their standing. Without this, the history of the next level would not begin where the last one ended.
        """
        held = self.standings.get(track.id)
        if held is None:
            return None
        now = settled(held, track, at)
        if now is held:
            return held
        return self._replace(track, held, now, last_level(held, track), at, cause)

    def _stand(
        self,
        track: Track[Level],
        held: Standing | None,
        new: Standing | None,
        at: datetime,
        cause: Cause,
    ) -> None:
        before, after = _key(stands_on(held, track, at)), _key(stands_on(new, track, at))
        if new:
            since = held.acquired_at if held and before == after else at
            new = new._replace(acquired_at=since)
        if held != new and (held is None or held._replace(earned_level=held.earned) != new):
            self._replace(track, held, new, before, at, cause)

    def _replace(
        self,
        track: Track[Level],
        held: Standing | None,
        new: Standing | None,
        before: str,
        at: datetime,
        cause: Cause,
    ) -> Standing | None:
        """Store the standing; one that is no more than the base is none. `before` is where they stood."""
        if new and not new.level and not new.is_override:
            new = None
        if held is None and new is None:
            return None
        if new:
            self.standings[track.id] = new
        else:
            del self.standings[track.id]
        self.touched_tracks.add(track.id)
        after = _key(stands_on(new, track, at))
        if before != after:
            self._note(StateType.TIER, track.key, before or None, after or None, cause)
        for name, old, changed in _hidden_changes(held, new, before, after):
            self._note(StateType.TIER, f"{track.key}.{name}", old, changed, cause)
        return new

    def _note(self, state_type: StateType, key: str, old: Any, new: Any, cause: Cause) -> None:
        operation = (
            Operation.ADD if old is None else Operation.REMOVE if new is None else Operation.CHANGE
        )
        caused = (str(cause.by), cause.event_id, cause.rule_id, cause.program_id, cause.reason)
        self.noted.append(HistoryRow(state_type, key, operation, old, new, *caused))


def _hidden_changes(
    held: Standing | None, new: Standing | None, before: str, after: str
) -> Iterator[tuple[str, Any, Any]]:
    """What has changed of a standing and does not show in the level before and after: name, old and new value."""
    old_earned, earned = held.earned if held else "", new.earned if new else ""
    if old_earned != earned and (before == after or after != earned):
        yield "earned_level", old_earned or None, earned or None
    was_pinned, is_pinned = bool(held and held.pinned), bool(new and new.pinned)
    if was_pinned != is_pinned:
        yield "pinned", was_pinned or None, is_pinned or None
    old_end, end = held and held.expires_at, new and new.expires_at
    if old_end != end and before == after:
        yield "expires_at", old_end and instants.written(old_end), end and instants.written(end)


def _key(level: Level | None) -> str:
    return level.key if level else ""


def _is_same(old: AttributeValue, new: AttributeValue) -> bool:
    # To Python, 1 == True.
    return old == new and isinstance(old, bool) == isinstance(new, bool)


def _refuse_unstorable(value: AttributeValue) -> None:
    # Exact types: a TypeName of the rule language is also a str, and a bool an int.
    if type(value) is str:
        if len(value) > MAX_ATTRIBUTE_VALUE_LENGTH:
            raise AttributeRefused(f"A text has at most {MAX_ATTRIBUTE_VALUE_LENGTH} characters.")
        if "\0" in value:
            raise AttributeRefused("NUL cannot be stored.")
    elif type(value) is Decimal:
        if len(f"{value:f}".lstrip("-0").replace(".", "")) > MAX_DIGITS:
            raise AttributeRefused(f"A number has at most {MAX_DIGITS} digits written out.")
    elif type(value) not in (int, bool, type(None)):
        raise AttributeRefused("An attribute is a text, a number, true or false.")
