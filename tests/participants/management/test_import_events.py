import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from participants import state
from participants.models import Counter, Event, EventStatus, Participant
from programs.models import Program, ProgramStatus
from tests.conftest import TESTER
from tests.participants.management.importing_events import import_events, make_rule, output, running
from tests.participants.management.imports import Ended, most_memory, written

UNKNOWN = "00000000-0000-7000-8000-000000000000"


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


@pytest.fixture
def counting(program: Program) -> Program:
    """A program that counts events, and whose rules fail for those without an amount."""
    count = {"type": "COUNTER", "key": "events", "value": "1"}
    make_rule(program, "Count", count)
    spend = {"type": "COUNTER", "key": "spent", "value": "event.amount"}
    make_rule(program, "Spend", spend)
    return program


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
    state.change(state.Change(), to="ana", by=TESTER, rights=state.ALL_RIGHTS)
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

    processed = "processed: completed 3, failed 0, with rule errors 1\n"
    assert first.stdout == f"stored 3, known 1, failed 1\n{processed}"
    assert second.stdout == f"stored 0, known 4, failed 1\n{processed}"
    assert first.code == 1  # for the line that is none; the event that failed is stored
    assert counted("events") == {"ana": 2, "eva": 1}


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
