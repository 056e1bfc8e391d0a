"""What the database alone takes: the upsert's statement without HTTP, prepared, on connections of its own, a thread for each;
and the rows that events leave behind, written in SQL without a look at any rule.
"""

import time
from collections import Counter as Counts
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
from psycopg import RawCursor

from participants.events.process import BATCH
from participants.models import Balance, Counter, Event, JournalEntry, StateChange
from participants.state import upsert
from participants.state.changes import clean_upsert
from programs.kernel import exact_json
from programs.kernel.database import uuid7
from tests.benchmarks import databases
from tests.benchmarks.measure import Round
from tests.benchmarks.people import Body

Waiting = tuple[UUID, UUID]  # an event, and whose it is

# The very text that Laurel sends; no other module has a use for it.
STATEMENT = upsert._STATEMENTS["external_id", True].sql


class Sessions:
    """Connections that keep the prepared statement from round to round."""

    def __init__(self, database: str, count: int) -> None:
        self.connections = [databases.connect(database) for _ in range(count)]

    def drive(self, bodies: Sequence[Iterator[Body]], seconds: float) -> Round:
        cpu_before = time.process_time()
        begin = time.perf_counter()
        with ThreadPoolExecutor(len(self.connections)) as threads:
            deadlines = [begin + seconds] * len(self.connections)
            latencies = list(threads.map(_run, self.connections, bodies, deadlines))
        lasted = time.perf_counter() - begin
        client_cpu = (time.process_time() - cpu_before) / lasted
        return Round(lasted, [one for each in latencies for one in each], 0, 1, client_cpu)

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


def _run(
    connection: psycopg.Connection[Any], bodies: Iterator[Body], deadline: float
) -> list[float]:
    latencies = []
    cursor = RawCursor(connection)
    while (begin := time.perf_counter()) < deadline:
        row = upsert._row(0, "external_id", *clean_upsert(next(bodies)))
        cursor.execute(
            STATEMENT, [exact_json.dumps([row]).decode(), "command:sql", True, True, True, ""]
        )
        cursor.fetchall()
        latencies.append(time.perf_counter() - begin)
    return latencies


# Told which events wait, it looks for none and locks nobody; what it writes is of the same size everywhere. As Laurel does,
# it writes a participant's balance and counter once for all of their events in a transaction.
_WRITE_EVENTS = f"""
WITH taken AS MATERIALIZED (
    SELECT given.id, given.new_id, event.participant_id, event.program_id, balance.asset_id, turn,
        balance.available + 2.5 * turn AS available, balance.last_sequence + turn AS sequence,
        turn = max(turn) OVER (PARTITION BY event.participant_id) AS is_last
    FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS given (id, new_id, turn)
        JOIN {Event._meta.db_table} AS event ON event.id = given.id
        JOIN {Balance._meta.db_table} AS balance ON balance.participant_id = event.participant_id AND balance.asset_id = $4
),
finished AS (
    UPDATE {Event._meta.db_table} AS event
    SET status = 'COMPLETED', outcome = $5::jsonb, next_attempt_at = NULL, processed_at = now()
    FROM taken WHERE event.id = taken.id
),
entered AS (
    INSERT INTO {JournalEntry._meta.db_table} (
        id, participant_id, sequence, asset_id, program_id, source, destination, amount, available, held, deferred,
        description, event_id, rule_id, created_by, created_at, entry_hash
    )
    SELECT new_id, participant_id, sequence, asset_id, program_id, 'ISSUANCE', 'AVAILABLE', 2.5, available, 0, 0,
        'Stars for each purchase', id, program_id, 'rule:Stars for each purchase v1', now(), $6
    FROM taken
),
balanced AS (
    INSERT INTO {Balance._meta.db_table} (
        id, participant_id, asset_id, available, held, deferred, overdrawn, last_sequence
    )
    SELECT new_id, participant_id, asset_id, available, 0, 0, false, sequence FROM taken WHERE is_last
    ON CONFLICT (participant_id, asset_id) DO UPDATE
    SET available = EXCLUDED.available, held = EXCLUDED.held, deferred = EXCLUDED.deferred,
        overdrawn = EXCLUDED.overdrawn, last_sequence = EXCLUDED.last_sequence
),
counted AS (
    INSERT INTO {Counter._meta.db_table} AS counter (
        id, participant_id, key, value, last_reset_at, created_at, updated_at
    )
    SELECT new_id, participant_id, 'visits', turn, now(), now(), now() FROM taken WHERE is_last
    ON CONFLICT (participant_id, key) DO UPDATE
    SET value = counter.value + EXCLUDED.value, reset_after = EXCLUDED.reset_after,
        last_reset_at = counter.last_reset_at, updated_at = EXCLUDED.updated_at
)
INSERT INTO {StateChange._meta.db_table} (
    id, participant_id, state_type, key, operation, old_value, new_value, changed_by, event_id, rule_id, program_id,
    changed_at
)
SELECT new_id, participant_id, 'counter', 'visits', 'CHANGE', '"17"', '"18"', 'rule:Count visits to the shop v1', id,
    program_id, program_id, now()
FROM taken
"""


def write_events(
    session: psycopg.Connection[Any], events: Sequence[Waiting], asset_id: UUID, outcome: str
) -> float:
    """Write what these events would leave behind, in transactions as large as Laurel's; how many seconds that took."""
    batches = [_parameters(events[at : at + BATCH]) for at in range(0, len(events), BATCH)]
    cursor = RawCursor(session)
    begin = time.perf_counter()
    for batch in batches:
        # Planned each time, as tables grow.
        cursor.execute(_WRITE_EVENTS, [*batch, asset_id, outcome, bytes(32)], prepare=False)
        if cursor.rowcount != len(batch[0]):
            raise RuntimeError(f"{cursor.rowcount} rows of history were written.")
    return time.perf_counter() - begin


def _parameters(events: Sequence[Waiting]) -> tuple[list[UUID], list[UUID], list[int]]:
    """The ids of the events, as many new ones, and for each event how many of its participant are there up to it."""
    turns: Counts[UUID] = Counts()
    numbers = []
    for _, participant_id in events:
        turns[participant_id] += 1
        numbers.append(turns[participant_id])
    return [event_id for event_id, _ in events], [uuid7() for _ in events], numbers
