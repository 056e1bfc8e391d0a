"""One upsert in a call, against the naive way, the floor and the statement by itself."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing

from tests.benchmarks.bench import CONNECTIONS, Bench
from tests.benchmarks.client import Connection, connect, drive, request
from tests.benchmarks.likeness import told
from tests.benchmarks.measure import Outcome, Round, interleaved, ratio
from tests.benchmarks.people import Mix
from tests.benchmarks.server import WORKERS
from tests.benchmarks.sql import Sessions

PATHS = {
    "Laurel": "/v1/participants",
    "naive": "/benchmarks/naive",
    "floor": "/v1/benchmarks/floor",
}
TARGETS = {(Mix.HALF_NEW, "naive"): (5, 7), (Mix.HALF_NEW, "floor"): (0.75, 0.95)}


def scenario(bench: Bench) -> Iterator[Outcome]:
    connections = connect(bench.address, count=CONNECTIONS, workers=WORKERS)
    _expect_likeness(bench, connections[0])
    with closing(Sessions(bench.database, CONNECTIONS)) as sessions:
        for mix in (Mix.HALF_NEW, Mix.NEW, Mix.CHANGED, Mix.UNCHANGED):
            yield _outcome(bench, mix, connections, sessions)


def _outcome(bench: Bench, mix: Mix, connections: list[Connection], sessions: Sessions) -> Outcome:
    variants = {name: _over_http(bench, mix, path, connections) for name, path in PATHS.items()}
    variants["pure SQL"] = _in_sql(bench, mix, sessions)
    measured = interleaved(variants, bench.pace)
    figures = [
        ratio(measured, "Laurel", other, must=must, aim=aim)
        for other in ("naive", "floor", "pure SQL")
        for must, aim in [TARGETS.get((mix, other), (None, None))]
    ]
    return Outcome(f"Single upserts, {mix}", measured, figures)


def _over_http(
    bench: Bench, mix: Mix, path: str, connections: list[Connection]
) -> Callable[[float], Round]:
    def requests() -> Iterator[bytes]:
        for body in bench.people(mix):
            yield request(path, json.dumps(body).encode(), key=bench.key)

    return lambda seconds: drive(connections, [requests() for _ in connections], seconds)


def _in_sql(bench: Bench, mix: Mix, sessions: Sessions) -> Callable[[float], Round]:
    return lambda seconds: sessions.drive(
        [bench.people(mix) for _ in sessions.connections], seconds
    )


def _expect_likeness(bench: Bench, connection: Connection) -> None:
    """Refuse to compare variants that answer differently or write another history."""

    def post_to(path: str) -> Callable[[dict[str, object]], tuple[int, bytes]]:
        def post(body: dict[str, object]) -> tuple[int, bytes]:
            answer = connection.ask(request(path, json.dumps(body).encode(), key=bench.key))
            return answer.status, answer.body

        return post

    stories = {name: told(post_to(path), name, bench.program_id) for name, path in PATHS.items()}
    for name, story in stories.items():
        if story != stories["Laurel"]:
            raise RuntimeError(f"{name} does not do what Laurel does.")
