"""Events as they come in: one in a call, and a hundred, against the naive way and the floor."""

import itertools
import json
from collections.abc import Callable, Iterator

from tests.benchmarks.bench import CONNECTIONS, Bench
from tests.benchmarks.client import Address, Connection, connect, drive, request
from tests.benchmarks.likeness import Post, sent, sent_together
from tests.benchmarks.measure import Outcome, Round, interleaved, ratio
from tests.benchmarks.people import Body
from tests.benchmarks.server import WORKERS

PATHS = {
    "Laurel": "/v1/events",
    "naive": "/benchmarks/naive/events",
    "floor": "/v1/benchmarks/floor/events",
}
BATCH_PATHS = {"Laurel's batch": "/v1/events/batch", "naive loop": "/benchmarks/naive/events/batch"}
BATCH = 100


def scenario(bench: Bench) -> Iterator[Outcome]:
    connections = connect(bench.address, count=CONNECTIONS, workers=WORKERS)
    _expect_likeness(bench, connections[0])
    measured = interleaved(
        {name: posts(bench, path, connections) for name, path in PATHS.items()}, bench.pace
    )
    yield Outcome(
        "Single events of known, enrolled participants",
        measured,
        [
            ratio(measured, "Laurel", "naive", must=4),
            ratio(measured, "Laurel", "floor", must=0.75, aim=0.95),
        ],
    )
    yield _batches(bench, connections[0])


def posts(
    bench: Bench, path: str, connections: list[Connection], *, known: int | None = None
) -> Callable[[float], Round]:
    """Single events over HTTP, each with a new key."""

    def requests() -> Iterator[bytes]:
        for body in bench.events(known=known):
            yield request(path, json.dumps(body).encode(), key=bench.key)

    return lambda seconds: drive(connections, [requests() for _ in connections], seconds)


def posts_to(bench: Bench, address: Address, *, known: int) -> Callable[[float], Round]:
    """The same, to Laurel at this address, on connections of its own."""
    connections = connect(address, count=CONNECTIONS, workers=WORKERS)
    return posts(bench, PATHS["Laurel"], connections, known=known)


def _batches(bench: Bench, connection: Connection) -> Outcome:
    def variant(path: str) -> Callable[[float], Round]:
        def requests() -> Iterator[bytes]:
            events = bench.events()
            while True:
                body = {"events": list(itertools.islice(events, BATCH))}
                yield request(path, json.dumps(body).encode(), key=bench.key)

        return lambda seconds: drive(
            [connection], [requests()], seconds, people=BATCH, expected=b'"error_count":0'
        )

    measured = interleaved({name: variant(path) for name, path in BATCH_PATHS.items()}, bench.pace)
    return Outcome(
        f"Batches of {BATCH} events, on one connection",
        measured,
        [ratio(measured, *BATCH_PATHS, must=19, aim=30)],
    )


def _expect_likeness(bench: Bench, connection: Connection) -> None:
    """Refuse to compare variants that answer differently or write other rows."""

    def post_to(path: str) -> Post:
        def post(body: Body) -> tuple[int, bytes]:
            answer = connection.ask(request(path, json.dumps(body).encode(), key=bench.key))
            return answer.status, answer.body

        return post

    stories = [
        sent(post_to(path), f"sent-{name}", bench.program_id) for name, path in PATHS.items()
    ]
    batches = [
        sent_together(post_to(path), f"sent together-{name}", bench.program_id)
        for name, path in BATCH_PATHS.items()
    ]
    for each in (stories, batches):
        if any(story != each[0] for story in each):
            raise RuntimeError(f"The ways of storing an event are not alike: {each}")
