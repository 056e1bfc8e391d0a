"""Counters, set and deleted by hand. When a window ends and the next one begins is decided in `person`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from participants.causes import Cause
from participants.exceptions import CounterNotFound
from participants.models import Counter
from participants.state import persons, windows
from participants.state.rights import ALL_RIGHTS, Rights
from participants.state.windows import Window
from programs.kernel import durations
from programs.kernel.actors import Actor
from programs.kernel.cleaning import Errors, decimal_of, members_of, refuse_unknown, text_of
from programs.kernel.database import retried
from programs.models.rules import MAX_COUNTER_KEY_LENGTH


@dataclass(frozen=True, slots=True)
class CounterChange:
    """What a call sets on a counter; a `reset_after` of None means none, and counts only with `sets_window`."""

    value: Decimal
    reset_after: timedelta | None = None
    sets_window: bool = False


def clean_counter(body: object) -> CounterChange:
    """Read a body `{"value", "reset_after"?}`. Raises ValidationFailed."""
    errors = Errors()
    members = members_of(body, errors)
    value = Decimal(0)
    if "value" in members:
        value = decimal_of(members.pop("value"), errors, "value") or value
    else:
        errors.add("value", "required", "This field is required.")
    sets_window = "reset_after" in members
    reset_after = _window(members.pop("reset_after"), errors) if sets_window else None
    refuse_unknown(members, errors)
    errors.raise_if_any()
    return CounterChange(value, reset_after, sets_window)


def clean_counter_key(key: str) -> str:
    """Raises ValidationFailed for a key that a counter cannot have."""
    errors = Errors()
    text_of(key, errors, "key", longest=MAX_COUNTER_KEY_LENGTH)
    errors.raise_if_any()
    return key


def _window(value: object, errors: Errors) -> timedelta | None:
    if value in ("", None):
        return None
    try:
        return durations.read(value)
    except ValueError:
        errors.add(
            "reset_after",
            "invalid",
            'Give a duration such as "24h", "7d" or "1h30m", or "" for none.',
        )
        return None


@retried
def set_counter(
    of: str | UUID,
    key: str,
    change: CounterChange,
    *,
    by: Actor,
    rights: Rights = ALL_RIGHTS,
    reason: str = "",
) -> Counter:
    """Set a participant's counter, or make it. Raises ParticipantNotFound, and NotAllowed where `rights` lack it."""
    with transaction.atomic():
        person, moment = persons.opened(of)
        known = person.counters.get(key)
        rights.check(exists=known is not None, what="counters")
        window = _changed(known.window, change) if known else Window(change.reset_after)
        person.set_counter(
            key, change.value, window=window, at=moment, cause=Cause(by, reason=reason)
        )
        persons.write([person], moment)
        return counter_of(person.id, key)


def _changed(window: Window, change: CounterChange) -> Window:
    # An empty `reset_after` is what a counter with a calendar period has anyway.
    keeps = not change.sets_window or (window.reset and change.reset_after is None)
    return window if keeps else Window(change.reset_after)


@retried
def delete_counter(of: str | UUID, key: str, *, by: Actor, reason: str = "") -> None:
    """Delete a participant's counter, if it is there. Raises ParticipantNotFound."""
    with transaction.atomic():
        person, moment = persons.opened(of)
        person.delete_counter(key, moment, Cause(by, reason=reason))
        persons.write([person], moment)


def counters_of(participant_id: UUID) -> list[Counter]:
    """A participant's counters, by their keys, as they count now."""
    counters = Counter.objects.filter(participant=participant_id)
    return [_as_of(counter, counter.moment) for counter in counters.annotate(moment=Now())]


def counter_of(participant_id: UUID, key: str) -> Counter:
    """One counter as it counts now. Raises CounterNotFound."""
    counters = Counter.objects.filter(participant=participant_id, key=key)
    counter = counters.annotate(moment=Now()).first()
    if counter is None:
        raise CounterNotFound
    return _as_of(counter, counter.moment)


def _as_of(counter: Counter, moment: datetime) -> Counter:
    state = windows.of(counter)
    counter.value = state.value_at(moment)
    if counter.reset:
        period = state.window.opened(moment) if state.has_ended(moment) else (state.began,)
        counter.period_start = period[0]
    return counter
