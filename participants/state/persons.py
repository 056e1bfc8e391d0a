"""Persons in the database: found, locked, loaded and written, one or hundreds at a time."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from participants.exceptions import ParticipantNotFound
from participants.locks import lock
from participants.models import Counter, Participant, StateChange, TierStanding
from participants.state import windows
from participants.state.person import READ_OF_PROFILE, HistoryRow, Person
from participants.state.standing import Standing
from programs.kernel import exact_json
from programs.kernel.columns import Columns
from programs.kernel.database import Statement, id_list, run, uuid7

_PERSONS = Statement(
    f"""
SELECT id, external_id, status, participant.created_at, tags::text[], attributes::text,
    ARRAY[{", ".join(READ_OF_PROFILE)}]::text[], program_ids, enrolled_at
FROM participants_participant AS participant CROSS JOIN LATERAL (
    SELECT array_agg(program_id), array_agg(created_at)
    FROM participants_enrollment WHERE participant_id = participant.id
) AS enrolled (program_ids, enrolled_at)
WHERE id = ANY($1::uuid[])
""",
    binary=True,
)
_COUNTERS = Statement(
    """
SELECT participant_id, key, trim_scale(value), reset_after, reset, time_zone, last_reset_at, period_end
FROM participants_counter WHERE participant_id = ANY($1::uuid[])
""",
    binary=True,
)
_STANDINGS = Statement(
    """
SELECT participant_id, track_id, level, acquired_at, expires_at, pinned, earned_level
FROM participants_tierstanding WHERE participant_id = ANY($1::uuid[])
""",
    binary=True,
)

_COUNTER, _STANDING, _HISTORY = map(Columns.of, (Counter, TierStanding, StateChange))

# The parameters by their names: one moment for all, and rows for each table.
_INPUT = """input (moment, persons, counters, standings, history) AS (
    SELECT $1::timestamptz, $2::jsonb, $3::jsonb, $4::jsonb, $5::jsonb
)"""

# `updated_at` tells whoever looked without a lock (the ledger, the bulk upsert) that the participant has changed since.
_WRITE_OWN = """changed AS (
    UPDATE participants_participant AS participant
    SET tags = person.tags, attributes = person.attributes, updated_at = input.moment
    FROM input, jsonb_to_recordset(input.persons) AS person (id uuid, tags text[], attributes jsonb)
    WHERE participant.id = person.id
)"""

# A counter without a value is one that was deleted.
_WRITE_COUNTERS = f"""counter AS MATERIALIZED (
    SELECT counter.* FROM input, jsonb_to_recordset(input.counters) AS counter ({_COUNTER.typed})
),
counted AS (
    INSERT INTO participants_counter ({_COUNTER.names}) SELECT {_COUNTER.names} FROM counter WHERE value IS NOT NULL
    ON CONFLICT (participant_id, key) DO UPDATE SET {_COUNTER.replacing("id", "participant_id", "key", "created_at")}
),
uncounted AS (
    DELETE FROM participants_counter AS stored USING counter
    WHERE counter.value IS NULL AND stored.participant_id = counter.participant_id AND stored.key = counter.key
)"""

# A standing whose level is null has ended; an empty one is the base, as an override.
_WRITE_STANDINGS = f"""standing AS MATERIALIZED (
    SELECT standing.* FROM input, jsonb_to_recordset(input.standings) AS standing ({_STANDING.typed})
),
risen AS (
    INSERT INTO participants_tierstanding ({_STANDING.names})
    SELECT {_STANDING.names} FROM standing WHERE level IS NOT NULL
    ON CONFLICT (participant_id, track_id) DO UPDATE SET {_STANDING.replacing("id", "participant_id", "track_id")}
),
fallen AS (
    DELETE FROM participants_tierstanding AS stored USING standing
    WHERE standing.level IS NULL AND stored.participant_id = standing.participant_id AND stored.track_id = standing.track_id
)"""

_WRITE_HISTORY = f"""
INSERT INTO participants_statechange ({_HISTORY.names})
SELECT {_HISTORY.names} FROM input, jsonb_to_recordset(input.history) AS row ({_HISTORY.typed})
"""

# Planned each time: how many rows there are decides how the tables are best read.
_WRITE = Statement(
    f"WITH {_INPUT}, {_WRITE_OWN}, {_WRITE_COUNTERS}, {_WRITE_STANDINGS} {_WRITE_HISTORY}",
    keeps_plan=False,
)


def found(of: str | UUID) -> UUID:
    """The id of the participant with this external_id (a text) or id (a UUID). Raises ParticipantNotFound."""
    participants = Participant.objects.filter(
        **{"pk" if isinstance(of, UUID) else "external_id": of}
    )
    participant_id = participants.values_list("pk", flat=True).first()
    if participant_id is None:
        raise ParticipantNotFound
    return participant_id


def opened(of: str | UUID) -> tuple[Person, datetime]:
    """Lock the participant with this external_id or id to the end of the transaction, and load them.

    The moment is the database's, after the lock was taken. Raises ParticipantNotFound.
    """
    rows = lock([of])
    if not rows:
        raise ParticipantNotFound
    [(participant_id, moment)] = rows
    return load([participant_id], moment)[participant_id], moment


def opened_each(participant_ids: Sequence[UUID]) -> tuple[list[Person], datetime]:
    """The same for at least one participant there is; locked in the order of their ids."""
    rows = lock(participant_ids)
    moment = max(moment for _, moment in rows)
    return list(load([participant_id for participant_id, _ in rows], moment).values()), moment


def load(participant_ids: Sequence[UUID], moment: datetime) -> dict[UUID, Person]:
    """These participants as they count at this moment, by their ids. Three statements, however many they are."""
    persons: dict[UUID, Person] = {}
    ids = id_list(participant_ids)
    for *own, attributes, profile, programs, enrolled in run(_PERSONS, [ids], at=participant_ids):
        person = Person(*own)
        person.attributes = exact_json.loads_stored(attributes)
        person.profile = dict(zip(READ_OF_PROFILE, profile, strict=True))
        person.enrolled_at = dict(zip(programs or (), enrolled or (), strict=True))
        persons[person.id] = person
    for participant_id, key, *counter in run(_COUNTERS, [ids], at=participant_ids):
        persons[participant_id].counters[key] = windows.stored(*counter)
    for participant_id, track_id, *held in run(_STANDINGS, [ids], at=participant_ids):
        persons[participant_id].standings[track_id] = Standing(*held)
    return persons


def write(persons: Iterable[Person], moment: datetime) -> None:
    """Write what has changed about these persons, who are locked, with its history."""
    touched = [person for person in persons if person.noted or person.touched_counters]
    if not touched:
        return
    tables = (
        [_own_row(person) for person in touched if person.is_changed],
        [row for person in touched for row in _counter_rows(person, moment)],
        [row for person in touched for row in _standing_rows(person)],
        [_history_row(person, row, moment) for person in touched for row in person.noted],
    )
    rows = [exact_json.dumps(table).decode() for table in tables]
    run(_WRITE, [moment, *rows], at=[person.id for person in touched])


def _own_row(person: Person) -> dict[str, Any]:
    return {"id": person.id, "tags": person.tags, "attributes": person.attributes}


def _counter_rows(person: Person, moment: datetime) -> Iterator[dict[str, Any]]:
    for key in person.touched_counters:
        own = {"id": uuid7(), "participant_id": person.id, "key": key}
        counter = person.counters.get(key)
        if counter is None:
            yield own
            continue
        window = counter.window
        length = window.reset_after
        yield {
            **own,
            "value": counter.value,
            "reset_after": length and f"{length // timedelta(seconds=1)} seconds",
            "reset": window.reset,
            "time_zone": window.time_zone,
            "last_reset_at": counter.began,
            "period_end": counter.ends if window.reset else None,
            "created_at": moment,
            "updated_at": moment,
        }


def _standing_rows(person: Person) -> Iterator[dict[str, Any]]:
    for track_id in person.touched_tracks:
        held = person.standings.get(track_id)
        yield {
            "id": uuid7(),
            "participant_id": person.id,
            "track_id": track_id,
            **(held._asdict() if held else {}),
        }


def _history_row(person: Person, row: HistoryRow, moment: datetime) -> dict[str, Any]:
    return {"id": uuid7(), "participant_id": person.id, "changed_at": moment, **row._asdict()}
