"""Events worked off: by Laurel's worker, by a naive one and as mere rows; how soon, and past how long a history.

A backlog is stored before each turn and worked off whole, on a database of its own. Of five rules each event meets two that
match: a CREDIT and a COUNTER.
"""

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from tests.benchmarks import backlogs, databases, server, sql, workers
from tests.benchmarks.backlogs import Backlog, Session
from tests.benchmarks.bench import Bench
from tests.benchmarks.client import Connection, request
from tests.benchmarks.likeness import left
from tests.benchmarks.measure import Figure, Measured, Outcome, Round, interleaved, ratio
from tests.benchmarks.purchases import dear_event, event
from tests.benchmarks.scenarios.events import BATCH, BATCH_PATHS, PATHS
from tests.benchmarks.workers import Hand

EVENTS = 5_000  # in a round of a second
NAIVE_EVENTS = 200  # which takes about as long
PEOPLE = 1_000
HOT = 1_000
LATENCIES = 200
QUEUE = 1_000
DEAR = 1_000
BESIDE_DEAR = 200


def scenario(bench: Bench) -> Iterator[Outcome]:
    with bench.another("events", people=bench.known) as database:
        with databases.connect(database) as session, workers.hired(database) as hand:
            backlog = Backlog(session, bench.program_id, known=bench.known)
            statements = _expect_likeness(session, backlog, hand)
            yield _work(bench, session, backlog, hand, statements)
            yield _hot(bench, session, backlog, hand)
        yield _latency(bench, database)
        yield _beside_dear(bench, database)
    yield _claims(bench)


def worked_off(
    hand: Hand, backlog: Backlog, events: int, people: int, *, way: str = "Laurel"
) -> Round:
    """Store a backlog and have it worked off; the storing is not counted. The CPU is the worker's."""
    backlog.add(events, people=people)
    worked = hand.work(way)
    is_wrong = worked.done != events or not backlog.is_worked_off()
    return Round(worked.seconds, [worked.seconds], int(is_wrong), events, worked.cpu)


def sized(events: int, seconds: float) -> int:
    return max(int(events * seconds), 10)


def written_off(session: Session, backlog: Backlog, events: int, people: int) -> Round:
    """The same, by nothing but the rows that are written."""
    asset_id, outcome = backlogs.asset_in(session), backlog.outcome()
    backlog.add(events, people=people)
    lasted = sql.write_events(session, backlog.waiting(), asset_id, outcome)
    return Round(lasted, [lasted], int(not backlog.is_worked_off()), events, 0)


def _work(
    bench: Bench, session: Session, backlog: Backlog, hand: Hand, statements: list[Figure]
) -> Outcome:
    people = min(PEOPLE, bench.known // 2)

    def by_laurel(seconds: float) -> Round:
        return worked_off(hand, backlog, sized(EVENTS, seconds), people)

    def naively(seconds: float) -> Round:
        return worked_off(hand, backlog, sized(NAIVE_EVENTS, seconds), people, way="naive")

    def in_sql(seconds: float) -> Round:
        return written_off(session, backlog, sized(EVENTS, seconds), people)

    measured = interleaved({"Laurel": by_laurel, "naive": naively, "pure SQL": in_sql}, bench.pace)
    return Outcome(
        f"Events of {people:,} people worked off by one worker; latencies of a backlog, the worker's CPU",
        measured,
        [
            ratio(measured, "Laurel", "naive", must=40, aim=70),
            ratio(measured, "Laurel", "pure SQL", must=0.25, aim=0.5),
            *statements,
        ],
    )


def _hot(bench: Bench, session: Session, backlog: Backlog, hand: Hand) -> Outcome:
    """A thousand events of one participant against one each of a thousand."""
    hot, spread = "all of one", "one each"
    people = min(HOT, bench.known)
    measured = interleaved(
        {
            hot: lambda _: worked_off(hand, backlog, people, 1),
            spread: lambda _: worked_off(hand, backlog, people, people),
            "one each, pure SQL": lambda _: written_off(session, backlog, people, people),
        },
        bench.pace,
    )
    return Outcome(
        f"A hot participant: {people:,} events; latencies of a backlog, the worker's CPU",
        measured,
        [ratio(measured, hot, spread, must=1), ratio(measured, spread, "one each, pure SQL")],
    )


def _latency(bench: Bench, database: str) -> Outcome:
    """From the 202 to the moment when somebody else sees the event completed, with one worker that has nothing else to do."""
    most = min(LATENCIES, sized(LATENCIES, bench.pace.rounds * bench.pace.seconds / 10))
    measured = {}
    with (
        server.running(database) as address,
        databases.connect(database) as session,
        workers.waiting(database),
    ):
        connection = Connection(address)
        for name, pause, count in (
            ("20 to 100 ms apart", (0.02, 0.1), most),
            # Longer than a worker stays awake after the last one.
            ("0.3 to 0.9 s apart", (0.3, 0.9), most // 4 + 1),
        ):
            _seen(bench, connection, session, name)  # the first call of a process takes longer
            latencies = []
            begin = time.perf_counter()
            for _ in range(count):
                time.sleep(random.uniform(*pause))
                latencies.append(_seen(bench, connection, session, name))
            lasted = time.perf_counter() - begin
            measured[name] = Measured([Round(lasted, latencies, 0, 1, 0)])
    return Outcome("From the 202 to COMPLETED, one idle worker", measured)


def _beside_dear(bench: Bench, database: str) -> Outcome:
    """The same, while very many dear events of another program wait for the same worker."""
    longest = bench.pace.rounds * bench.pace.seconds
    count = min(BESIDE_DEAR, sized(BESIDE_DEAR, longest / 15))
    # More than the worker gets done meanwhile, however short this is.
    dear = min(DEAR, 10 * count)
    name = f"beside {dear:,} dear events of another program"
    with (
        server.running(database) as address,
        databases.connect(database) as session,
        workers.waiting(database),
    ):
        connection = Connection(address)
        _seen(bench, connection, session, name)
        for first in range(0, dear, BATCH):
            who = range(first, min(first + BATCH, dear))
            bodies = [dear_event(f"customer-{n % bench.known}", bench.dear_id) for n in who]
            body = json.dumps({"events": bodies}).encode()
            answer = connection.ask(request(BATCH_PATHS["Laurel's batch"], body, key=bench.key))
            if b'"error_count":0' not in answer.body:
                raise RuntimeError(f"{name}: {answer}")
        latencies = []
        begin = time.perf_counter()
        for _ in range(count):
            time.sleep(random.uniform(0.02, 0.5))
            latencies.append(_seen(bench, connection, session, name))
        lasted = time.perf_counter() - begin
        left = f"SELECT count(*) FROM {backlogs.EVENT} WHERE program_id = %s AND status = 'PENDING'"
        if session.execute(left, [bench.dear_id]).fetchone() == (0,):
            raise RuntimeError("The dear events were all processed meanwhile.")
        session.execute(f"DELETE FROM {backlogs.EVENT} WHERE status = 'PENDING'")
    measured = {name: Measured([Round(lasted, latencies, 0, 1, 0)])}
    p99 = measured[name].latency(99) / 1000
    return Outcome(
        "From the 202 to COMPLETED, one busy worker",
        measured,
        [Figure("p99 beside dear events", p99, "s", must=1, at_most=True)],
    )


def _seen(bench: Bench, connection: Connection, session: Session, name: str) -> float:
    number = random.randrange(bench.known)
    body = event(f"customer-{number}", bench.program_id, number)
    answer = connection.ask(request(PATHS["Laurel"], json.dumps(body).encode(), key=bench.key))
    begin = time.perf_counter()
    if answer.status != 202:
        raise RuntimeError(f"{name}: {answer}")
    of = [json.loads(answer.body)["id"]]
    state = f"SELECT status FROM {backlogs.EVENT} WHERE id = %s"
    while (row := session.execute(state, of).fetchone()) == ("PENDING",):
        if time.perf_counter() - begin > 30:
            raise RuntimeError(f"{name}: the worker does not work.")
        time.sleep(0.0005)
    if row != ("COMPLETED",):
        raise RuntimeError(f"{name}: {row}")
    return time.perf_counter() - begin


def _claims(bench: Bench) -> Outcome:
    """Finding and locking whose events wait, past how many that were worked off: long ago, or since the last vacuum."""
    recent = max(bench.many // 10, 1)
    pasts: dict[str, tuple[Callable[..., None], int]] = {
        "an empty past": (backlogs.fill_past, 0),
        f"{bench.many:,} completed": (backlogs.fill_past, bench.many),
        f"{recent:,} unvacuumed": (backlogs.leave_unvacuumed, recent),
    }
    people = 2 * QUEUE
    with ExitStack() as stack:
        variants: dict[str, Callable[[float], Round]] = {}
        vacuumed = []
        for name, (fill, past) in pasts.items():
            place = f"queue_{len(variants)}"
            database = stack.enter_context(bench.another(place, people=people))
            hand = stack.enter_context(workers.hired(database))
            with databases.connect(database) as session:
                backlog = Backlog(session, bench.program_id, known=people)
                backlog.add(10, people=10)
                hand.work("Laurel")
                described = {"program_id": bench.program_id, "known": people}
                fill(session, past, **described, outcome=backlog.outcome())
                backlog.add(QUEUE, people=QUEUE)
            if fill is backlogs.fill_past:
                vacuumed.append(database)
            variants[name] = _claiming(hand)
        databases.settle(*vacuumed)
        measured = interleaved(variants, bench.pace)
    empty, long_ago, lately = pasts
    return Outcome(
        f"Claims for a batch, of {QUEUE:,} participants whose events wait, by the past; latencies of a round",
        measured,
        [ratio(measured, long_ago, empty, must=0.8), ratio(measured, lately, empty)],
    )


def _claiming(hand: Hand) -> Callable[[float], Round]:
    def turn(seconds: float) -> Round:
        worked = hand.work("claim", seconds=seconds)
        return Round(worked.seconds, [worked.seconds], 0, worked.done, worked.cpu)

    return turn


def _expect_likeness(session: Session, backlog: Backlog, hand: Hand) -> list[Figure]:
    """Refuse to compare workers that leave different rows behind. How many statements each of them sends for an event."""
    traces, figures = {}, []
    for way in ("Laurel", "naive"):
        backlog.add(20, people=10)
        event_ids = [event_id for event_id, _ in backlog.waiting()]
        hand.work(way)
        traces[way] = left(session, event_ids)
    if traces["naive"] != traces["Laurel"]:
        raise RuntimeError(f"The naive worker does not do what Laurel does: {traces}")
    backlog.add(20, people=20)
    waiting = backlog.waiting()
    sql.write_events(session, waiting, backlogs.asset_in(session), backlog.outcome())
    mere_rows = {
        name: len(rows) for name, rows in left(session, [each for each, _ in waiting]).items()
    }
    if set(mere_rows.values()) != {20}:
        raise RuntimeError(f"Pure SQL does not write the rows of 20 events: {mere_rows}")
    for way, events in (("Laurel", 1_000), ("naive", 20)):
        backlog.add(events, people=min(events, 500))
        worked = hand.work(way, counts=True)
        name = f"statements for an event, {way}"
        figures.append(Figure(name, worked.statements / worked.done, "", at_most=True))
    return figures
