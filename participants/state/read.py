"""The whole participant as the API answers it, written as JSON by PostgreSQL: one statement, no query per relation."""

from uuid import UUID

import msgspec

from participants.exceptions import ParticipantNotFound
from participants.models import (
    PROFILE_FIELDS,
    Balance,
    Counter,
    Enrollment,
    Participant,
    TierStanding,
)
from programs.kernel.database import prepared_cursor
from programs.models import Asset, TierLevel, TierTrack

_PARTICIPANT = Participant._meta.db_table
_ENROLLMENT = Enrollment._meta.db_table

# Past its window a counter stands at zero, whatever is stored.
_COUNTERS = f"""(
    SELECT coalesce(json_object_agg(counter.key, CASE
        WHEN counter.last_reset_at + counter.reset_after <= statement_timestamp() THEN '0'
        ELSE trim_scale(counter.value)::text
    END ORDER BY counter.key), '{{}}')
    FROM {Counter._meta.db_table} AS counter WHERE counter.participant_id = person.id
)"""
# Each track of each program that the participant is or was enrolled in; of two with one key the one enrolled in first.
_TIERS = f"""(
    SELECT coalesce(
        json_object_agg(tier.key, json_build_object('level', tier.level, 'rank', tier.rank) ORDER BY tier.key), '{{}}'
    )
    FROM (
        SELECT DISTINCT ON (track.key) track.key, coalesce(level.key, '') AS level, coalesce(level.rank, 0) AS rank
        FROM unnest(person.enrolled_ids) WITH ORDINALITY AS enrolled (program_id, place)
            JOIN {TierTrack._meta.db_table} AS track
                ON track.program_id = enrolled.program_id AND track.deleted_at IS NULL
            LEFT JOIN {TierStanding._meta.db_table} AS standing
                ON standing.participant_id = person.id AND standing.track_id = track.id
                AND (standing.expires_at IS NULL OR standing.expires_at > statement_timestamp())
            LEFT JOIN {TierLevel._meta.db_table} AS level
                ON level.track_id = track.id AND level.key = standing.level
        ORDER BY track.key, enrolled.place
    ) AS tier
)"""
_BALANCES = f"""(
    SELECT coalesce(json_agg(json_build_object(
        'asset_id', balance.asset_id,
        {", ".join(f"'{name}', round(balance.{name}, asset.scale)::text" for name in ("available", "held", "deferred"))}
    ) ORDER BY balance.asset_id), '[]')
    FROM {Balance._meta.db_table} AS balance JOIN {Asset._meta.db_table} AS asset ON asset.id = balance.asset_id
    WHERE balance.participant_id = person.id
)"""

# `person` has the columns of a participant, and `program_ids` and `enrolled_ids` of ENROLLED. The text reaches the client
# as it is, so numbers stay exact and nobody in between reads or writes it.
ANSWER = f"""json_build_object(
    'id', person.id,
    'external_id', person.external_id,
    'status', person.status,
    {", ".join(f"'{name}', person.{name}" for name in PROFILE_FIELDS)},
    'tags', person.tags,
    'attributes', person.attributes,
    'counters', {_COUNTERS},
    'tiers', {_TIERS},
    'balances', {_BALANCES},
    'program_ids', person.program_ids,
    'created_at', to_char(person.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'updated_at', to_char(person.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
)::text"""

# Of rows (id, program_id, status): the programs of active enrolments, and of all.
ENROLLED = """
    SELECT coalesce(array_agg(program_id ORDER BY id) FILTER (WHERE status = 'ACTIVE'), '{}') AS program_ids,
        coalesce(array_agg(program_id ORDER BY id), '{}') AS enrolled_ids
"""

_READ = {
    address: f"""
SELECT {ANSWER}
FROM (
    SELECT participant.*, enrolled.*
    FROM {_PARTICIPANT} AS participant CROSS JOIN LATERAL (
        {ENROLLED} FROM {_ENROLLMENT} WHERE participant_id = participant.id
    ) AS enrolled
    WHERE participant.{address} = $1
) AS person
"""
    for address in ("external_id", "id")
}


def answer(participant: str | UUID) -> msgspec.Raw:
    """The JSON of the participant with this external_id (a text) or id (a UUID). Raises ParticipantNotFound."""
    address = "id" if isinstance(participant, UUID) else "external_id"
    with prepared_cursor() as cursor:
        cursor.execute(_READ[address], [participant])
        found = cursor.fetchone()
    if found is None:
        raise ParticipantNotFound
    return msgspec.Raw(found[0].encode())
