import contextlib
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Count, Sum

from participants import state
from participants.events import process
from participants.models import (
    Counter,
    Event,
    EventStatus,
    JournalEntry,
    Participant,
    TierStanding,
)
from programs import rulebook, tracks
from programs.models import Asset, AssetLink, Program, ProgramStatus
from tests.conftest import TESTER
from tests.participants.test_import_participants import Ended, most_memory, written

PEOPLE = settings.BASE_DIR.parent / "shared/data/cdnow_sample_participants.jsonl"
EVENTS = PEOPLE.with_name("cdnow_sample_events.jsonl")
UNKNOWN = "00000000-0000-7000-8000-000000000000"


def import_events(*arguments: object) -> Ended:
    return ended("import_events", *arguments)


def ended(command: str, *arguments: object) -> Ended:
    stdout, stderr = StringIO(), StringIO()
    code, complaint = 0, ""
    try:
        call_command(command, *map(str, arguments), stdout=stdout, stderr=stderr)
    except CommandError as error:
        code, complaint = error.returncode, str(error)
    return Ended(stdout.getvalue(), stderr.getvalue(), code, complaint)


def purchase(key: str, of: str = "ana", **more: Any) -> dict[str, Any]:
    return {
        "external_id": of,
        "idempotency_key": key,
        "event_timestamp": "2026-01-01T12:00:00Z",
        "event_data": {"amount": 12.5},
        **more,
    }


def keys() -> list[str]:
    """Of the events that are stored, in the order of their arrival."""
    return list(Event.objects.order_by("sequence").values_list("idempotency_key", flat=True))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def make_rule(program: Program, name: str, *actions: dict[str, Any], **more: Any) -> None:
    body = {"program_id": str(program.pk), "name": name, "condition": "true", **more}
    rulebook.create(rulebook.clean_new({**body, "actions": list(actions)}), by=TESTER)


@pytest.fixture
def counting(program: Program) -> Program:
    """A program that counts events, and whose rules fail for those without an amount."""
    count = {"type": "COUNTER", "key": "events", "value": "1"}
    make_rule(program, "Count", count)
    spend = {"type": "COUNTER", "key": "spent", "value": "event.amount"}
    make_rule(program, "Spend", spend)
    return program


# What a file may hold


def test_events_are_stored_in_the_order_of_the_lines_and_once(file: Path, program: Program) -> None:
    names = [f"{number}" for number in range(25)]
    written(file, *(purchase(name, of=f"p{int(name) % 3}") for name in names))

    first = import_events(file, "--program", program.pk, "--batch-size", 10)
    second = import_events(file, "--program", program.pk)

    assert first == Ended("stored 25, known 0, failed 0\n", "", 0)
    assert second == Ended("stored 0, known 25, failed 0\n", "", 0)
    assert keys() == names
    assert set(Event.objects.values_list("status", "created_by")) == {
        ("PENDING", "command:import_events")
    }


def test_a_line_may_name_its_own_program(file: Path, program: Program) -> None:
    other = Program.objects.create(name="Other")
    written(file, purchase("k"), purchase("k", program_id=str(other.pk)))

    import_events(file, "--program", program.pk)

    assert list(Event.objects.order_by("sequence").values_list("program", "idempotency_key")) == [
        (program.pk, "k"),
        (other.pk, "k"),
    ]


def test_a_line_that_stands_twice_is_one_event(file: Path, program: Program) -> None:
    written(file, purchase("a"), purchase("a"), purchase("b"), purchase("a"))

    told = [
        import_events(file, "--program", program.pk, *more).stdout
        for more in (["--dry-run", "--batch-size", 1], ["--dry-run"], ["--batch-size", 1])
    ]

    assert told == ["stored 2, known 2, failed 0\n"] * 3
    assert keys() == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "code", "field", "reason"),
    [
        (b'{"external_id": ', "bad_request", "body", "invalid"),
        (b"[]", "validation_failed", "body", "type"),
        (purchase("k", of=""), "validation_failed", "external_id", "blank"),
        (purchase(""), "validation_failed", "idempotency_key", "blank"),
        (purchase("k", event_data=[]), "validation_failed", "event_data", "type"),
        (purchase("k", event_timestamp="soon"), "validation_failed", "event_timestamp", "invalid"),
        (purchase("k", event_timestamp="2099-01-01T00:00:00Z"), "validation_failed", "event_timestamp", "future"),
        (purchase("k", program_id=UNKNOWN), "not_found", "program_id", "not_found"),
        (purchase("known", event_data={}), "idempotency_conflict", "idempotency_key", "idempotency_conflict"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_and_the_others_are_stored(
    file: Path, tmp_path: Path, program: Program, line: Any, code: str, field: str, reason: str
) -> None:
    written(file, purchase("known"), line, purchase("other"))
    errors = tmp_path / "errors.jsonl"

    told = import_events(file, "--program", program.pk)
    kept = import_events(file, "--program", program.pk, "--errors", errors)

    assert told.stdout == "stored 2, known 0, failed 1\n"
    assert told.stderr.startswith(f"line 2: {field} ({reason}): ")
    assert (told.code, told.complaint) == (1, "1 line(s) failed.")
    assert (kept.stdout, kept.stderr, kept.code) == ("stored 0, known 2, failed 1\n", "", 1)
    [error] = map(json.loads, errors.read_text().splitlines())
    assert told.stderr == f"line 2: {field} ({reason}): {error.pop('message')}\n"
    assert error == {"line": 2, "code": code, "field": field, "reason": reason}
    assert keys() == ["known", "other"]


def test_who_is_not_known_is_an_error_on_what_names_them(file: Path, program: Program) -> None:
    Program.objects.update(on_unknown_participant="REJECT")
    nobody = purchase("b", participant_id=UNKNOWN)
    del nobody["external_id"]
    written(file, purchase("a"), nobody)

    rejecting = import_events(file, "--program", program.pk)
    Program.objects.update(on_unknown_participant="CREATE")
    creating = import_events(file, "--program", program.pk)

    assert rejecting.stderr.startswith("line 1: external_id (unknown_participant): ")
    assert creating.stdout == "stored 1, known 0, failed 1\n"
    assert creating.stderr.startswith("line 2: participant_id (not_found): ")


@pytest.mark.parametrize("status", [ProgramStatus.SUSPENDED, ProgramStatus.ARCHIVED])
def test_a_program_that_takes_no_events_ends_the_import_before_it_begins(
    file: Path, program: Program, status: ProgramStatus
) -> None:
    Program.objects.update(status=status)
    written(file, purchase("a"))

    ended = import_events(file, "--program", program.pk)

    assert ended == Ended("", "", 1, f"The program {program.pk} is {status}; it takes no events.")
    assert not Participant.objects.exists()


def test_a_dry_run_counts_like_an_import_and_stores_nothing(file: Path, program: Program) -> None:
    state.apply(state.Change(), to="ana", by=TESTER, may_create=True)
    written(file, purchase("a"), b"{", purchase("b", of="eva"), purchase("a"))

    rehearsed = import_events(file, "--program", program.pk, "--dry-run")

    assert rehearsed.stdout == "stored 2, known 1, failed 1\n"
    assert keys() == []
    assert [participant.external_id for participant in Participant.objects.all()] == ["ana"]
    assert import_events(file, "--program", program.pk) == rehearsed


def test_a_dry_run_has_nothing_to_wait_for(file: Path, program: Program) -> None:
    written(file, purchase("a"))

    ended = import_events(file, "--program", program.pk, "--dry-run", "--wait")

    assert ended.complaint == "--dry-run stores nothing that --wait could wait for."
    assert keys() == []


# Waiting


def test_waiting_processes_the_events_and_counts_each_once(file: Path, counting: Program) -> None:
    broken = purchase("c", event_data={"amount": "a lot"})
    written(file, purchase("a"), purchase("b", of="eva"), broken, purchase("a"), b"{")

    first = import_events(file, "--program", counting.pk, "--wait")
    second = import_events(file, "--program", counting.pk, "--wait", "--batch-size", 1)

    assert first.stdout == "stored 3, known 1, failed 1\nprocessed: completed 2, failed 1\n"
    assert second.stdout == "stored 0, known 4, failed 1\nprocessed: completed 2, failed 1\n"
    assert first.code == 1  # for the line that is none; the event that failed is stored
    assert counted("events") == {"ana": 1, "eva": 1}


def counted(key: str) -> dict[str, int]:
    rows = Counter.objects.filter(key=key).values_list("participant__external_id", "value")
    return {external_id: int(value) for external_id, value in rows}


def test_waiting_goes_on_until_what_was_put_off_is_processed(file: Path, counting: Program) -> None:
    written(file, *(purchase(f"{number}") for number in range(3)))
    import_events(file, "--program", counting.pk)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE participants_event SET attempts = 1, next_attempt_at = clock_timestamp() + interval '1 second'"
            " WHERE idempotency_key = '0'"
        )
    began = time.monotonic()

    ended = import_events(file, "--program", counting.pk, "--wait")

    assert ended.stdout == "stored 0, known 3, failed 0\nprocessed: completed 3, failed 0\n"
    assert time.monotonic() - began > 0.8
    assert counted("events") == {"ana": 3}


def test_waiting_ends_though_events_of_others_wait_on(file: Path, counting: Program) -> None:
    written(file, purchase("theirs", of="eva"))
    import_events(file, "--program", counting.pk)
    Event.objects.update(next_attempt_at="2100-01-01T00:00:00Z")
    written(file, purchase("ours"))

    ended = import_events(file, "--program", counting.pk, "--wait")

    assert ended.stdout.endswith("processed: completed 1, failed 0\n")
    assert Event.objects.pending().count() == 1


def test_memory_does_not_grow_with_the_file(tmp_path: Path, counting: Program) -> None:
    def peak_of(lines: int) -> int:
        file = written(
            tmp_path / f"{lines}.jsonl",
            *(purchase(f"{lines}-{n}", of=f"p{n % 500}") for n in range(lines)),
        )
        with most_memory() as peak:
            ended = import_events(file, "--program", counting.pk, "--wait", "--batch-size", 500)
        assert ended.stdout.endswith(f"processed: completed {lines}, failed 0\n")
        return peak[0]

    peak_of(500)  # what is loaded once

    assert peak_of(5_000) < peak_of(1_000) + 2_000_000


def test_waiting_counts_those_of_all_batches(
    file: Path, counting: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "participants.management.commands.import_events"
    monkeypatch.setattr(f"{module}.AWAITED_AT_ONCE", 2)
    written(file, *(purchase(f"{n}", of=f"p{n}") for n in range(5)))

    ended = import_events(file, "--program", counting.pk, "--wait")

    assert ended.stdout.endswith("processed: completed 5, failed 0\n")


# From here on commands run as processes of their own, on the test's database.


@contextlib.contextmanager
def running(*command: object) -> Iterator[subprocess.Popen[bytes]]:
    url, _, options = os.environ["DATABASE_URL"].partition("?")
    url = f"{url.rpartition('/')[0]}/{connection.settings_dict['NAME']}?{options}"
    process = subprocess.Popen(
        [sys.executable, "manage.py", *map(str, command)],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def output(process: subprocess.Popen[bytes]) -> str:
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr.decode()
    return stdout.decode()


def wait_until(is_so: Any) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def completed() -> int:
    return Event.objects.filter(status=EventStatus.COMPLETED).count()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_an_import_that_is_killed_anywhere_ends_right_when_run_again(
    file: Path, counting: Program
) -> None:
    people, each = 50, 100
    written(
        file,
        *(purchase(f"{n}", of=f"p{n % people}", event_data={"amount": 1}) for n in range(people * each)),
    )  # fmt: skip
    command = ("import_events", file, "--program", counting.pk, "--wait", "--batch-size", 100)
    for is_so in (
        lambda: Event.objects.count() >= 1500,
        lambda: completed() >= 1,
        lambda: completed() >= 2500,
    ):
        with running(*command) as process:
            wait_until(is_so)
            process.kill()

    with running(*command) as process:
        told = output(process)

    stored = re.fullmatch(
        r"stored (\d+), known (\d+), failed 0\nprocessed: completed 5000, failed 0\n", told
    )
    assert stored
    assert int(stored[1]) + int(stored[2]) == 5000
    assert counted("events") == {f"p{n}": each for n in range(people)}
    assert counted("spent") == counted("events")


# Real purchases

needs_purchases = pytest.mark.skipif(
    not EVENTS.exists(), reason=f"{EVENTS.name} is not beside this project."
)
TOTALS = {
    "points": Decimal(239_444),
    "cash": Decimal("12208.59"),
    "spent": Decimal("244091.94"),
    "purchases": 6919,
    "levels": {"bronze": 539, "silver": 56, "gold": 20},
    "big spenders": 76,
    "cdnow-19339": ("6517", "6552.7", "56", "gold"),
}


@pytest.fixture
def shop(program: Program) -> Program:
    """A program that gives points and cash back, counts, raises, and tags who spends much."""
    points = Asset.objects.create(name="Points", symbol="POINTS", scale=0)
    cash = Asset.objects.create(name="Cash back", symbol="CASH", scale=2)
    for asset in (points, cash):
        AssetLink.objects.create(program=program, asset=asset)
    make_rule(
        program,
        "A point for each whole dollar",
        {"type": "CREDIT", "asset_id": str(points.pk), "amount": "event.amount"},
    )
    back = {"type": "CREDIT", "asset_id": str(cash.pk), "amount": "round(event.amount * 0.05, 2)"}
    make_rule(program, "Cash back", back)
    make_rule(
        program,
        "Count",
        {"type": "COUNTER", "key": "purchases", "value": "1"},
        {"type": "COUNTER", "key": "spent", "value": "event.amount"},
        condition='event.type == "purchase"',
    )
    make_rule(
        program,
        "Big spenders",
        {"type": "TAG", "tag": "big-spender"},
        condition="participant.counters.spent > 500.0",
    )
    levels = [
        {
            "key": key,
            "rank": rank,
            "display_name": key.capitalize(),
            "qualification": {"mode": "ALL", "criteria": [criterion(threshold)]},
            "benefits": [],
        }
        for rank, (key, threshold) in enumerate(
            [("bronze", "100"), ("silver", "500"), ("gold", "1000")], 1
        )
    ]
    track = {"key": "status", "display_name": "Status", "levels": levels}
    tracks.create(program.pk, tracks.clean_new(track), by=TESTER)
    return program


def criterion(threshold: str) -> dict[str, str]:
    return {"counter": "spent", "operator": ">=", "threshold": threshold}


def totals() -> dict[str, Any]:
    """What the purchases have come to, read from the journal, the counters, the tiers and the people."""
    issued = JournalEntry.objects.order_by().values_list("asset__symbol").annotate(Sum("amount"))
    amounts = dict(issued)
    counters = dict(Counter.objects.order_by().values_list("key").annotate(Sum("value")))
    levels = TierStanding.objects.order_by().values_list("level").annotate(Count("id"))
    return {
        "points": amounts["POINTS"],
        "cash": amounts["CASH"],
        "spent": counters["spent"],
        "purchases": counters["purchases"],
        "levels": dict(levels),
        "big spenders": Participant.objects.filter(tags__contains=["big-spender"]).count(),
        "cdnow-19339": holds("cdnow-19339"),
    }


def holds(external_id: str) -> tuple[str, ...]:
    """Points, money spent, purchases and level."""
    person = Participant.objects.get(external_id=external_id)
    counters = dict(person.counters.values_list("key", "value"))
    points = person.balances.get(asset__symbol="POINTS").available
    level = person.tier_standings.get().level
    numbers = (points, counters["spent"], counters["purchases"])
    return (*(f"{number.normalize():f}" for number in numbers), level)


def shuffled(file: Path) -> Path:
    """The purchases in another order across people; each person's own order stays."""
    lines: dict[str, list[bytes]] = {}
    for line in EVENTS.read_bytes().splitlines():
        lines.setdefault(json.loads(line)["external_id"], []).append(line)
    order = [external_id for external_id, own in lines.items() for _ in own]
    random.Random(7).shuffle(order)
    own = {external_id: iter(theirs) for external_id, theirs in lines.items()}
    return written(file, *(next(own[external_id]) for external_id in order))


@needs_purchases
@pytest.mark.slow
def test_real_purchases_come_to_the_exact_totals_and_once(shop: Program) -> None:
    people = ended("import_participants", PEOPLE, "--program", shop.pk)
    first = import_events(EVENTS, "--program", shop.pk, "--wait")
    after_first = totals()

    second = import_events(EVENTS, "--program", shop.pk, "--wait")

    processed = "processed: completed 6919, failed 0\n"
    assert people.stdout == "created 2357, updated 0, failed 0\n"
    assert first == Ended(f"stored 6919, known 0, failed 0\n{processed}", "", 0)
    assert second == Ended(f"stored 0, known 6919, failed 0\n{processed}", "", 0)
    assert after_first == TOTALS
    assert totals() == TOTALS
    assert ended("verify_ledger").code == 0


@needs_purchases
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_four_workers_at_once_come_to_the_same_totals_in_another_order(
    shop: Program, file: Path
) -> None:
    ended("import_participants", PEOPLE, "--program", shop.pk)

    with contextlib.ExitStack() as started:
        workers = [
            started.enter_context(running("process_events", "--batch", 50)) for _ in range(3)
        ]
        importing = started.enter_context(
            running("import_events", shuffled(file), "--program", shop.pk, "--wait")
        )
        told = output(importing)
        for worker in workers:
            worker.terminate()
            output(worker)

    assert told == "stored 6919, known 0, failed 0\nprocessed: completed 6919, failed 0\n"
    assert totals() == TOTALS
    assert ended("verify_ledger").code == 0


@needs_purchases
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_four_workers_work_off_what_waits_already_to_the_same_totals(shop: Program) -> None:
    import_events(EVENTS, "--program", shop.pk)

    with contextlib.ExitStack() as started:
        workers = [
            started.enter_context(running("process_events", "--once", "--batch", 100))
            for _ in range(4)
        ]
        for worker in workers:
            output(worker)
    left = process.process_batch().events

    assert left == 0
    assert totals() == TOTALS
    assert ended("verify_ledger").code == 0
