"""Retries: of a FAILED event all over, of a COMPLETED one with rule errors only the rules that failed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import (
    BooleanField,
    Case,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    Value,
    When,
)

from participants.events import wake
from participants.exceptions import EventNotFound, NotEnrolled, NotRetryable
from participants.models import Enrollment, Event, EventQuerySet, EventRetry, EventStatus
from participants.models.events import FAILED, WITH_RULE_ERRORS
from participants.reports import deltas
from programs.exceptions import ProgramInactive
from programs.kernel.actors import Actor
from programs.models import ProgramStatus

MOST_AT_ONCE: Final = 1000  # events in one transaction
# Each kind by an index of its own, which has nothing else: no index has both.
KINDS: Final = (FAILED, WITH_RULE_ERRORS)

_IS_ENROLLED: Final = Exists(
    Enrollment.objects.active().filter(
        participant=OuterRef("participant"), program=OuterRef("program")
    )
)


@dataclass(frozen=True, slots=True)
class Retried:
    """Events that are pending again, and how many were left out since their program or enrollment is not active."""

    ids: list[UUID]
    left_out: int


def retry(event_id: UUID, *, by: Actor) -> Event:
    """Make the event pending again, at its old place in the order of its participant's events.

    Raises EventNotFound, NotRetryable for an event that neither failed nor has rule errors, ProgramInactive, and
    NotEnrolled where the enrollment is not active.
    """
    events = Event.objects.select_related("participant", "program")
    event = events.filter(pk=event_id).first()
    if event is None:
        raise EventNotFound
    if event.program.status != ProgramStatus.ACTIVE:
        raise ProgramInactive
    enrolled = Enrollment.objects.active().filter(program=event.program_id)
    if not enrolled.filter(participant=event.participant_id).exists():
        raise NotEnrolled
    # Of two calls at once, the second waits, and finds the event pending.
    with transaction.atomic():
        if not _retried([(event.pk, event.participant_id)], by):
            raise NotRetryable
    wake.hint()
    return events.get(pk=event_id)


def retry_each(events: EventQuerySet, *, before: datetime, by: Actor) -> Iterator[Retried]:
    """Retry those of these events that can be and that were processed before this moment, so that one that soon fails
    again is not retried twice.

    Works in short transactions, the oldest events first, and yields after each. Killed and run again, it goes on.
    """
    events = events.retryable().filter(processed_at__lt=before).select_related(None)
    for kind in KINDS:
        yield from _retry_kind(events.filter(kind), by)


def _retry_kind(events: EventQuerySet, by: Actor) -> Iterator[Retried]:
    """Retry events page by page."""
    events = events.order_by("created_at", "id")
    rest = events
    while True:
        with transaction.atomic():
            # What is locked is being retried by somebody else.
            free = rest.select_for_update(skip_locked=True, no_key=True, of=("self",))
            may = ("program__status", _IS_ENROLLED)
            page = list(free.values_list("created_at", "pk", "participant", *may)[:MOST_AT_ONCE])
            chosen = [
                (pk, participant_id)
                for _, pk, participant_id, status, is_enrolled in page
                if status == ProgramStatus.ACTIVE and is_enrolled
            ]
            _retried(chosen, by)
        if not page:
            return
        wake.hint()
        yield Retried([pk for pk, _ in chosen], len(page) - len(chosen))
        at, last, *_ = page[-1]
        rest = events.filter(Q(created_at__gt=at) | Q(pk__gt=last), created_at__gte=at)


def _retried(events: Sequence[tuple[UUID, UUID]], by: Actor) -> int:
    """Make those of these events (event, participant) pending that may be retried, note by whom, and return how many.

    What some rules did stays.
    """
    no_outcome = Value(None, Event._meta.get_field("outcome"))
    chosen = Event.objects.filter(
        pk__in=[pk for pk, _ in events], participant__in={whose for _, whose in events}
    )
    retryable = chosen.retryable().select_for_update(no_key=True).order_by("pk")
    events = list(retryable.values_list("pk", "participant"))
    if not events:
        return 0
    # They are counted again once they are processed.
    deltas.take_events(events)
    chosen.filter(pk__in=[pk for pk, _ in events]).update(
        status=EventStatus.PENDING,
        attempts=0,
        next_attempt_at=None,
        processed_at=None,
        only_failed_rules=ExpressionWrapper(WITH_RULE_ERRORS, BooleanField()),
        outcome=Case(When(WITH_RULE_ERRORS, then=F("outcome")), default=no_outcome),
    )
    EventRetry.objects.bulk_create(
        EventRetry(event_id=pk, participant_id=whose, retried_by=str(by)) for pk, whose in events
    )
    return len(events)
