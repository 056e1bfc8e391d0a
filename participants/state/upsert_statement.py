"""The text of the statement that upserts participants with their enrollments and history, for one or for a thousand.

It is one statement so that a call is atomic to others and one round trip for us. Its pieces follow in the order
in which they run; `statement` joins them. The text pastes into psql behind `PREPARE upsert AS`.

PostgreSQL takes a statement's snapshot before it waits for a row. A call that had to wait sees the row as it is now, and
everything around it (enrollments) as it was. The statement therefore compares the row that it locked with the one in its
snapshot; where they differ it writes nothing and reports `stale`, and the caller locks first and looks afterwards. Whoever
writes an enrollment writes `updated_at` of its participant too, or this comparison would miss it.
"""

from typing import Literal

from participants.models import MAX_ATTRIBUTES, MAX_TAGS, PROFILE_FIELDS
from participants.models.figures import SLOT_SQL
from participants.state.read import DOCUMENT, ENROLLED
from programs.kernel.columns import Columns
from programs.kernel.database import UUID7_SQL

Address = Literal["external_id", "id"]

# What a row of the input may hold; a column that it leaves out is NULL, which changes nothing.
_INPUT = Columns(
    position="int",
    id="uuid",
    external_id="text",
    status="text",
    **dict.fromkeys(PROFILE_FIELDS, "text"),
    tags="text[]",
    add_tags="text[]",
    remove_tags="text[]",
    attributes="jsonb",
    program_id="uuid",
    enrollment_id="uuid",
    enrollment_status="text",
)
# The columns of a participant that an upsert changes.
_OWN = ("status", *PROFILE_FIELDS, "tags", "attributes")
_OWN_NAMES = ", ".join(_OWN)

# The parameters by their names.
_GIVEN = """given (rows, changed_by, may_create, may_change, may_enroll, reason) AS (
    SELECT $1::jsonb, $2::text, $3::boolean, $4::boolean, $5::boolean, $6::text
)"""

# With one row, LIMIT tells the planner to use indexes.
_READ_INPUT = f"""input AS MATERIALIZED (
    SELECT input.* FROM given, jsonb_to_recordset(given.rows) AS input ({_INPUT.typed}) {{limit}}
)"""

# Locks whoever exists, in the order of ids, so that two batches cannot wait for each other in a circle.
_LOCK = """old AS MATERIALIZED (
    SELECT participant.*
    FROM input JOIN participants_participant AS participant ON participant.{address} = input.{address}
    ORDER BY participant.id
    FOR NO KEY UPDATE OF participant
)"""

# The same participants as the snapshot has them: a later `updated_at` in `old` means that we had to wait for somebody.
_LOOK_AT_SNAPSHOT = """seen AS MATERIALIZED (
    SELECT participant.id, participant.updated_at
    FROM input JOIN participants_participant AS participant ON participant.{address} = input.{address}
)"""

# `tags` replaces the set. `add_tags` and `remove_tags` edit it and keep the order of what stays.
_MERGED_TAGS = """(CASE
    WHEN input.tags IS NOT NULL THEN input.tags
    WHEN input.add_tags IS NULL THEN coalesce(old.tags, '{}')
    ELSE ARRAY(
        SELECT tag FROM unnest(old.tags) WITH ORDINALITY AS had (tag, place)
        WHERE tag <> ALL (input.remove_tags) ORDER BY place
    ) || ARRAY(
        SELECT tag FROM unnest(input.add_tags) WITH ORDINALITY AS added (tag, place)
        WHERE tag <> ALL (old.tags) ORDER BY place
    )
END)::text[]"""

# Attributes merge key by key, and a null removes its key.
_MERGED_ATTRIBUTES = """CASE
    WHEN input.attributes IS NULL THEN coalesce(old.attributes, '{}')
    ELSE jsonb_strip_nulls(coalesce(old.attributes, '{}') || input.attributes)
END"""

# What keeps a row from being written at all; the first that applies. An enrollment can be ended in a program that takes
# no new ones.
_REFUSAL = """CASE
    WHEN old.updated_at <> seen.updated_at THEN 'stale'
    WHEN input.program_id IS NOT NULL AND NOT given.may_enroll THEN 'enrolling_not_allowed'
    WHEN old.id IS NULL AND NOT given.may_create THEN 'absent'
    WHEN old.id IS NOT NULL AND NOT given.may_change THEN 'present'
    WHEN input.program_id IS NOT NULL AND program.id IS NULL THEN 'program_not_found'
    WHEN program.status <> 'ACTIVE' AND NOT (enrollment.id IS NOT NULL AND input.enrollment_status <> 'ACTIVE')
        THEN 'program_inactive'
END"""

# Each row with what was there, what comes of it, and what is around it. The moment comes after the lock, and is later than
# any before it for this participant, even where the server's clock was set back: `updated_at` serves as a version.
_MERGE = f"""merged AS MATERIALIZED (
    SELECT input.position, input.attributes AS given_attributes,
        input.program_id, input.enrollment_id, input.enrollment_status,
        old.id IS NULL AS is_new,
        coalesce(old.id, input.id) AS id,
        coalesce(old.external_id, input.external_id) AS external_id,
        coalesce(input.status, old.status, 'ACTIVE') AS status,
        {", ".join(f"coalesce(input.{name}, old.{name}, '') AS {name}" for name in PROFILE_FIELDS)},
        {_MERGED_TAGS} AS tags,
        {_MERGED_ATTRIBUTES} AS attributes,
        old.status AS old_status, old.tags::text[] AS old_tags, old.attributes AS old_attributes,
        {", ".join(f"old.{name} AS old_{name}" for name in PROFILE_FIELDS)},
        enrollment.id AS old_enrollment_id, enrollment.status AS old_enrollment_status,
        old.created_at, old.updated_at,
        greatest(clock_timestamp(), old.updated_at + interval '1 microsecond') AS moment,
        {_REFUSAL} AS refusal
    FROM given CROSS JOIN input
        LEFT JOIN old ON old.{{address}} = input.{{address}}
        LEFT JOIN seen ON seen.id = old.id
        LEFT JOIN programs_program AS program ON program.id = input.program_id
        LEFT JOIN participants_enrollment AS enrollment
            ON enrollment.participant_id = old.id AND enrollment.program_id = input.program_id
)"""

# Limits that show only after the merge, and whether there is anything to write: an upsert that changes nothing writes no
# row and leaves `updated_at`.
_EVALUATE = f"""evaluated AS MATERIALIZED (
    SELECT merged.*,
        coalesce(refusal, CASE
            WHEN cardinality(tags) > {MAX_TAGS} THEN 'too_many_tags'
            WHEN given_attributes IS NOT NULL
                AND (SELECT count(*) FROM jsonb_object_keys(attributes)) > {MAX_ATTRIBUTES}
                THEN 'too_many_attributes'
            WHEN is_new THEN 'created'
            ELSE 'updated'
        END) AS status_of_row,
        program_id IS NOT NULL AND old_enrollment_status IS DISTINCT FROM enrollment_status AS enrolls,
        is_new
            OR {" OR ".join(f"{name} <> old_{name}" for name in _OWN)}
            OR program_id IS NOT NULL AND old_enrollment_status IS DISTINCT FROM enrollment_status
            AS changed
    FROM merged
)"""

# The count reads all of `old` whatever the plan, so that every lock is held before the first insert. Since
# everybody locks by id and inserts by external_id, two batches that hold the same participants cannot wait for each
# other in a circle. If another call has just created the external_id, this one inserts nothing and is `stale`.
_CREATE = f"""created AS (
    INSERT INTO participants_participant (id, external_id, {_OWN_NAMES}, created_at, updated_at)
    SELECT id, external_id, {_OWN_NAMES}, moment, moment
    FROM evaluated
    WHERE status_of_row = 'created' AND (SELECT count(*) FROM old) >= 0
    ORDER BY external_id
    ON CONFLICT DO NOTHING
    RETURNING id
)"""

_UPDATE = f"""updated AS (
    UPDATE participants_participant AS participant
    SET {", ".join(f"{name} = evaluated.{name}" for name in _OWN)}, updated_at = evaluated.moment
    FROM evaluated
    WHERE participant.id = evaluated.id AND evaluated.status_of_row = 'updated' AND evaluated.changed
)"""

# The rows that have been written, which enrollment and history follow.
_WRITTEN = """written AS MATERIALIZED (
    SELECT * FROM evaluated
    WHERE changed AND (status_of_row = 'updated' OR status_of_row = 'created' AND id IN (SELECT id FROM created))
)"""

_ENROLL = """enrolled AS (
    INSERT INTO participants_enrollment (id, participant_id, program_id, status, created_at, updated_at)
    SELECT enrollment_id, id, program_id, enrollment_status, moment, moment
    FROM written WHERE enrolls
    ON CONFLICT (participant_id, program_id)
    DO UPDATE SET status = EXCLUDED.status, updated_at = EXCLUDED.updated_at
)"""

# What new enrollments add to the figures of their programs.
_COUNT = f"""counted AS (
    INSERT INTO participants_figuredelta (program_id, slot, measure, value)
    SELECT program_id, {SLOT_SQL.format(moment="moment")} AS slot, 'ENROLLED', count(*)
    FROM written WHERE enrolls AND old_enrollment_id IS NULL
    GROUP BY program_id, slot
)"""

# Creation makes one change for each kind of state, with all of its values; later there is one for each key.
_CHANGES = f"""
    SELECT 'status' AS state_type, '' AS key, to_jsonb(old_status) AS old_value, to_jsonb(status) AS new_value
    WHERE status IS DISTINCT FROM old_status
    UNION ALL
    SELECT 'enrollment', program_id::text, to_jsonb(old_enrollment_status), to_jsonb(enrollment_status)
    WHERE enrolls
    UNION ALL
    SELECT 'profile', '', NULL, profile
    FROM (SELECT jsonb_strip_nulls(jsonb_build_object(
        {", ".join(f"'{name}', nullif({name}, '')" for name in PROFILE_FIELDS)}
    )) AS profile) AS new_profile
    WHERE is_new AND profile <> '{{}}'
    UNION ALL
    SELECT 'profile', name, to_jsonb(nullif(had, '')), to_jsonb(nullif(has, ''))
    FROM (VALUES {", ".join(f"('{name}', old_{name}, {name})" for name in PROFILE_FIELDS)}) AS field (name, had, has)
    WHERE had <> has
    UNION ALL
    SELECT 'attribute', '', NULL, attributes
    WHERE is_new AND attributes <> '{{}}'
    UNION ALL
    SELECT 'attribute', each.key, old_attributes -> each.key, attributes -> each.key
    FROM jsonb_each(given_attributes) AS each
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
"""

# Each column of the history with where its value comes from.
_HISTORY_ROW = {
    "id": UUID7_SQL.format(moment="written.moment"),
    "participant_id": "written.id",
    "state_type": "change.state_type",
    "key": "change.key",
    "operation": """CASE
        WHEN change.old_value IS NULL THEN 'ADD'
        WHEN change.new_value IS NULL THEN 'REMOVE'
        ELSE 'CHANGE'
    END""",
    "old_value": "change.old_value",
    "new_value": "change.new_value",
    "changed_by": "given.changed_by",
    "program_id": "CASE WHEN change.state_type = 'enrollment' THEN written.program_id END",
    "reason": "given.reason",
    "changed_at": "written.moment",
}
_RECORD = f"""history AS (
    INSERT INTO participants_statechange ({", ".join(_HISTORY_ROW)})
    SELECT {", ".join(_HISTORY_ROW.values())}
    FROM given CROSS JOIN written CROSS JOIN LATERAL ({_CHANGES}) AS change
)"""

# The statement does not see the enrollment that it writes itself, so that one comes from its row.
_ENROLLED = f"""CROSS JOIN LATERAL (
    {ENROLLED} FROM (
        SELECT enrollment.id, enrollment.program_id, enrollment.status
        FROM participants_enrollment AS enrollment
        WHERE enrollment.participant_id = evaluated.id
            AND enrollment.program_id IS DISTINCT FROM evaluated.program_id
        UNION ALL
        SELECT coalesce(evaluated.old_enrollment_id, evaluated.enrollment_id), evaluated.program_id,
            evaluated.enrollment_status
        WHERE evaluated.program_id IS NOT NULL
    ) AS enrollment
) AS enrolled"""

# What became of each row. 1.0 and 1.00 are equal, so an unchanged row returns what is stored.
_ANSWER = f"""
SELECT person.position,
    CASE
        WHEN person.status_of_row = 'created' AND person.id NOT IN (SELECT id FROM created) THEN 'stale'
        ELSE person.status_of_row
    END,
    person.id, person.changed, {{document}}
FROM (
    SELECT position, status_of_row, changed, id, external_id, {", ".join(_OWN[:-1])},
        CASE WHEN changed THEN attributes ELSE old_attributes END AS attributes,
        coalesce(created_at, moment) AS created_at,
        CASE WHEN changed THEN moment ELSE updated_at END AS updated_at
        {{enrolled_columns}}
    FROM evaluated {{enrolled}}
) AS person
"""


def statement(address: Address, *, single: bool) -> str:
    """The SQL for rows that name participants by this address; `single` is for one row and returns the
    participant's document.
    """
    steps = [
        _GIVEN,
        _READ_INPUT.format(limit="LIMIT 1" if single else ""),
        _LOCK.format(address=address),
        _LOOK_AT_SNAPSHOT.format(address=address),
        _MERGE.replace("{address}", address),
        *(_EVALUATE, _CREATE, _UPDATE, _WRITTEN, _ENROLL, _COUNT, _RECORD),
    ]
    answer = _ANSWER.format(
        document=DOCUMENT if single else "NULL",
        enrolled_columns=", enrolled.*" if single else "",
        enrolled=_ENROLLED if single else "",
    )
    return f"WITH {', '.join(steps)} {answer}"
