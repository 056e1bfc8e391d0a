"""Many people and events: how much memory takes their import, and how much of the rates is left when they are there."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from tests.benchmarks import backlogs, databases, importing, server, workers
from tests.benchmarks.backlogs import Backlog
from tests.benchmarks.bench import CONNECTIONS, Bench
from tests.benchmarks.client import Address, connect, drive, request
from tests.benchmarks.measure import Figure, Outcome, Round, interleaved, ratio
from tests.benchmarks.people import Mix
from tests.benchmarks.scenarios.events import posts_to
from tests.benchmarks.scenarios.processing import EVENTS, PEOPLE, sized, worked_off


def scenario(bench: Bench) -> Iterator[Outcome]:
    with databases.copied(bench.empty, to=f"{bench.database}_many") as many:
        done = importing.fill(many, bench.many, bench.program_id)
        yield Outcome(
            f"Import of {bench.many:,} people",
            figures=[
                Figure("peak memory", done.peak_megabytes, "MB", must=300, at_most=True),
                Figure("people in a second", bench.many / done.seconds, ""),
            ],
        )
        databases.settle(bench.database, many)
        yield _upserts(bench, many)
        with bench.another("few", people=bench.known) as few:
            yield _filled(bench, few, many)
            yield from _events(bench, few, many)


def _upserts(bench: Bench, many: str) -> Outcome:
    with server.running(many) as address:
        names = (f"{bench.many:,} people", f"{bench.known:,} people")
        measured = interleaved(
            {
                names[1]: _upserting(bench, bench.address, known=bench.known),
                names[0]: _upserting(bench, address, known=bench.many),
            },
            bench.pace,
        )
    return Outcome(
        f"Single upserts, {Mix.HALF_NEW}, by the size of the database",
        measured,
        [ratio(measured, *names, must=0.5, aim=0.8)],
    )


def _upserting(bench: Bench, address: Address, *, known: int) -> Callable[[float], Round]:
    connections = connect(address, count=CONNECTIONS, workers=server.WORKERS)

    def requests() -> Iterator[bytes]:
        for body in bench.people(Mix.HALF_NEW, known=known):
            yield request("/v1/participants", json.dumps(body).encode(), key=bench.key)

    return lambda seconds: drive(connections, [requests() for _ in connections], seconds)


def _filled(bench: Bench, few: str, many: str) -> Outcome:
    """Give the many people a balance, a counter and a past, whose outcomes are what an event comes to among the few."""
    begin = time.perf_counter()
    with databases.connect(few) as session, workers.hired(few) as hand:
        backlog = Backlog(session, bench.program_id, known=bench.known)
        backlog.add(10, people=10)
        hand.work("Laurel")
        outcome = backlog.outcome()
    with databases.connect(many) as session:
        backlogs.give(many, session, bench.program_id)
        backlogs.fill_past(
            session, bench.past, program_id=bench.program_id, known=bench.many, outcome=outcome
        )
        databases.settle(few, many)
        megabytes = backlogs.megabytes(session)
    lasted = time.perf_counter() - begin
    figures = [
        Figure("filled in", lasted, "s"),
        Figure("events on disk, with their indexes", megabytes, "MB"),
        Figure("of an event", megabytes * 1e6 / bench.past, "bytes"),
    ]
    return Outcome(f"A past of {bench.past:,} events of {bench.many:,} people", figures=figures)


def _events(bench: Bench, few: str, many: str) -> Iterator[Outcome]:
    old, young = f"{bench.past:,} events before", "none before"
    sizes = {young: (few, bench.known), old: (many, bench.many)}
    with ExitStack() as stack:
        working = {}
        for name, (database, known) in sizes.items():
            session = stack.enter_context(databases.connect(database))
            hand = stack.enter_context(workers.hired(database))
            backlog = Backlog(session, bench.program_id, known=known)
            working[name] = _working(hand, backlog, people=min(PEOPLE, bench.known // 2))
        measured = interleaved(working, bench.pace)
        yield Outcome(
            "Events worked off, by the size of the database; latencies of a backlog, the worker's CPU",
            measured,
            [ratio(measured, old, young, must=0.45, aim=0.8)],
        )
        posting = {
            name: posts_to(bench, stack.enter_context(server.running(database)), known=known)
            for name, (database, known) in sizes.items()
        }
        measured = interleaved(posting, bench.pace)
        yield Outcome(
            "Single events, by the size of the database",
            measured,
            [ratio(measured, old, young, must=0.45, aim=0.8)],
        )


def _working(hand: workers.Hand, backlog: Backlog, *, people: int) -> Callable[[float], Round]:
    return lambda seconds: worked_off(hand, backlog, sized(EVENTS, seconds), people)
