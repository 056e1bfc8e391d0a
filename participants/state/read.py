"""The whole participant as the API gives it, written as JSON by PostgreSQL: one statement, no query per relation.

The text reaches the client as it is, so numbers stay exact and nothing in between reads or writes it.
"""

from uuid import UUID

import msgspec

from participants.exceptions import ParticipantNotFound
from participants.models import PROFILE_FIELDS
from participants.state.standing import STANDS_ON
from programs.kernel.database import Statement, run

# A rule of counters in SQL, for the moment of reading; a property test holds both together.
WINDOW_HAS_ENDED = (
    "coalesce(counter.period_end, counter.last_reset_at + counter.reset_after) <= {moment}"
)

_NOW = "statement_timestamp()"

_COUNTERS = f"""(
    SELECT coalesce(json_object_agg(counter.key, CASE
        WHEN {WINDOW_HAS_ENDED.format(moment=_NOW)} THEN '0'
        ELSE trim_scale(counter.value)::text
    END ORDER BY counter.key), '{{}}')
    FROM participants_counter AS counter WHERE counter.participant_id = person.id
)"""

# Each track of each program that the participant is or was enrolled in. Of two tracks with one key, the one of the program
# enrolled in first.
_TRACKS = f"""
    SELECT DISTINCT ON (track.key) track.key, coalesce(level.key, '') AS level, coalesce(level.rank, 0) AS rank
    FROM unnest(person.enrolled_ids) WITH ORDINALITY AS enrolled (program_id, place)
        JOIN programs_tiertrack AS track
            ON track.program_id = enrolled.program_id AND track.deleted_at IS NULL
        LEFT JOIN participants_tierstanding AS standing
            ON standing.participant_id = person.id AND standing.track_id = track.id
        LEFT JOIN LATERAL ({STANDS_ON.format(moment=_NOW)}) AS level ON true
    ORDER BY track.key, enrolled.place
"""
_TIERS = f"""(
    SELECT coalesce(
        json_object_agg(tier.key, json_build_object('level', tier.level, 'rank', tier.rank) ORDER BY tier.key), '{{}}'
    )
    FROM ({_TRACKS}) AS tier
)"""

_BALANCES = """(
    SELECT coalesce(json_agg(json_build_object(
        'asset_id', balance.asset_id,
        'available', round(balance.available, asset.scale)::text,
        'held', round(balance.held, asset.scale)::text,
        'deferred', round(balance.deferred, asset.scale)::text
    ) ORDER BY balance.asset_id), '[]')
    FROM participants_balance AS balance JOIN programs_asset AS asset ON asset.id = balance.asset_id
    WHERE balance.participant_id = person.id
)"""

# Reads `person`, which has the columns of a participant, and `program_ids` and `enrolled_ids` of ENROLLED.
DOCUMENT = f"""json_build_object(
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

# Of rows (id, program_id, status): the programs of active enrollments, and of all.
ENROLLED = """
    SELECT coalesce(array_agg(program_id ORDER BY id) FILTER (WHERE status = 'ACTIVE'), '{}') AS program_ids,
        coalesce(array_agg(program_id ORDER BY id), '{}') AS enrolled_ids
"""

_READ = {
    address: Statement(
        f"""
SELECT {DOCUMENT}
FROM (
    SELECT participant.*, enrolled.*
    FROM participants_participant AS participant CROSS JOIN LATERAL (
        {ENROLLED} FROM participants_enrollment WHERE participant_id = participant.id
    ) AS enrolled
    WHERE participant.{address} = $1
) AS person
"""
    )
    for address in ("external_id", "id")
}


def document(participant: str | UUID) -> msgspec.Raw:
    """The JSON of the participant with this external_id (a text) or id (a UUID). Raises ParticipantNotFound."""
    address = "id" if isinstance(participant, UUID) else "external_id"
    rows = run(_READ[address], [participant], at=participant)
    if not rows:
        raise ParticipantNotFound
    return msgspec.Raw(rows[0][0].encode())
