"""Ingestion: each event is stored once, by one statement for the whole batch, and more only to enroll somebody.

Two calls with one key meet at the unique constraint: the second stores nothing, looks again, and finds the event of the
first. So do two rows of one batch. Whether both say the same, `ingest_statement` compares;
of movements, `ledger.post`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import OperationalError, transaction

from participants import state
from participants.events import ingest_statement, wake
from participants.events.ingest_statement import Verdict
from participants.events.request import NewEvent, clean_event
from participants.exceptions import (
    EnrollingNotAllowed,
    IdempotencyConflict,
    ParticipantNotFound,
    UnknownParticipant,
)
from participants.models import EventStatus
from participants.state import Change, Rights
from programs.exceptions import ProgramInactive, ProgramNotFound
from programs.kernel import instants
from programs.kernel.actors import Actor
from programs.kernel.database import retried
from programs.kernel.exceptions import DomainError

MOST_ATTEMPTS = 10  # while other calls keep changing what the events depend on
_ALL_RIGHTS = Rights()


@dataclass(frozen=True, slots=True)
class Stored:
    """An event in the database; `is_new` if this call has stored it."""

    id: UUID
    participant_id: UUID
    external_id: str
    status: EventStatus
    event: NewEvent
    is_new: bool

    @property
    def is_pending(self) -> bool:
        return self.status == EventStatus.PENDING

    def document(self) -> dict[str, Any]:
        """As the API returns it before it is processed."""
        return {
            "id": self.id,
            "program_id": self.event.program_id,
            "participant_id": self.participant_id,
            "external_id": self.external_id,
            "idempotency_key": self.event.idempotency_key,
            "event_timestamp": instants.written(self.event.event_timestamp),
            "status": self.status,
        }


_REFUSALS: Mapping[str, type[DomainError]] = {
    Verdict.CONFLICT: IdempotencyConflict,
    Verdict.PROGRAM_NOT_FOUND: ProgramNotFound,
    Verdict.PROGRAM_INACTIVE: ProgramInactive,
    Verdict.UNKNOWN_PARTICIPANT: UnknownParticipant,
    Verdict.PARTICIPANT_NOT_FOUND: ParticipantNotFound,
    Verdict.ENROLLING_NOT_ALLOWED: EnrollingNotAllowed,
}


def ingest(event: NewEvent, *, by: Actor, rights: Rights = _ALL_RIGHTS) -> Stored:
    """Store the event and enroll its participant: both, or nothing. An event that was stored before is found again.

    Raises ProgramNotFound, ProgramInactive, UnknownParticipant, ParticipantNotFound, IdempotencyConflict, and
    EnrollingNotAllowed or ParticipantNotFound where the rights do not allow to enroll or create the participant.
    """
    [result] = ingest_each([event], by=by, rights=rights)
    if isinstance(result, DomainError):
        raise result
    return result


def ingest_each(
    events: Sequence[NewEvent], *, by: Actor, rights: Rights = _ALL_RIGHTS
) -> list[Stored | DomainError]:
    """Store many events, which count as arriving in this order. A refused one stops no other."""
    batch = _Batch(events, by, rights)
    for _ in range(MOST_ATTEMPTS):
        batch.store()
        if batch.to_enroll:
            batch.enroll_and_store()
        if not batch.undecided:
            return [batch.results[position] for position in range(len(events))]
    raise OperationalError("What these events depend on kept changing.")


def ingest_bodies(
    bodies: Sequence[object],
    *,
    by: Actor,
    received_at: datetime,
    rights: Rights = _ALL_RIGHTS,
    program_id: UUID | None = None,
) -> list[Stored | DomainError]:
    """Store events from bodies as the API takes them; `program_id` is for those that name none."""
    cleaned = [_cleaned(body, received_at, program_id) for body in bodies]
    events = [event for event in cleaned if isinstance(event, NewEvent)]
    results = iter(ingest_each(events, by=by, rights=rights) if events else [])
    return [next(results) if isinstance(each, NewEvent) else each for each in cleaned]


def _cleaned(
    body: object, received_at: datetime, program_id: UUID | None
) -> NewEvent | DomainError:
    try:
        return clean_event(body, received_at=received_at, program_id=program_id)
    except DomainError as error:
        # The frames of its traceback would keep every body of the batch alive until the next garbage collection.
        return error.with_traceback(None)


class _Overtaken(Exception):
    """Another call has changed what the enrollment rests on."""


class _Batch:
    """Events on their way into the database; `undecided` are the positions of those without a result."""

    def __init__(self, events: Sequence[NewEvent], by: Actor, rights: Rights) -> None:
        self.events, self.by, self.rights = events, by, rights
        self.results: dict[int, Stored | DomainError] = {}
        self.to_enroll: list[int] = []

    @property
    def undecided(self) -> dict[int, NewEvent]:
        return {n: event for n, event in enumerate(self.events) if n not in self.results}

    @retried
    def store(self) -> None:
        """Store what is undecided, unless somebody is to be enrolled first: so events keep their order.

        That holds also for those that follow a refused one with the same key.
        """
        rows = ingest_statement.store(self.undecided, by=self.by, rights=self.rights)
        self.to_enroll = [row.position for row in rows if row.verdict == Verdict.TO_ENROLL]
        for row in rows:
            if row.verdict in _REFUSALS:
                self.results[row.position] = _REFUSALS[row.verdict]()
            elif row.verdict in (Verdict.NEW, Verdict.KNOWN):
                self.results[row.position] = Stored(
                    row.event_id,
                    row.participant_id,
                    row.external_id,
                    EventStatus(row.status),
                    self.events[row.position],
                    is_new=row.verdict == Verdict.NEW,
                )
        if any(row.verdict == Verdict.NEW for row in rows):
            wake.hint_if_due()

    @retried
    def enroll_and_store(self) -> None:
        """Enroll participants and store their events in one transaction: nobody is created or enrolled without the event.

        If one of these events is not new after all (another call was faster with its key, or has archived the program),
        the transaction is rolled back, and all of them remain undecided except those whose enrollment is refused.
        """
        decided, to_enroll = dict(self.results), self.to_enroll
        try:
            with transaction.atomic():
                refused = self._enroll()
                self.results |= refused
                self.store()
                if not all(
                    self._is_new(position) for position in to_enroll if position not in refused
                ):
                    raise _Overtaken
        except _Overtaken:
            self.results = decided | refused
        except BaseException:
            # Nothing was stored; a retry starts where this started.
            self.results, self.to_enroll = decided, to_enroll
            raise

    def _is_new(self, position: int) -> bool:
        result = self.results.get(position)
        return isinstance(result, Stored) and result.is_new

    def _enroll(self) -> dict[int, Stored | DomainError]:
        """Enroll every participant who needs it, and return the positions of those that were refused.

        A statement changes each participant once, in one program, and names all by the same kind of id: so several rounds.
        """
        changes: dict[tuple[type, UUID], dict[str | UUID, list[int]]] = {}
        for position in self.to_enroll:
            event = self.events[position]
            same = changes.setdefault((type(event.of), event.program_id), {})
            same.setdefault(event.of, []).append(position)
        refused: dict[int, Stored | DomainError] = {}
        for (_, program_id), positions_of in changes.items():
            results = state.change_each(
                [(of, Change(program_id=program_id)) for of in positions_of],
                by=self.by,
                rights=self.rights,
            )
            for positions, result in zip(positions_of.values(), results, strict=True):
                if result.refusal is not None:
                    refused |= dict.fromkeys(positions, result.refusal)
        return refused
