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
from participants.models import EventStatus
from participants.state import Change
from programs.kernel import exact_json, instants
from programs.kernel.actors import Actor
from programs.kernel.database import Statement, retried, run, uuid7
from programs.kernel.exceptions import DomainError, ProgramInactive, ProgramNotFound

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
        rows = exact_json.dumps([self.rows[position] for position in self.undecided]).decode()
        parameters = [rows, str(self.by), self.rights.may_enroll, self.rights.may_create]
        statement = _STORE_ONE if len(self.events) == 1 else _STORE_MANY
        found = run(statement, parameters, at=[event.of for event in self.events])
        self.to_enroll = []
        for position, verdict, event_id, participant_id, external_id, status in found:
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
        if any(verdict == _Verdict.NEW for _, verdict, *_ in found):
            wake.hint_if_due()

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


_COLUMNS = "id, program_id, participant_id, idempotency_key, event_timestamp, data, created_by"

# Keep the order of _Batch.store's parameters. LIMIT 1 tells the planner that there is one row, so that it uses indexes.
_INPUT = """
WITH input (events, created_by, may_enroll, may_create) AS (SELECT $1::jsonb, $2::text, $3::boolean, $4::boolean),
arrived AS MATERIALIZED (
    SELECT event.*
    FROM input CROSS JOIN LATERAL jsonb_to_recordset(input.events) AS event (
        position int, id uuid, program_id uuid, external_id text, participant_id uuid, idempotency_key text,
        event_timestamp timestamptz, data jsonb
    )
    {limit}
)"""

# Whom and which program each row is about. Whether the event is known already is not asked here: the unique constraint tells.
_RESOLVED = """
resolved AS (
    SELECT arrived.position, arrived.id, arrived.program_id, arrived.idempotency_key, arrived.event_timestamp, arrived.data,
        arrived.external_id IS NOT NULL AS by_external_id,
        coalesce(named.id, identified.id) AS participant_id,
        coalesce(named.external_id, identified.external_id) AS external_id,
        program.status AS program_status, program.on_unknown_participant,
        enrollment.status = 'ACTIVE' AS is_enrolled
    FROM arrived
        LEFT JOIN programs_program AS program ON program.id = arrived.program_id
        LEFT JOIN participants_participant AS named ON named.external_id = arrived.external_id
        LEFT JOIN participants_participant AS identified ON identified.id = arrived.participant_id
        LEFT JOIN participants_enrollment AS enrollment
            ON enrollment.participant_id = coalesce(named.id, identified.id)
            AND enrollment.program_id = arrived.program_id
)"""

_CHECKED = """
checked AS (
    SELECT resolved.*,
        CASE
            WHEN program_status IS NULL THEN 'program_not_found'
            WHEN program_status <> 'ACTIVE' THEN 'program_inactive'
            WHEN is_enrolled THEN 'new'
            WHEN participant_id IS NOT NULL THEN CASE WHEN may_enroll THEN 'to_enroll' ELSE 'enrolling_not_allowed' END
            WHEN on_unknown_participant = 'REJECT' THEN 'unknown_participant'
            WHEN NOT by_external_id THEN 'participant_not_found'
            WHEN NOT may_enroll THEN 'enrolling_not_allowed'
            WHEN NOT may_create THEN 'participant_not_found'
            ELSE 'to_enroll'
        END AS verdict
    FROM resolved CROSS JOIN input
)"""

# Of the rows with one key the first that is not refused counts; the later ones are the same event again, or a conflict.
_JUDGED = """
judged AS MATERIALIZED (
    SELECT *, row_number() OVER (
        PARTITION BY program_id, idempotency_key, verdict IN ('new', 'to_enroll') ORDER BY position
    ) AS turn
    FROM checked
)"""

# Nothing is stored while anybody is still to be enrolled, so that events keep their order. They are numbered as they
# arrived, and inserted by key: of two batches with the same keys one then waits for the other, and not each for the other.
_STORED = f"""
numbered AS MATERIALIZED (
    SELECT *, nextval('participants_event_sequence_seq') AS sequence
    FROM (
        SELECT * FROM judged
        WHERE verdict = 'new' AND turn = 1 AND NOT EXISTS (SELECT FROM judged WHERE verdict = 'to_enroll' AND turn = 1)
        ORDER BY position
    ) AS arriving
),
stored AS (
    INSERT INTO participants_event ({_COLUMNS}, sequence)
    SELECT {_COLUMNS}, sequence FROM numbered CROSS JOIN input ORDER BY program_id, idempotency_key
    ON CONFLICT DO NOTHING
    RETURNING id
)"""

# The same for a single row, which has nothing to be ordered by and would pay for it.
_JUDGED_ONE = """
judged AS MATERIALIZED (SELECT *, 1 AS turn FROM checked)"""
_STORED_ONE = f"""
stored AS (
    INSERT INTO participants_event ({_COLUMNS})
    SELECT {_COLUMNS} FROM judged CROSS JOIN input WHERE verdict = 'new'
    ON CONFLICT DO NOTHING
    RETURNING id
)"""

# The event that has the key already is looked up only for rows that were not stored.
_RESULTS = """
SELECT judged.position,
    CASE
        WHEN known.is_same THEN 'known'
        WHEN known.id IS NOT NULL THEN 'conflict'
        WHEN verdict = 'new' AND stored.id IS NULL OR verdict = 'to_enroll' AND turn > 1 THEN 'again'
        ELSE verdict
    END,
    coalesce(known.id, judged.id), judged.participant_id, judged.external_id, coalesce(known.status, 'PENDING')
FROM judged
    LEFT JOIN stored ON stored.id = judged.id
    LEFT JOIN LATERAL (
        SELECT known.id, known.status,
            known.participant_id = judged.participant_id
                AND known.event_timestamp = judged.event_timestamp AND known.data = judged.data AS is_same
        FROM participants_event AS known
        WHERE stored.id IS NULL
            AND known.program_id = judged.program_id AND known.idempotency_key = judged.idempotency_key
        LIMIT 1
    ) AS known ON true
"""


def _statement(limit: str, *pieces: str) -> str:
    return ",".join([_INPUT.format(limit=limit), _RESOLVED, _CHECKED, *pieces]) + _RESULTS


_STORE_ONE = Statement(_statement("LIMIT 1", _JUDGED_ONE, _STORED_ONE))
_STORE_MANY = Statement(_statement("", _JUDGED, _STORED), keeps_plan=False)
