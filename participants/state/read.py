"""The whole participant as the API answers it, written as JSON by PostgreSQL: one statement, no query per relation."""

from uuid import UUID

import msgspec

from participants.exceptions import ParticipantNotFound
from participants.models import PROFILE_FIELDS
from programs.database import prepared_cursor

# `person` has the columns of a participant and `program_ids`; the text reaches the client as it is, so numbers stay exact
# and nobody in between reads or writes it.
ANSWER = f"""json_build_object(
    'id', person.id,
    'external_id', person.external_id,
    'status', person.status,
    {", ".join(f"'{name}', person.{name}" for name in PROFILE_FIELDS)},
    'tags', person.tags,
    'attributes', person.attributes,
    'counters', '{{}}'::json,
    'tiers', '{{}}'::json,
    'balances', '[]'::json,
    'program_ids', person.program_ids,
    'created_at', to_char(person.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'updated_at', to_char(person.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
)::text"""

_READ = {
    address: f"""
SELECT {ANSWER}
FROM (
    SELECT participant.*, ARRAY(
        SELECT program_id FROM participants_enrollment
        WHERE participant_id = participant.id AND status = 'ACTIVE'
        ORDER BY id
    ) AS program_ids
    FROM participants_participant AS participant
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
