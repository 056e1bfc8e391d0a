"""A thousand upserts in a call, against as many naive calls one after another."""

import itertools
import json
from collections.abc import Iterator

from tests.benchmarks.bench import Bench
from tests.benchmarks.client import Connection, drive, request
from tests.benchmarks.measure import Outcome, Round, interleaved, ratio
from tests.benchmarks.people import Mix

BATCH = 1000


def scenario(bench: Bench) -> Iterator[Outcome]:
    connection = Connection(bench.address)

    def batches() -> Iterator[bytes]:
        people = bench.people(Mix.HALF_NEW)
        while True:
            body = {"participants": list(itertools.islice(people, BATCH))}
            yield request("/v1/participants/batch", json.dumps(body).encode(), key=bench.key)

    def calls() -> Iterator[bytes]:
        for body in bench.people(Mix.HALF_NEW):
            yield request("/benchmarks/naive", json.dumps(body).encode(), key=bench.key)

    def in_batches(seconds: float) -> Round:
        whole = b'"error_count":0'
        return drive([connection], [batches()], seconds, people=BATCH, expected=whole)

    def one_by_one(seconds: float) -> Round:
        return drive([connection], [calls()], seconds)

    measured = interleaved({"Laurel's batch": in_batches, "naive loop": one_by_one}, bench.pace)
    yield Outcome(
        f"Batches of {BATCH:,}, {Mix.HALF_NEW}; participants on one connection",
        measured,
        [ratio(measured, "Laurel's batch", "naive loop", must=40, aim=90)],
    )
