"""Value: a credit in a call, answers about people who hold much, pages of a long history, and the check of all of it."""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.utils import timezone

from participants import state
from participants.ledger import verify
from participants.models import Balance, Counter, JournalEntry, Participant, TierStanding
from programs.kernel.actors import Actor, ActorKind
from programs.models import Asset, AssetLink, TierLevel, TierTrack
from tests.benchmarks import databases, journals
from tests.benchmarks.bench import CONNECTIONS, Bench
from tests.benchmarks.client import Connection, connect, drive, get, request
from tests.benchmarks.importing import PEAK_MEMORY
from tests.benchmarks.likeness import moved
from tests.benchmarks.measure import Figure, Outcome, Pace, Round, interleaved, ratio
from tests.benchmarks.people import STEP
from tests.benchmarks.server import PROJECT, WORKERS, environment

PATHS = {
    "Laurel": "/v1/participants/{}/balances/adjust",
    "naive": "/benchmarks/naive/credit/{}",
}
ENTRIES = 30  # of each person, to be checked
COUNTERS, TIERS, ASSETS = 50, 5, 20
SHORT = 100

_BY = Actor(ActorKind.COMMAND, "benchmarks")


def scenario(bench: Bench) -> Iterator[Outcome]:
    points = _asset(bench, "POINTS")
    yield _check(bench, points)
    connections = connect(bench.address, count=CONNECTIONS, workers=WORKERS)
    _expect_likeness(bench, points, connections[0])
    yield _credits(bench, points, connections)
    yield _answers(bench, connections)
    yield _pages(bench, points, connections)


def _asset(bench: Bench, symbol: str) -> Asset:
    asset = Asset.objects.create(name=symbol.title(), symbol=symbol, scale=2)
    AssetLink.objects.create(program_id=bench.program_id, asset=asset)
    return asset


def _check(bench: Bench, points: Asset) -> Outcome:
    """verify_ledger against the least that could be done with as many rows: to read them."""
    each = ENTRIES if bench.known >= 10_000 else 3
    journals.fill(
        bench.database, "customer-", each, asset_id=points.pk, program_id=bench.program_id
    )
    databases.settle(bench.database)
    count = JournalEntry.objects.count()

    def check(_: float) -> Round:
        begin = time.perf_counter()
        faults = sum(1 for _ in verify.faults())
        lasted = time.perf_counter() - begin
        return Round(lasted, [lasted], min(faults, 1), count, 0)

    def stream(_: float) -> Round:
        begin = time.perf_counter()
        with databases.connect(bench.database) as session, session.transaction():
            rows = session.cursor("rows")
            rows.itersize = verify.FETCHED_AT_ONCE
            rows.execute(f"SELECT * FROM {JournalEntry._meta.db_table}")
            read = sum(1 for _ in rows)
        lasted = time.perf_counter() - begin
        return Round(lasted, [lasted], int(read != count), count, 0)

    pace = Pace(min(bench.pace.rounds, 5), bench.pace.seconds)
    measured = interleaved({"verify_ledger": check, "psycopg reads them": stream}, pace)
    return Outcome(
        f"The check of {count:,} journal entries; entries in a second",
        measured,
        [
            # At most four times the time.
            ratio(measured, "verify_ledger", "psycopg reads them", must=0.25, aim=1),
            Figure("verify_ledger, peak memory", _peak(bench), "MB", must=150, at_most=True),
        ],
    )


def _peak(bench: Bench) -> float:
    done = subprocess.run(
        [sys.executable, PEAK_MEMORY, sys.executable, "manage.py", "verify_ledger"],
        cwd=PROJECT,
        env=environment(bench.database),
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout) / 1_000_000


def _credits(bench: Bench, points: Asset, connections: list[Connection]) -> Outcome:
    known = Participant.objects.filter(external_id__startswith="customer-")
    people = list(known.values_list("pk", flat=True)[: bench.known])
    series = itertools.count()

    def variant(path: str) -> Callable[[float], Round]:
        def requests() -> Iterator[bytes]:
            first = next(series)
            for count in itertools.count():
                who = people[(first * 1_000 + count) * STEP % len(people)]
                body = _credit(bench, points, "1.25")
                yield request(path.format(who), json.dumps(body).encode(), key=bench.key)

        return lambda seconds: drive(connections, [requests() for _ in connections], seconds)

    measured = interleaved({name: variant(path) for name, path in PATHS.items()}, bench.pace)
    return Outcome("Single credits", measured, [ratio(measured, "Laurel", "naive", must=4, aim=6)])


def _credit(bench: Bench, asset: Asset, amount: str) -> dict[str, str]:
    return {
        "program_id": str(bench.program_id),
        "asset_id": str(asset.pk),
        "type": "CREDIT",
        "amount": amount,
        "description": "Purchase of 2026-11-23",
    }


def _answers(bench: Bench, connections: list[Connection]) -> Outcome:
    empty, full = _person(bench, "empty"), _person(bench, "full")
    _give(bench, full)
    names = (f"{COUNTERS} counters, {TIERS} tiers", "nothing")
    expected = (b'"counter_0"', b'"counters"')
    measured = interleaved(
        {
            name: _reading(bench, connections, f"/v1/participants/{who}", expected=part)
            for name, who, part in zip(names, (full, empty), expected, strict=True)
        },
        bench.pace,
    )
    return Outcome(
        f"A participant with {COUNTERS} counters, {TIERS} tiers and {ASSETS} assets",
        measured,
        [ratio(measured, *names, must=1 / 1.5, aim=0.8)],  # at most 1.5 times the time
    )


def _person(bench: Bench, name: str) -> UUID:
    enrolled = state.Change(program_id=bench.program_id)
    return state.change(enrolled, to=name, by=_BY, rights=state.ALL_RIGHTS).participant_id


def _give(bench: Bench, who: UUID) -> None:
    now = timezone.now()
    for number in range(COUNTERS):
        Counter.objects.create(
            participant_id=who,
            key=f"counter_{number}",
            value=Decimal(number) / 4,
            reset_after=timedelta(days=30) if number % 2 else None,
            last_reset_at=now,
        )
    for number in range(TIERS):
        track = TierTrack.objects.create(program_id=bench.program_id, key=f"track_{number}")
        TierLevel.objects.create(track=track, key="gold", rank=3)
        TierStanding.objects.create(participant_id=who, track=track, level="gold", acquired_at=now)
    for number in range(ASSETS):
        Balance.objects.create(
            participant_id=who,
            asset=_asset(bench, f"ASSET{number}"),
            available=Decimal("1234.50"),
            held=Decimal(number),
            deferred=Decimal(0),
            last_sequence=1,
        )


def _pages(bench: Bench, points: Asset, connections: list[Connection]) -> Outcome:
    """The newest page of a short and of a long history, and the oldest of the long one."""
    long = max(bench.many, SHORT * 2)
    people = {
        f"{count:,} entries": (_person(bench, f"history-{count}"), count) for count in (SHORT, long)
    }
    for who, count in people.values():
        journals.fill_one(
            bench.database, who, count, asset_id=points.pk, program_id=bench.program_id
        )
    databases.settle(bench.database)
    paths = {
        name: f"/v1/participants/{who}/activity/history?limit=50"
        for name, (who, _) in people.items()
    }
    short, many = paths
    paths["its oldest page"] = f"{paths[many]}&sort_dir=asc"
    measured = interleaved(
        {
            name: _reading(bench, connections, path, expected=b'"has_more":true')
            for name, path in paths.items()
        },
        bench.pace,
    )
    return Outcome(
        "Pages of 50 of a participant's history",
        measured,
        [ratio(measured, each, short, must=0.8) for each in (many, "its oldest page")],
    )


def _reading(
    bench: Bench, connections: list[Connection], path: str, *, expected: bytes
) -> Callable[[float], Round]:
    question = get(path, key=bench.key)
    return lambda seconds: drive(
        connections, [itertools.repeat(question) for _ in connections], seconds, expected=expected
    )


def _expect_likeness(bench: Bench, points: Asset, connection: Connection) -> None:
    """Refuse to compare variants that answer differently or write another entry."""

    def post_to(path: str) -> Callable[[dict[str, object]], tuple[int, bytes]]:
        def post(body: dict[str, object]) -> tuple[int, bytes]:
            answer = connection.ask(request(path, json.dumps(body).encode(), key=bench.key))
            return answer.status, answer.body

        return post

    stories = {}
    for name, path in PATHS.items():
        who = _person(bench, f"moved-{name}")
        stories[name] = moved(post_to(path.format(who)), who, points.pk, bench.program_id)
    if stories["naive"] != stories["Laurel"]:
        raise RuntimeError(f"The naive way does not do what Laurel does: {stories}")
