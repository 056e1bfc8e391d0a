"""Retries of failed events."""

from typing import Any
from uuid import UUID

from participants.events import wake
from participants.exceptions import EventNotFound, NotRetryable
from participants.models import Event, EventStatus


def retry(event_id: UUID) -> Event:
    """Make a FAILED event pending again, at its old place in the order of its participant's events.

    Raises EventNotFound, and NotRetryable for an event that has not failed.
    """
    event = Event.objects.select_related("participant").filter(pk=event_id).first()
    if event is None:
        raise EventNotFound
    pending_again: dict[str, Any] = {
        "status": EventStatus.PENDING,
        "attempts": 0,
        "next_attempt_at": None,
        "processed_at": None,
        "outcome": None,
    }
    # One statement: of two calls at once, the second finds the event pending.
    own = Event.objects.filter(participant=event.participant_id, pk=event.pk)
    if not own.filter(status=EventStatus.FAILED).update(**pending_again):
        raise NotRetryable
    for name, value in pending_again.items():
        setattr(event, name, value)
    wake.hint()
    return event
