"""The one statement that writes participants, enrolments and their history, for one person or a thousand.

It locks those who exist (in the order of their ids), makes those who do not, merges, and writes one history row for
each thing that changed, so that a call is one step for everybody else and one round trip for us.

PostgreSQL takes a statement's snapshot before it waits for a row. Somebody who had to wait would see the row as it is
now, and everything around it (enrolments) as it was. The statement therefore compares the row that it locked with the
one in its snapshot, and where they differ writes nothing and says `stale`: we then lock first and look afterwards.
Whoever writes an enrolment writes `participant.updated_at` too, or this comparison would miss it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

import msgspec
from django.db import OperationalError, transaction

from participants.exceptions import NotAllowed, ParticipantNotFound
from participants.models import (
    MAX_ATTRIBUTES,
    MAX_TAGS,
    PROFILE_FIELDS,
    Enrollment,
    Participant,
    StateChange,
)
from participants.state.changes import Change
from participants.state.read import ANSWER, ENROLLED
from programs.kernel import exact_json
from programs.kernel.actors import Actor
from programs.kernel.database import UUID7_SQL, planned_cursor, prepared_cursor, retried, uuid7
from programs.kernel.exceptions import (
    DomainError,
    FieldError,
    ProgramInactive,
    ProgramNotFound,
    ValidationFailed,
)
from programs.models import Program

Address = Literal["external_id", "id"]
# Under lock only somebody new can be in the way, and only once.
MOST_LOOKS = 10


class Outcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"  # also where nothing had to change
    STALE = "stale"  # never leaves this module
    ABSENT = "absent"
    PRESENT = "present"
    PROGRAM_NOT_FOUND = "program_not_found"
    PROGRAM_INACTIVE = "program_inactive"
    TOO_MANY_TAGS = "too_many_tags"
    TOO_MANY_ATTRIBUTES = "too_many_attributes"


_REFUSALS: dict[Outcome, Callable[[], DomainError]] = {
    Outcome.ABSENT: ParticipantNotFound,
    Outcome.PRESENT: NotAllowed,
    Outcome.PROGRAM_NOT_FOUND: ProgramNotFound,
    Outcome.PROGRAM_INACTIVE: ProgramInactive,
    Outcome.TOO_MANY_TAGS: lambda: _too_many("tags", MAX_TAGS),
    Outcome.TOO_MANY_ATTRIBUTES: lambda: _too_many("attributes", MAX_ATTRIBUTES),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one row. `answer` is the participant's JSON, for a row that came alone."""

    outcome: Outcome
    participant_id: UUID
    changed: bool
    answer: msgspec.Raw

    @property
    def created(self) -> bool:
        return self.outcome is Outcome.CREATED

    @property
    def refusal(self) -> DomainError | None:
        refuse = _REFUSALS.get(self.outcome)
        return refuse() if refuse else None


def apply(
    change: Change,
    *,
    to: str | UUID,
    by: Actor,
    may_create: bool = False,
    may_change: bool = True,
) -> Result:
    """Change the participant with this external_id (a text) or id (a UUID), or create the one with the external_id.

    One step for everybody else: it happens whole or not at all. Raises ParticipantNotFound where there is none and
    `may_create` is not given, NotAllowed where there is one and `may_change` is refused, ProgramNotFound,
    ProgramInactive, and ValidationFailed where the merge has more than 100 tags or attributes.
    """
    [result] = apply_each([(to, change)], by=by, may_create=may_create, may_change=may_change)
    if result.refusal:
        raise result.refusal
    return result


def apply_each(
    changes: Sequence[tuple[str | UUID, Change]],
    *,
    by: Actor,
    may_create: bool = False,
    may_change: bool = True,
) -> list[Result]:
    """The same for many participants, all named by external_id or all by id, none twice; results in their order.

    One statement, and a second look, under lock, for rows that somebody else was changing at that moment. Each row is
    stored whole or, with a `refusal` in its result, not at all, whatever becomes of the others.
    """
    if not changes:
        return []
    address: Address = "id" if isinstance(changes[0][0], UUID) else "external_id"
    single = len(changes) == 1
    rows = [_row(position, address, *pair) for position, pair in enumerate(changes)]
    options = [str(by), may_create, may_change]
    results: dict[int, Result] = {}
    _run(address, rows, options, results, single=single)
    for _ in range(MOST_LOOKS):
        stale = [row for row in rows if results[row["position"]].outcome is Outcome.STALE]
        if not stale:
            return [results[position] for position in range(len(rows))]
        _run_locked(address, stale, options, results, single=single)
    raise OperationalError("Somebody else kept changing the same participants.")


def _row(position: int, address: Address, key: str | UUID, change: Change) -> dict[str, Any]:
    row: dict[str, Any] = {"position": position, "id": uuid7(), **change.profile}
    row[address] = key
    if change.status is not None:
        row["status"] = change.status
    if change.tags is not None:
        row["tags"] = change.tags
    if change.add_tags or change.remove_tags:
        row["add_tags"], row["remove_tags"] = change.add_tags, change.remove_tags
    if change.attributes is not None:
        row["attributes"] = change.attributes
    if change.program_id is not None:
        row["program_id"] = change.program_id
        row["enrollment_id"] = uuid7()
        row["enrollment_status"] = change.enrollment_status
    return row


# Each step is retried by itself: a row that the first has stored and committed must not be met again as a known one.
@retried
def _run(
    address: Address,
    rows: list[dict[str, Any]],
    options: list[Any],
    results: dict[int, Result],
    *,
    single: bool,
) -> None:
    with prepared_cursor() if single else planned_cursor() as cursor:
        cursor.execute(_STATEMENTS[address, single], [exact_json.dumps(rows).decode(), *options])
        for position, outcome, participant_id, changed, answer in cursor.fetchall():
            raw = msgspec.Raw((answer or "").encode())
            results[position] = Result(Outcome(outcome), participant_id, changed, raw)


@retried
def _run_locked(
    address: Address,
    rows: list[dict[str, Any]],
    options: list[Any],
    results: dict[int, Result],
    *,
    single: bool,
) -> None:
    with transaction.atomic():
        known = Participant.objects.filter(**{f"{address}__in": [row[address] for row in rows]})
        list(known.order_by("id").select_for_update(no_key=True).values_list("id"))
        _run(address, rows, options, results, single=single)


def _too_many(field: str, most: int) -> ValidationFailed:
    return ValidationFailed(
        [FieldError(field, "too_many", f"At most {most}, after the merge too.")]
    )


def _enrolled(enrollment: str) -> str:
    """The programs of `judged`: the statement does not see the enrolment that it writes itself."""
    return f"""
    {ENROLLED} FROM (
        SELECT enrollment.id, enrollment.program_id, enrollment.status FROM {enrollment} AS enrollment
        WHERE enrollment.participant_id = judged.id
            AND enrollment.program_id IS DISTINCT FROM judged.program_id
        UNION ALL
        SELECT coalesce(judged.old_enrollment_id, judged.enrollment_id), judged.program_id,
            judged.enrollment_status
        WHERE judged.program_id IS NOT NULL
    ) AS enrollment
"""


def _statement(address: Address, *, single: bool) -> str:
    """The text for a thousand rows; or for one, with its answer, where the LIMIT tells the planner to use indexes."""
    participant = Participant._meta.db_table
    enrollment = Enrollment._meta.db_table
    program = Program._meta.db_table
    history = StateChange._meta.db_table
    columns = ["status", *PROFILE_FIELDS, "tags", "attributes"]
    profile = list(PROFILE_FIELDS)
    return f"""
WITH input AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS input (
        position int, id uuid, external_id text, status text, {", ".join(f"{name} text" for name in profile)},
        tags text[], add_tags text[], remove_tags text[], attributes jsonb,
        program_id uuid, enrollment_id uuid, enrollment_status text
    )
    {"LIMIT 1" if single else ""}
),
old AS MATERIALIZED (
    SELECT participant.*, participant.xmin AS version
    FROM input JOIN {participant} AS participant ON participant.{address} = input.{address}
    ORDER BY participant.id
    FOR NO KEY UPDATE OF participant
),
seen AS MATERIALIZED (
    SELECT participant.id, participant.xmin AS version
    FROM input JOIN {participant} AS participant ON participant.{address} = input.{address}
),
merged AS MATERIALIZED (
    SELECT input.position, input.attributes AS given, input.program_id, input.enrollment_id,
        old.id IS NULL AS is_new,
        coalesce(old.id, input.id) AS id,
        coalesce(old.external_id, input.external_id) AS external_id,
        coalesce(input.status, old.status, 'ACTIVE') AS status,
        {", ".join(f"coalesce(input.{name}, old.{name}, '') AS {name}" for name in profile)},
        (CASE
            WHEN input.tags IS NOT NULL THEN input.tags
            WHEN input.add_tags IS NULL THEN coalesce(old.tags, '{{}}')
            ELSE ARRAY(
                SELECT tag FROM unnest(old.tags) WITH ORDINALITY AS had (tag, place)
                WHERE tag <> ALL (input.remove_tags) ORDER BY place
            ) || ARRAY(
                SELECT tag FROM unnest(input.add_tags) WITH ORDINALITY AS added (tag, place)
                WHERE tag <> ALL (old.tags) ORDER BY place
            )
        END)::text[] AS tags,
        CASE
            WHEN input.attributes IS NULL THEN coalesce(old.attributes, '{{}}')
            ELSE jsonb_strip_nulls(coalesce(old.attributes, '{{}}') || input.attributes)
        END AS attributes,
        old.status AS old_status, old.tags::text[] AS old_tags, old.attributes AS old_attributes,
        {", ".join(f"old.{name} AS old_{name}" for name in profile)},
        enrollment.id AS old_enrollment_id,
        enrollment.status AS old_enrollment_status,
        input.enrollment_status,
        old.created_at, old.updated_at,
        clock_timestamp() AS moment,
        CASE
            WHEN old.version <> seen.version THEN 'stale'
            WHEN old.id IS NULL AND NOT $3::boolean THEN 'absent'
            WHEN old.id IS NOT NULL AND NOT $4::boolean THEN 'present'
            WHEN input.program_id IS NOT NULL AND program.id IS NULL THEN 'program_not_found'
            -- An enrolment can be ended in a program that takes no new ones.
            WHEN program.status <> 'ACTIVE'
                AND NOT (enrollment.id IS NOT NULL AND input.enrollment_status <> 'ACTIVE')
                THEN 'program_inactive'
        END AS refusal
    FROM input
        LEFT JOIN old ON old.{address} = input.{address}
        LEFT JOIN seen ON seen.id = old.id
        LEFT JOIN {program} AS program ON program.id = input.program_id
        LEFT JOIN {enrollment} AS enrollment
            ON enrollment.participant_id = old.id AND enrollment.program_id = input.program_id
),
judged AS MATERIALIZED (
    SELECT merged.*,
        coalesce(refusal, CASE
            WHEN cardinality(tags) > {MAX_TAGS} THEN 'too_many_tags'
            WHEN given IS NOT NULL
                AND (SELECT count(*) FROM jsonb_object_keys(attributes)) > {MAX_ATTRIBUTES}
                THEN 'too_many_attributes'
        END, CASE WHEN is_new THEN 'created' ELSE 'updated' END) AS outcome,
        program_id IS NOT NULL AND old_enrollment_status IS DISTINCT FROM enrollment_status AS enrolls,
        is_new
            OR {" OR ".join(f"{name} <> old_{name}" for name in columns)}
            OR program_id IS NOT NULL AND old_enrollment_status IS DISTINCT FROM enrollment_status
            AS changed
    FROM merged
),
created AS (
    INSERT INTO {participant} (id, external_id, {", ".join(columns)}, created_at, updated_at)
    SELECT id, external_id, {", ".join(columns)}, moment, moment
    FROM judged
    -- The count reads all of `old` whatever the plan, so that every lock is held before the first insert. With both in
    -- one order everywhere, two batches that hold the same people cannot wait for each other in a circle.
    WHERE outcome = 'created' AND (SELECT count(*) FROM old) >= 0
    ORDER BY external_id
    ON CONFLICT (external_id) DO NOTHING
    RETURNING id
),
updated AS (
    UPDATE {participant} AS participant
    SET {", ".join(f"{name} = judged.{name}" for name in columns)}, updated_at = judged.moment
    FROM judged
    WHERE participant.id = judged.id AND judged.outcome = 'updated' AND judged.changed
),
written AS MATERIALIZED (
    SELECT * FROM judged
    WHERE changed AND (outcome = 'updated' OR outcome = 'created' AND id IN (SELECT id FROM created))
),
enrolled AS (
    INSERT INTO {enrollment} (id, participant_id, program_id, status, created_at, updated_at)
    SELECT enrollment_id, id, program_id, enrollment_status, moment, moment
    FROM written WHERE enrolls
    ON CONFLICT (participant_id, program_id)
    DO UPDATE SET status = EXCLUDED.status, updated_at = EXCLUDED.updated_at
),
history AS (
    INSERT INTO {history} (
        id, participant_id, state_type, key, operation, old_value, new_value, changed_by, program_id, changed_at
    )
    SELECT {UUID7_SQL.format(moment="written.moment")}, written.id, part.state_type, part.key,
        CASE
            WHEN part.old_value IS NULL THEN 'ADD'
            WHEN part.new_value IS NULL THEN 'REMOVE'
            ELSE 'CHANGE'
        END,
        part.old_value, part.new_value, $2::text,
        CASE WHEN part.state_type = 'enrollment' THEN written.program_id END, written.moment
    FROM written CROSS JOIN LATERAL (
        SELECT 'status' AS state_type, '' AS key,
            to_jsonb(old_status) AS old_value, to_jsonb(status) AS new_value
        WHERE status IS DISTINCT FROM old_status
        UNION ALL
        SELECT 'enrollment', program_id::text, to_jsonb(old_enrollment_status), to_jsonb(enrollment_status)
        WHERE enrolls
        UNION ALL
        SELECT 'profile', '', NULL, profile
        FROM (SELECT jsonb_strip_nulls(jsonb_build_object(
            {", ".join(f"'{name}', nullif({name}, '')" for name in profile)}
        )) AS profile) AS given_profile
        WHERE is_new AND profile <> '{{}}'
        UNION ALL
        SELECT 'profile', name, to_jsonb(nullif(had, '')), to_jsonb(nullif(has, ''))
        FROM (VALUES {", ".join(f"('{name}', old_{name}, {name})" for name in profile)}) AS field (name, had, has)
        WHERE had <> has
        UNION ALL
        SELECT 'attribute', '', NULL, attributes
        WHERE is_new AND attributes <> '{{}}'
        UNION ALL
        SELECT 'attribute', each.key, old_attributes -> each.key, attributes -> each.key
        FROM jsonb_each(given) AS each
        WHERE NOT is_new AND old_attributes -> each.key IS DISTINCT FROM attributes -> each.key
        UNION ALL
        SELECT 'tag', '', NULL, to_jsonb(tags)
        WHERE is_new AND tags <> '{{}}'
        UNION ALL
        SELECT 'tag', tag, NULL, to_jsonb(tag)
        FROM unnest(tags) AS tag WHERE NOT is_new AND tag <> ALL (old_tags)
        UNION ALL
        SELECT 'tag', tag, to_jsonb(tag), NULL
        FROM unnest(old_tags) AS tag WHERE tag <> ALL (tags)
        UNION ALL
        -- The same tags in another order.
        SELECT 'tag', '', to_jsonb(old_tags), to_jsonb(tags)
        WHERE tags <> old_tags AND tags @> old_tags AND old_tags @> tags
    ) AS part
)
SELECT person.position,
    CASE WHEN person.outcome = 'created' AND person.id NOT IN (SELECT id FROM created) THEN 'stale' ELSE person.outcome END,
    person.id, person.changed, {ANSWER if single else "NULL"}
FROM (
    SELECT position, outcome, changed, id, external_id, {", ".join(columns[:-1])},
        -- Equal numbers may be spelled differently; the answer has the spelling that is stored.
        CASE WHEN changed THEN attributes ELSE old_attributes END AS attributes,
        coalesce(created_at, moment) AS created_at,
        CASE WHEN changed THEN moment ELSE updated_at END AS updated_at
        {", enrolled.*" if single else ""}
    FROM judged
        {f"CROSS JOIN LATERAL ({_enrolled(enrollment)}) AS enrolled" if single else ""}
) AS person
"""


_STATEMENTS: dict[tuple[Address, bool], str] = {
    (address, single): _statement(address, single=single)
    for address in ("external_id", "id")
    for single in (True, False)
}
