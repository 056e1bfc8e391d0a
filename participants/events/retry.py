"""Trying a failed event again."""

from uuid import UUID

from participants.events import wake
from participants.exceptions import EventNotFound, NotRetryable
from participants.models import Event, EventStatus


def retry(event_id: UUID) -> Event:
    """Let a FAILED event wait to be processed again, at its old place in the order of its participant's events.

    Raises EventNotFound, and NotRetryable for an event that has not failed.
    """
    failed = Event.objects.filter(pk=event_id, status=EventStatus.FAILED)
    # One statement: of two calls at once the second finds it pending.
    is_retried = failed.update(
        status=EventStatus.PENDING,
        attempts=0,
        next_attempt_at=None,
        processed_at=None,
        outcome=None,
    )
    event = Event.objects.select_related("participant").filter(pk=event_id).first()
    if event is None:
        raise EventNotFound
    if not is_retried:
        raise NotRetryable
    wake.hint()
    return event
