"""The one statement that stores events, a single one or a thousand: what it takes, what it returns, and its text."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from participants import locks
from participants.events.request import NewEvent
from participants.state import Rights
from programs.kernel import exact_json, instants
from programs.kernel.actors import Actor
from programs.kernel.database import Statement, uuid7


class Verdict(StrEnum):
    """What the statement says about a row. TO_ENROLL and AGAIN leave it without a result for now."""

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


class Row(NamedTuple):
    """What became of the event at this position of the batch; `event_id` is that of the event that has its key."""

    position: int
    verdict: str
    event_id: UUID
    participant_id: UUID
    external_id: str
    status: str


def store(events: Mapping[int, NewEvent], *, by: Actor, rights: Rights) -> list[Row]:
    """Store these events, by position: the first of each key or, where anybody is to be enrolled first, none of them."""
    rows = [_row(position, event) for position, event in events.items()]
    parameters = [exact_json.dumps(rows).decode(), str(by), rights.may_enroll, rights.may_create]
    statement = _STORE_ONE if len(events) == 1 else _STORE_MANY
    found = locks.run(statement, parameters, at=[event.of for event in events.values()])
    return [Row(*row) for row in found]


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

# The parameters, in the order in which `store` passes them. LIMIT 1 tells the planner that there is one row, so that it uses indexes.
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
evaluated AS MATERIALIZED (
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
        SELECT * FROM evaluated
        WHERE verdict = 'new' AND turn = 1 AND NOT EXISTS (SELECT FROM evaluated WHERE verdict = 'to_enroll' AND turn = 1)
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
evaluated AS MATERIALIZED (SELECT *, 1 AS turn FROM checked)"""
_STORED_ONE = f"""
stored AS (
    INSERT INTO participants_event ({_COLUMNS})
    SELECT {_COLUMNS} FROM evaluated CROSS JOIN input WHERE verdict = 'new'
    ON CONFLICT DO NOTHING
    RETURNING id
)"""

# The event that has the key already is looked up only for rows that were not stored.
_RESULTS = """
SELECT evaluated.position,
    CASE
        WHEN known.is_same THEN 'known'
        WHEN known.id IS NOT NULL THEN 'conflict'
        WHEN verdict = 'new' AND stored.id IS NULL OR verdict = 'to_enroll' AND turn > 1 THEN 'again'
        ELSE verdict
    END,
    coalesce(known.id, evaluated.id), evaluated.participant_id, evaluated.external_id, coalesce(known.status, 'PENDING')
FROM evaluated
    LEFT JOIN stored ON stored.id = evaluated.id
    LEFT JOIN LATERAL (
        SELECT known.id, known.status,
            known.participant_id = evaluated.participant_id
                AND known.event_timestamp = evaluated.event_timestamp AND known.data = evaluated.data AS is_same
        FROM participants_event AS known
        WHERE stored.id IS NULL
            AND known.program_id = evaluated.program_id AND known.idempotency_key = evaluated.idempotency_key
        LIMIT 1
    ) AS known ON true
"""


def _statement(limit: str, *pieces: str) -> str:
    return ",".join([_INPUT.format(limit=limit), _RESOLVED, _CHECKED, *pieces]) + _RESULTS


_STORE_ONE = Statement(_statement("LIMIT 1", _JUDGED_ONE, _STORED_ONE))
_STORE_MANY = Statement(_statement("", _JUDGED, _STORED), keeps_plan=False)
