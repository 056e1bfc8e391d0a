"""The upsert's statement by itself, without HTTP: prepared, on connections of its own, a thread for each."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from psycopg import RawCursor

from participants.state import write
from participants.state.changes import clean_upsert
from programs import exact_json
from tests.benchmarks import databases
from tests.benchmarks.measure import Round
from tests.benchmarks.people import Body

# The very text that Laurel sends; no other module has a use for it.
STATEMENT = write._STATEMENTS["external_id", True]


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
        row = write._row(0, "external_id", *clean_upsert(next(bodies)))
        cursor.execute(STATEMENT, [exact_json.dumps([row]).decode(), "command:sql", True, True])
        cursor.fetchall()
        latencies.append(time.perf_counter() - begin)
    return latencies
