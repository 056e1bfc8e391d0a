"""The import of participants as a process of its own: piped, killed, interrupted."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from participants.models import Participant, StateChange
from tests.participants.management.imports import import_participants


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.jsonl"


def people(count: int) -> bytes:
    """Lines of new people; each of them takes three rows of history."""
    return b"".join(
        b'{"external_id": "p%d", "tags": ["vip"], "attributes": {"a": 1}}\n' % number
        for number in range(count)
    )


@contextlib.contextmanager
def importing(
    *arguments: object, stderr: int = subprocess.PIPE
) -> Iterator[subprocess.Popen[bytes]]:
    url, _, options = os.environ["DATABASE_URL"].partition("?")
    url = f"{url.rpartition('/')[0]}/{connection.settings_dict['NAME']}?{options}"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "import_participants", *map(str, arguments)],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def feed(process: subprocess.Popen[bytes], lines: bytes) -> None:
    stdin = process.stdin
    assert stdin is not None
    stdin.write(lines)
    stdin.flush()


def wait_for(count: int) -> None:
    """Until so many participants are stored."""
    deadline = time.monotonic() + 30
    while Participant.objects.count() < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.django_db(transaction=True)
def test_standard_input_is_read_from_a_pipe() -> None:
    with importing("-") as process:
        stdout, stderr = process.communicate(people(3) + b"{\n")

    assert process.returncode == 1
    assert stdout == b"created 3, updated 0, failed 1\n"
    assert stderr.startswith(b"line 4: body (invalid): ")
    assert Participant.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_an_import_that_is_killed_half_way_ends_right_when_run_again(file: Path) -> None:
    file.write_bytes(people(4000))
    with importing(file, "--batch-size", 100) as process:
        wait_for(1)
        process.kill()
    with connection.cursor() as cursor:
        # In one statement, since the server may still be finishing what it was sent.
        cursor.execute(
            "SELECT (SELECT count(*) FROM participants_participant), (SELECT count(*) FROM participants_statechange)"
        )
        stored, changes = cursor.fetchone()

    again = import_participants(file)

    assert 0 < stored < 4000
    assert stored % 100 == 0
    assert changes == 3 * stored
    counts = re.fullmatch(r"created (\d+), updated (\d+), failed 0\n", again.stdout)
    assert counts
    assert int(counts[1]) + int(counts[2]) == 4000
    assert int(counts[2]) >= stored
    assert Participant.objects.count() == 4000
    assert StateChange.objects.count() == 3 * 4000


def counted_of_200(stdout: bytes) -> int:
    """How many the import told of: we may see its second hundred before it has counted them itself."""
    counted = 200 if stdout.startswith(b"created 200,") else 100
    assert stdout == b"created %d, updated 0, failed 0\n" % counted
    return counted


@pytest.mark.django_db(transaction=True)
def test_an_interrupt_ends_with_the_counts_so_far() -> None:
    with importing("-", "--batch-size", 100) as process:
        feed(process, people(250))
        wait_for(200)
        process.send_signal(signal.SIGINT)
        process.wait(
            30
        )  # `communicate` would end the input, and an import that is slow to hear of the signal with it
        stdout, stderr = process.communicate()

    counted = counted_of_200(stdout)
    assert process.returncode == 130
    assert stderr == (
        b"CommandError: Interrupted after line %d (done up to there; run it again for the rest).\n"
        % counted
    )


@pytest.mark.django_db(transaction=True)
def test_a_lost_database_ends_with_the_last_line_that_was_stored() -> None:
    with importing("-", "--batch-size", 100) as process:
        feed(process, people(250))
        wait_for(200)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        stdout, stderr = process.communicate(people(100))

    assert process.returncode == 1
    assert stderr.startswith(b"CommandError: Stopped after line %d (" % counted_of_200(stdout))
    assert b"Traceback" not in stderr


@pytest.mark.django_db(transaction=True)
def test_a_terminal_sees_the_progress(file: Path) -> None:
    file.write_bytes(people(3) + b"{\n")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))

    with importing(file, stderr=theirs) as process:
        stdout, _ = process.communicate()
    os.close(theirs)

    seen = everything_on(ours)
    assert stdout == b"created 3, updated 0, failed 1\n"
    assert b"100%" in seen
    assert b"line 4: body (invalid): " in seen


def everything_on(terminal: int) -> bytes:
    seen = b""
    # Linux tells the end of a terminal as an error.
    with contextlib.suppress(OSError), open(terminal, "rb", buffering=0) as reader:
        while part := reader.read(4096):
            seen += part
    return seen
