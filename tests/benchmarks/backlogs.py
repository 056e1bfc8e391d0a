"""Events made in SQL: those that wait to be worked off, and a long past of those that were."""

from typing import Any
from uuid import UUID

import psycopg

from participants.models import Counter, Event, Participant
from programs.kernel.database import UUID7_SQL
from programs.models import Asset
from tests.benchmarks import journals
from tests.benchmarks.people import STEP
from tests.benchmarks.purchases import SYMBOL, data_of_many

Session = psycopg.Connection[Any]

EVENT = Event._meta.db_table
_PARTICIPANT = Participant._meta.db_table
_CHUNK = 250_000
_DATA, _PARAMETERS = data_of_many()

# In turns: the first event of each of the people, then the second of each.
_WAITING = f"""
INSERT INTO {EVENT} (id, program_id, participant_id, idempotency_key, event_timestamp, data, created_by, created_at)
SELECT {UUID7_SQL.format(moment="moment")}, %(program)s, person.id, gen_random_uuid()::text, moment, {_DATA},
    'command:benchmarks', moment
FROM generate_series(0, %(count)s - 1) AS number
    CROSS JOIN LATERAL (SELECT now() + number * interval '1 microsecond' AS moment) AS clock
    JOIN {_PARTICIPANT} AS person
        ON person.external_id = 'customer-' || mod((%(offset)s + mod(number, %(people)s)) * {STEP}::bigint, %(known)s)
ORDER BY number
"""
# Over a year, and by whoever it was: of one person they lie far apart.
_PAST = f"""
INSERT INTO {EVENT} (
    id, program_id, participant_id, idempotency_key, event_timestamp, data, created_by, created_at, status, outcome,
    processed_at
)
SELECT {UUID7_SQL.format(moment="moment")}, %(program)s, person.id, gen_random_uuid()::text, moment, {_DATA},
    'command:benchmarks', moment, 'COMPLETED', %(outcome)s::jsonb, moment + interval '0.1 seconds'
FROM generate_series(%(first)s, %(last)s - 1) AS number
    CROSS JOIN LATERAL (
        SELECT now() - interval '1 hour' - (%(count)s - number) * (interval '365 days' / %(count)s) AS moment
    ) AS clock
    JOIN {_PARTICIPANT} AS person ON person.external_id = 'customer-' || mod(number * {STEP}::bigint, %(known)s)
ORDER BY number
"""
_COUNTERS = f"""
INSERT INTO {Counter._meta.db_table} (id, participant_id, key, value, last_reset_at)
SELECT gen_random_uuid(), id, 'visits', 1, now() FROM {_PARTICIPANT}
"""


def give(database: str, session: Session, program_id: UUID) -> None:
    """Give everybody what an event of theirs changes: a journal entry, a balance and a counter."""
    journals.fill(database, "customer-", 1, asset_id=asset_in(session), program_id=program_id)
    session.execute(_COUNTERS)


def asset_in(session: Session) -> UUID:
    found = session.execute(
        f"SELECT id FROM {Asset._meta.db_table} WHERE symbol = %s", [SYMBOL]
    ).fetchone()
    assert found is not None
    asset_id: UUID = found[0]
    return asset_id


class Backlog:
    """The queue of a database that holds `known` people: always somebody else's events wait, until everybody had a turn."""

    def __init__(self, session: Session, program_id: UUID, *, known: int) -> None:
        self.session, self.program_id, self.known = session, program_id, known
        self._offset = 0

    def add(self, events: int, *, people: int) -> None:
        """Let so many events wait, of so many people in turns."""
        stored = self.session.execute(
            _WAITING,
            {
                **_PARAMETERS,
                "program": self.program_id,
                "count": events,
                "offset": self._offset,
                "people": people,
                "known": self.known,
            },
        )
        if stored.rowcount != events:
            raise RuntimeError(f"{stored.rowcount} events were stored, not {events}.")
        self._offset = (self._offset + people) % self.known

    def waiting(self) -> list[tuple[UUID, UUID]]:
        """The events that wait and whose they are, from participant to participant, of each in the order of arrival."""
        return self.session.execute(
            f"SELECT id, participant_id FROM {EVENT} WHERE status = 'PENDING' ORDER BY participant_id, sequence"
        ).fetchall()

    def is_worked_off(self) -> bool:
        """Whether none waits, and none has failed or has rule errors."""
        row = self.session.execute(
            f"SELECT EXISTS (SELECT FROM {EVENT} WHERE status = 'PENDING')"
            f" OR EXISTS (SELECT FROM {EVENT} WHERE status = 'FAILED')"
            f" OR EXISTS (SELECT FROM {EVENT} WHERE failed_rule_ids IS NOT NULL)"
        ).fetchone()
        return row == (False,)

    def outcome(self) -> str:
        """What the newest event came to, as JSON."""
        row = self.session.execute(
            f"SELECT outcome::text FROM {EVENT} WHERE status = 'COMPLETED' ORDER BY created_at DESC LIMIT 1"
        ).fetchone()
        assert row is not None
        return str(row[0])


def fill_past(session: Session, count: int, *, program_id: UUID, known: int, outcome: str) -> None:
    """Store so many events that were worked off, each with this outcome. Indexes are made afterwards: minutes, not hours."""
    session.execute("SET synchronous_commit = off")
    session.execute("SET maintenance_work_mem = '256MB'")
    made_again = _drop_indexes(session)
    for first in range(0, count, _CHUNK):
        session.execute(
            _PAST,
            {
                **_PARAMETERS,
                "program": program_id,
                "outcome": outcome,
                "first": first,
                "last": min(first + _CHUNK, count),
                "count": count,
                "known": known,
            },
        )
    for statement in (*made_again, "RESET synchronous_commit", "RESET maintenance_work_mem"):
        session.execute(statement)


def _drop_indexes(session: Session) -> list[str]:
    """Drop what each new event would be checked by and noted in, but the primary key; what makes all of it again."""
    constraints = session.execute(
        """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conrelid = %s::regclass AND contype IN ('u', 'f')""",
        [EVENT],
    ).fetchall()
    for name, _ in constraints:
        session.execute(f"ALTER TABLE {EVENT} DROP CONSTRAINT {name}")
    indexes = session.execute(
        """SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid = %s::regclass AND NOT indisprimary""",
        [EVENT],
    ).fetchall()
    for name, _ in indexes:
        session.execute(f"DROP INDEX {name}")
    return [
        *(f"ALTER TABLE {EVENT} ADD CONSTRAINT {name} {text}" for name, text in constraints),
        *(text for _, text in indexes),
    ]


def leave_unvacuumed(
    session: Session, count: int, *, program_id: UUID, known: int, outcome: str
) -> None:
    """The same, but worked off so recently that what was the queue is still full of them: nothing vacuums it."""
    session.execute(f"ALTER TABLE {EVENT} SET (autovacuum_enabled = off)")
    Backlog(session, program_id, known=known).add(count, people=known)
    session.execute(
        f"UPDATE {EVENT} SET status = 'COMPLETED', outcome = %s::jsonb, processed_at = now() WHERE status = 'PENDING'",
        [outcome],
    )


def megabytes(session: Session) -> float:
    """What all events take on disk."""
    row = session.execute("SELECT pg_total_relation_size(%s::regclass)", [EVENT]).fetchone()
    assert row is not None
    return int(row[0]) / 1_000_000
