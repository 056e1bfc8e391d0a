"""Counters: set and deleted here, added to by rules; each change is a row of the history."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from participants.exceptions import CounterNotFound
from participants.models import MAX_COUNTER_KEY_LENGTH, Counter, Operation, StateType
from participants.state.people import locked, recorded
from programs.kernel import durations
from programs.kernel.actors import Actor
from programs.kernel.cleaning import Errors, decimal_of, members_of, refuse_unknown, text_of
from programs.kernel.database import retried
from programs.kernel.decimals import written


@dataclass(frozen=True, slots=True)
class CounterChange:
    """What a call says about a counter; `reset_after` is None to have none, and left as it is unless `sets_window`."""

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
            "reset_after", "invalid", 'Give a duration such as "24h" or "1h30m", or "" for none.'
        )
        return None


def as_of(counter: Counter, moment: datetime) -> Counter:
    """The counter as it counts at this moment: past its window it stands at zero."""
    if counter.is_past(moment):
        counter.value = Decimal(0)
    return counter


@retried
def set_counter(of: str | UUID, key: str, change: CounterChange, *, by: Actor) -> Counter:
    """Set a participant's counter, or make it. Raises ParticipantNotFound.

    A window begins anew where the last one has ended, or where `reset_after` changes; else it goes on.
    """
    with transaction.atomic():
        participant_id = locked(of)
        now = timezone.now()
        counter = Counter.objects.filter(participant=participant_id, key=key).first()
        old = None if counter is None else as_of(counter, now).value
        if counter is None:
            counter = Counter(participant_id=participant_id, key=key, last_reset_at=now)
        elif counter.is_past(now):
            counter.last_reset_at = now
        if change.sets_window and counter.reset_after != change.reset_after:
            counter.reset_after, counter.last_reset_at = change.reset_after, now
        counter.value, counter.updated_at = change.value, now
        counter.save()
        if old != change.value:
            recorded(
                participant_id,
                StateType.COUNTER,
                key,
                Operation.ADD if old is None else Operation.CHANGE,
                (None if old is None else written(old), written(change.value)),
                by=by,
                at=now,
            )
        return counter


@retried
def delete_counter(of: str | UUID, key: str, *, by: Actor) -> None:
    """Delete a participant's counter, if it is there. Raises ParticipantNotFound."""
    with transaction.atomic():
        participant_id = locked(of)
        counter = Counter.objects.filter(participant=participant_id, key=key).first()
        if counter is None:
            return
        now = timezone.now()
        old = as_of(counter, now).value
        counter.delete()
        values = (written(old), None)
        recorded(participant_id, StateType.COUNTER, key, Operation.REMOVE, values, by=by, at=now)


def counters_of(participant_id: UUID) -> list[Counter]:
    """A participant's counters, by their keys, as they count now."""
    now = timezone.now()
    return [as_of(counter, now) for counter in Counter.objects.filter(participant=participant_id)]


def counter_of(participant_id: UUID, key: str) -> Counter:
    """One counter as it counts now. Raises CounterNotFound."""
    counter = Counter.objects.filter(participant=participant_id, key=key).first()
    if counter is None:
        raise CounterNotFound
    return as_of(counter, timezone.now())
