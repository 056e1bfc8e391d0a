"""Many people: how much memory takes their import, and how much of the rate is left when they are there."""

import json
from collections.abc import Callable, Iterator

from tests.benchmarks import databases, importing, server
from tests.benchmarks.bench import CONNECTIONS, Bench
from tests.benchmarks.client import Address, connect, drive, request
from tests.benchmarks.measure import Figure, Outcome, Round, interleaved, ratio
from tests.benchmarks.people import Mix


def scenario(bench: Bench) -> Iterator[Outcome]:
    done = importing.fill(bench.empty, bench.many, bench.program_id)
    yield Outcome(
        f"Import of {bench.many:,} people",
        figures=[
            Figure("peak memory", done.peak_megabytes, "MB", must=300, at_most=True),
            Figure("people in a second", bench.many / done.seconds, ""),
        ],
    )
    databases.settle(bench.database, bench.empty)
    with server.running(bench.empty) as address:
        few, many = f"{bench.known:,} people", f"{bench.many:,} people"
        measured = interleaved(
            {
                few: _upserts(bench, bench.address, known=bench.known),
                many: _upserts(bench, address, known=bench.many),
            },
            bench.pace,
        )
    yield Outcome(
        f"Single upserts, {Mix.HALF_NEW}, by the size of the database",
        measured,
        [ratio(measured, many, few, must=0.5, aim=0.8)],
    )


def _upserts(bench: Bench, address: Address, *, known: int) -> Callable[[float], Round]:
    connections = connect(address, count=CONNECTIONS, workers=server.WORKERS)

    def requests() -> Iterator[bytes]:
        for body in bench.people(Mix.HALF_NEW, known=known):
            yield request("/v1/participants", json.dumps(body).encode(), key=bench.key)

    return lambda seconds: drive(connections, [requests() for _ in connections], seconds)
