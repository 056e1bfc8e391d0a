"""Storing events, each once: one statement for one event or a thousand, and more only where somebody is to be enrolled.

Two calls with one key meet at the unique constraint: the second stores nothing, looks again, and finds the first. So do two
rows of one batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import OperationalError, transaction

from participants import state
from participants.events import wake
from participants.events.request import NewEvent, clean_event
from participants.exceptions import (
    EnrollingNotAllowed,
    IdempotencyConflict,
    ParticipantNotFound,
    UnknownParticipant,
)
from participants.models import Enrollment, Event, EventStatus, Participant
from participants.state import Change
from programs.kernel import exact_json, instants
from programs.kernel.actors import Actor
from programs.kernel.database import planned_cursor, prepared_cursor, retried, uuid7
from programs.kernel.exceptions import DomainError, ProgramInactive, ProgramNotFound
from programs.models import Program

MOST_LOOKS = 10


@dataclass(frozen=True, slots=True)
class Stored:
    """An event that is in the database; `is_new` where this call has brought it."""

    id: UUID
    participant_id: UUID
    external_id: str
    status: EventStatus
    event: NewEvent
    is_new: bool

    @property
    def is_pending(self) -> bool:
        return self.status == EventStatus.PENDING

    def answer(self) -> dict[str, Any]:
        """As the API tells it before it is processed."""
        return {
            "id": self.id,
            "program_id": self.event.program_id,
            "participant_id": self.participant_id,
            "external_id": self.external_id,
            "idempotency_key": self.event.idempotency_key,
            "event_timestamp": instants.written(self.event.event_timestamp),
            "status": self.status,
        }


class _Verdict(StrEnum):
    NEW = "new"
    KNOWN = "known"
    CONFLICT = "conflict"
    TO_ENROLL = "to_enroll"
    AGAIN = "again"
    PROGRAM_NOT_FOUND = "program_not_found"
    PROGRAM_INACTIVE = "program_inactive"
    UNKNOWN_PARTICIPANT = "unknown_participant"
    PARTICIPANT_NOT_FOUND = "participant_not_found"
    ENROLLING_NOT_ALLOWED = "enrolling_not_allowed"


_REFUSALS: Mapping[_Verdict, type[DomainError]] = {
    _Verdict.CONFLICT: IdempotencyConflict,
    _Verdict.PROGRAM_NOT_FOUND: ProgramNotFound,
    _Verdict.PROGRAM_INACTIVE: ProgramInactive,
    _Verdict.UNKNOWN_PARTICIPANT: UnknownParticipant,
    _Verdict.PARTICIPANT_NOT_FOUND: ParticipantNotFound,
    _Verdict.ENROLLING_NOT_ALLOWED: EnrollingNotAllowed,
}


@dataclass(frozen=True, slots=True)
class Rights:
    """What storing an event may do beside it."""

    may_create: bool = True
    may_enroll: bool = True


def ingest(event: NewEvent, *, by: Actor, rights: Rights = Rights()) -> Stored:
    """Store the event and enrol its participant: both, or nothing; what has been stored before is found again.

    Raises ProgramNotFound, ProgramInactive, UnknownParticipant, ParticipantNotFound, IdempotencyConflict, and NotAllowed
    where somebody would have to be made or enrolled without the right to it.
    """
    [result] = ingest_each([event], by=by, rights=rights)
    if isinstance(result, DomainError):
        raise result
    return result


def ingest_each(
    events: Sequence[NewEvent], *, by: Actor, rights: Rights = Rights()
) -> list[Stored | DomainError]:
    """The same for many events, in their order, which is the order of their arrival; a refused one stops no other."""
    batch = _Batch(events, by, rights)
    for _ in range(MOST_LOOKS):
        batch.store()
        if batch.to_enroll:
            batch.enroll_and_store()
        if not batch.undecided:
            return [batch.results[position] for position in range(len(events))]
    raise OperationalError("Somebody else kept changing what these events depend on.")


def ingest_bodies(
    bodies: Sequence[object],
    *,
    by: Actor,
    rights: Rights = Rights(),
    program_id: UUID | None = None,
) -> list[Stored | DomainError]:
    """The same for bodies as the API takes them; `program_id` is for those that name none."""
    cleaned = [_cleaned(body, program_id) for body in bodies]
    events = [event for event in cleaned if isinstance(event, NewEvent)]
    results = iter(ingest_each(events, by=by, rights=rights) if events else [])
    return [next(results) if isinstance(each, NewEvent) else each for each in cleaned]


def _cleaned(body: object, program_id: UUID | None) -> NewEvent | DomainError:
    try:
        return clean_event(body, program_id=program_id)
    except DomainError as error:
        # The frames of its traceback would keep every body of the batch until the next garbage collection.
        return error.with_traceback(None)


class _Overtaken(Exception):
    pass


class _Batch:
    """Events on their way into the database; `undecided` are the positions of those without a result."""

    def __init__(self, events: Sequence[NewEvent], by: Actor, rights: Rights) -> None:
        self.events, self.by, self.rights = events, by, rights
        self.rows = [_row(position, event) for position, event in enumerate(events)]
        self.results: dict[int, Stored | DomainError] = {}
        self.to_enroll: list[int] = []

    @property
    def undecided(self) -> list[int]:
        return [position for position in range(len(self.events)) if position not in self.results]

    @retried
    def store(self) -> None:
        """Store what is undecided, the first of each key; or, where anybody is to be enrolled first, nothing.

        So events keep their order, those too that follow a refused one with the same key.
        """
        single = len(self.events) == 1
        rows = [self.rows[position] for position in self.undecided]
        rights = [self.rights.may_enroll, self.rights.may_create]
        parameters: list[Any] = [
            exact_json.dumps(rows).decode(),
            str(self.by),
            wake.is_due(),
            *rights,
        ]
        with prepared_cursor() if single else planned_cursor() as cursor:
            cursor.execute(_STATEMENT[single], parameters)
            found = cursor.fetchall()
        self.to_enroll = []
        for position, verdict, event_id, participant_id, external_id, status, _ in found:
            if verdict in _REFUSALS:
                self.results[position] = _REFUSALS[verdict]()
            elif verdict == _Verdict.TO_ENROLL:
                self.to_enroll.append(position)
            elif verdict != _Verdict.AGAIN:
                self.results[position] = Stored(
                    event_id,
                    participant_id,
                    external_id,
                    EventStatus(status),
                    self.events[position],
                    is_new=verdict == _Verdict.NEW,
                )

    @retried
    def enroll_and_store(self) -> None:
        """In one transaction: whom an event has made and enrolled is not there without it.

        Where one of these events turns out not to be new after all (somebody was faster with its key, or has archived the
        program), nothing of it is done, and all of them are still undecided, but for those whose enrolment is refused.
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
            # Nothing of it was stored; a retry begins where this began.
            self.results, self.to_enroll = decided, to_enroll
            raise

    def _is_new(self, position: int) -> bool:
        result = self.results.get(position)
        return isinstance(result, Stored) and result.is_new

    def _enroll(self) -> dict[int, Stored | DomainError]:
        """Enrol everybody who needs it; whom that is refused. People are changed once in a statement, so in rounds."""
        changes: dict[tuple[type, UUID], dict[str | UUID, list[int]]] = {}
        for position in self.to_enroll:
            event = self.events[position]
            same = changes.setdefault((type(event.of), event.program_id), {})
            same.setdefault(event.of, []).append(position)
        refused: dict[int, Stored | DomainError] = {}
        for (_, program_id), people in changes.items():
            results = state.apply_each(
                [(of, Change(program_id=program_id)) for of in people],
                by=self.by,
                may_create=self.rights.may_create,
            )
            for positions, result in zip(people.values(), results, strict=True):
                if result.refusal is not None:
                    refused |= dict.fromkeys(positions, result.refusal)
        return refused


def _row(position: int, event: NewEvent) -> dict[str, Any]:
    return {
        "position": position,
        "id": uuid7(),
        "program_id": event.program_id,
        "participant_id" if isinstance(event.of, UUID) else "external_id": event.of,
        "idempotency_key": event.idempotency_key,
        "event_timestamp": instants.written(event.event_timestamp),
        "data": event.data,
    }


_EVENT = Event._meta.db_table
_COLUMNS = "id, program_id, participant_id, idempotency_key, event_timestamp, data, created_by"
_ONE = f"""
stored AS (
    INSERT INTO {_EVENT} ({_COLUMNS})
    SELECT id, program_id, participant_id, idempotency_key, event_timestamp, data, $2 FROM judged WHERE verdict = 'new'
"""
# Numbered as they arrived, and written in one order everywhere: of two batches with the same keys, one waits for the other,
# and not each for the other.
_MANY = f"""
numbered AS MATERIALIZED (
    SELECT *, nextval((SELECT pg_get_serial_sequence('{_EVENT}', 'sequence'))) AS sequence
    FROM (
        SELECT * FROM judged
        WHERE verdict = 'new' AND turn = 1 AND NOT EXISTS (SELECT FROM judged WHERE verdict = 'to_enroll' AND turn = 1)
        ORDER BY position
    ) AS arriving
),
stored AS (
    INSERT INTO {_EVENT} ({_COLUMNS}, sequence)
    SELECT id, program_id, participant_id, idempotency_key, event_timestamp, data, $2, sequence FROM numbered
    ORDER BY program_id, idempotency_key
"""
# Of the rows with one key the first that is not refused has it; those after it are that same event again, or a conflict.
_TURN = """row_number() OVER (
    PARTITION BY program_id, idempotency_key, verdict IN ('new', 'to_enroll') ORDER BY position
)"""


def _statement(*, single: bool) -> str:
    """The text for a thousand rows; or for one, where the LIMIT tells the planner to use indexes.

    Whether an event is known already, the unique constraint tells: only for a row that was not stored it is looked up.
    """
    return f"""
WITH input AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS input (
        position int, id uuid, program_id uuid, external_id text, participant_id uuid, idempotency_key text,
        event_timestamp timestamptz, data jsonb
    )
    {"LIMIT 1" if single else ""}
),
judged AS MATERIALIZED (
    SELECT *, {1 if single else _TURN} AS turn
    FROM (
        SELECT input.position, input.id, input.program_id, input.idempotency_key, input.event_timestamp, input.data,
            coalesce(named.id, identified.id) AS participant_id,
            coalesce(named.external_id, identified.external_id) AS external_id,
            CASE
                WHEN program.id IS NULL THEN 'program_not_found'
                WHEN program.status <> 'ACTIVE' THEN 'program_inactive'
                WHEN enrollment.status = 'ACTIVE' THEN 'new'
                WHEN coalesce(named.id, identified.id) IS NOT NULL
                THEN CASE WHEN $4::boolean THEN 'to_enroll' ELSE 'enrolling_not_allowed' END
                WHEN program.on_unknown_participant = 'REJECT' THEN 'unknown_participant'
                WHEN input.external_id IS NULL THEN 'participant_not_found'
                WHEN NOT $4::boolean THEN 'enrolling_not_allowed'
                WHEN NOT $5::boolean THEN 'participant_not_found'
                ELSE 'to_enroll'
            END AS verdict
        FROM input
            LEFT JOIN {Program._meta.db_table} AS program ON program.id = input.program_id
            LEFT JOIN {Participant._meta.db_table} AS named ON named.external_id = input.external_id
            LEFT JOIN {Participant._meta.db_table} AS identified ON identified.id = input.participant_id
            LEFT JOIN {Enrollment._meta.db_table} AS enrollment
                ON enrollment.participant_id = coalesce(named.id, identified.id)
                AND enrollment.program_id = input.program_id
    ) AS judged
),
{_ONE if single else _MANY}
    ON CONFLICT (program_id, idempotency_key) DO NOTHING
    RETURNING id
)
SELECT judged.position,
    CASE
        WHEN known.is_same THEN 'known'
        WHEN known.id IS NOT NULL THEN 'conflict'
        WHEN verdict = 'new' AND stored.id IS NULL OR verdict = 'to_enroll' AND turn > 1 THEN 'again'
        ELSE verdict
    END,
    coalesce(known.id, judged.id), judged.participant_id, judged.external_id, coalesce(known.status, 'PENDING'),
    (SELECT pg_notify('{wake.CHANNEL}', '') WHERE $3::boolean)
FROM judged
    LEFT JOIN stored ON stored.id = judged.id
    LEFT JOIN LATERAL (
        SELECT known.id, known.status,
            known.participant_id = judged.participant_id
                AND known.event_timestamp = judged.event_timestamp AND known.data = judged.data AS is_same
        FROM {_EVENT} AS known
        WHERE stored.id IS NULL
            AND known.program_id = judged.program_id AND known.idempotency_key = judged.idempotency_key
        LIMIT 1
    ) AS known ON true
"""


_STATEMENT = {single: _statement(single=single) for single in (True, False)}
