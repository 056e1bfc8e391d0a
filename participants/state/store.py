"""How people are read from the database into memory, many at once, and written down in it again."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from participants.models import Counter, Participant, StateChange, TierStanding
from participants.state.person import Noted, Person, Standing, counter_at
from programs.kernel import exact_json, instants
from programs.kernel.database import id_list, planned_cursor, prepared_cursor, uuid7

_PARTICIPANT = Participant._meta.db_table
_COUNTER = Counter._meta.db_table
_STANDING = TierStanding._meta.db_table
_HISTORY = StateChange._meta.db_table

_PEOPLE = f"""
SELECT id, external_id, status, created_at, tags::text[], attributes::text
FROM {_PARTICIPANT} WHERE id = ANY($1::uuid[])
"""
_COUNTERS = f"""
SELECT participant_id, key, trim_scale(value), reset_after, last_reset_at
FROM {_COUNTER} WHERE participant_id = ANY($1::uuid[])
"""
_STANDINGS = f"""
SELECT participant_id, track_id, level, acquired_at, expires_at FROM {_STANDING}
WHERE participant_id = ANY($1::uuid[]) AND (expires_at IS NULL OR expires_at > $2)
"""

# One statement. The caller has locked these people, or they could have changed since they were read. `updated_at` tells
# whoever looked without a lock (ledger.store, state.write) that they have.
_WRITE = f"""
WITH changed AS (
    UPDATE {_PARTICIPANT} AS participant
    SET tags = given.tags, attributes = given.attributes, updated_at = $1
    FROM jsonb_to_recordset($2::jsonb) AS given (id uuid, tags text[], attributes jsonb)
    WHERE participant.id = given.id
),
counted AS (
    INSERT INTO {_COUNTER} (id, participant_id, key, value, reset_after, last_reset_at, created_at, updated_at)
    SELECT id, participant_id, key, value, reset_after, last_reset_at, $1, $1
    FROM jsonb_to_recordset($3::jsonb) AS given (
        id uuid, participant_id uuid, key text, value numeric, reset_after interval, last_reset_at timestamptz
    )
    ON CONFLICT (participant_id, key) DO UPDATE SET value = EXCLUDED.value, reset_after = EXCLUDED.reset_after,
        last_reset_at = EXCLUDED.last_reset_at, updated_at = EXCLUDED.updated_at
),
standing AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($4::jsonb) AS given (
        id uuid, participant_id uuid, track_id uuid, level text, acquired_at timestamptz, expires_at timestamptz
    )
),
risen AS (
    INSERT INTO {_STANDING} (id, participant_id, track_id, level, acquired_at, expires_at)
    SELECT * FROM standing WHERE level <> ''
    ON CONFLICT (participant_id, track_id) DO UPDATE SET level = EXCLUDED.level, acquired_at = EXCLUDED.acquired_at,
        expires_at = EXCLUDED.expires_at
),
fallen AS (
    DELETE FROM {_STANDING} AS held USING standing
    WHERE standing.level = '' AND held.participant_id = standing.participant_id AND held.track_id = standing.track_id
)
INSERT INTO {_HISTORY} (
    id, participant_id, state_type, key, operation, old_value, new_value, changed_by, event_id, rule_id, program_id,
    changed_at
)
SELECT id, participant_id, state_type, key, operation, old_value, new_value, changed_by, event_id, rule_id, program_id, $1
FROM jsonb_to_recordset($5::jsonb) AS given (
    id uuid, participant_id uuid, state_type text, key text, operation text, old_value jsonb, new_value jsonb,
    changed_by text, event_id uuid, rule_id uuid, program_id uuid
)
"""


def load(participant_ids: Sequence[UUID], moment: datetime) -> dict[UUID, Person]:
    """These people as they count at this moment, by their ids. Three statements, however many they are."""
    people: dict[UUID, Person] = {}
    with prepared_cursor(binary=True) as cursor:
        for *own, attributes in _rows(cursor, _PEOPLE, [id_list(participant_ids)]):
            person = Person(*own)
            person.attributes = exact_json.loads_stored(attributes)
            people[person.id] = person
        for participant_id, key, value, window, began in _rows(
            cursor, _COUNTERS, [id_list(people)]
        ):
            people[participant_id].counters[key] = counter_at(value, window, began, moment)
        for participant_id, track_id, *held in _rows(cursor, _STANDINGS, [id_list(people), moment]):
            people[participant_id].standings[track_id] = Standing(*held)
    return people


def write(people: Iterable[Person], moment: datetime) -> None:
    """Write down what has changed about these people, who are locked, with its history."""
    touched = [person for person in people if person.noted or person.touched_counters]
    if not touched:
        return
    tables = (
        [_own_row(person) for person in touched if person.is_changed],
        [row for person in touched for row in _counter_rows(person)],
        [row for person in touched for row in _standing_rows(person)],
        [_history_row(person, noted) for person in touched for noted in person.noted],
    )
    with planned_cursor() as cursor:
        cursor.execute(_WRITE, [moment, *(exact_json.dumps(rows).decode() for rows in tables)])


def _rows(cursor: CursorWrapper, statement: str, parameters: list[Any]) -> list[Any]:
    cursor.execute(statement, parameters)
    rows: list[Any] = cursor.fetchall()
    return rows


def _own_row(person: Person) -> dict[str, Any]:
    return {"id": person.id, "tags": person.tags, "attributes": person.attributes}


def _counter_rows(person: Person) -> Iterator[dict[str, Any]]:
    for key in person.touched_counters:
        counter = person.counters[key]
        window = counter.reset_after
        yield {
            "id": uuid7(),
            "participant_id": person.id,
            "key": key,
            "value": counter.value,
            "reset_after": None if window is None else f"{window // timedelta(seconds=1)} seconds",
            "last_reset_at": instants.written(counter.last_reset_at),
        }


def _standing_rows(person: Person) -> Iterator[dict[str, Any]]:
    for track_id in person.touched_tracks:
        held = person.standings.get(track_id)
        yield {
            "id": uuid7(),
            "participant_id": person.id,
            "track_id": track_id,
            "level": held.level if held else "",
            "acquired_at": held and instants.written(held.acquired_at),
            "expires_at": held and held.expires_at and instants.written(held.expires_at),
        }


def _history_row(person: Person, noted: Noted) -> dict[str, Any]:
    cause = noted.cause
    return {
        "id": uuid7(),
        "participant_id": person.id,
        "state_type": noted.state_type,
        "key": noted.key,
        "operation": noted.operation,
        "old_value": noted.old_value,
        "new_value": noted.new_value,
        "changed_by": str(cause.by),
        "event_id": cause.event_id,
        "rule_id": cause.rule_id,
        "program_id": cause.program_id,
    }
