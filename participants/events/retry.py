"""Retries: of a FAILED event all over, of a COMPLETED one with rule errors only the rules that failed."""

from uuid import UUID

from django.db.models import BooleanField, Case, ExpressionWrapper, F, Q, Value, When

from participants.events import wake
from participants.exceptions import EventNotFound, NotRetryable
from participants.models import Event, EventQuerySet, EventStatus
from programs.exceptions import ProgramInactive
from programs.models import ProgramStatus


def retry(event_id: UUID) -> Event:
    """Make the event pending again, at its old place in the order of its participant's events.

    Raises EventNotFound, NotRetryable for an event that neither failed nor has rule errors, and ProgramInactive.
    """
    events = Event.objects.select_related("participant", "program")
    event = events.filter(pk=event_id).first()
    if event is None:
        raise EventNotFound
    if event.program.status != ProgramStatus.ACTIVE:
        raise ProgramInactive
    # One statement: of two calls at once, the second finds the event pending.
    if not _retried(Event.objects.filter(participant=event.participant_id, pk=event.pk)):
        raise NotRetryable
    wake.hint()
    return events.get(pk=event_id)


def _retried(events: EventQuerySet) -> int:
    """Make those of these events pending that may be retried, and return how many. What some rules did stays."""
    has_effect = Q(failed_rule_ids__isnull=False)
    return events.retryable().update(
        status=EventStatus.PENDING,
        attempts=0,
        next_attempt_at=None,
        processed_at=None,
        only_failed_rules=ExpressionWrapper(has_effect, BooleanField()),
        outcome=Case(
            When(has_effect, then=F("outcome")),
            default=Value(None, Event._meta.get_field("outcome")),
        ),
    )
