import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from participants.models import Enrollment, Participant, StateChange
from programs.models import Program, ProgramStatus
from tests.participants.management.imports import Ended, import_participants, most_memory, written

CDNOW = settings.BASE_DIR.parent / "shared/data/cdnow_sample_participants.jsonl"
UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.jsonl"


@pytest.mark.skipif(not CDNOW.exists(), reason=f"{CDNOW.name} is not beside this project.")
def test_real_customers_are_imported_once_and_read_back_whole(api: APIClient) -> None:
    first = import_participants(CDNOW)
    state = list(Participant.objects.values_list("id", "updated_at"))
    changes = StateChange.objects.count()

    second = import_participants(CDNOW)

    assert first == Ended("created 2357, updated 0, failed 0\n", "", 0)
    assert second == Ended("created 0, updated 2357, failed 0\n", "", 0)
    assert list(Participant.objects.values_list("id", "updated_at")) == state
    assert StateChange.objects.count() == changes
    given = [json.loads(line)["external_id"] for line in CDNOW.read_text().splitlines()]
    assert sorted(read_back(api)) == sorted(given)


def read_back(api: APIClient) -> Iterator[str]:
    """Every external_id that the API lists, page by page."""
    query = {"limit": "200"}
    while True:
        page = api.get("/v1/participants", query).json()
        yield from (row["external_id"] for row in page["data"])
        if not page["pagination"]["has_more"]:
            return
        query["cursor"] = page["pagination"]["next_cursor"]


def test_an_import_is_in_the_history(db: None, file: Path) -> None:
    written(file, {"external_id": "ana", "tags": ["vip"]})

    import_participants(file)

    assert set(StateChange.objects.values_list("state_type", "changed_by")) == {
        ("status", "command:import_participants"),
        ("tag", "command:import_participants"),
    }


@pytest.mark.parametrize("batch_size", [1, 2, 1000])
def test_lines_about_one_person_apply_in_their_order(db: None, file: Path, batch_size: int) -> None:
    written(
        file,
        {"external_id": "ana", "tags": ["first"], "attributes": {"a": 1}},
        {"external_id": "bea"},
        {"external_id": "ana", "tags": ["second"], "attributes": {"b": 2}},
        {"external_id": "ana", "tags": ["third"]},
    )

    ended = import_participants(file, "--batch-size", batch_size)

    ana = Participant.objects.get(external_id="ana")
    assert ended == Ended("created 2, updated 2, failed 0\n", "", 0)
    assert ana.tags == ["third"]
    assert ana.attributes == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("line", "code", "field", "reason"),
    [
        (b'{"external_id": ', "bad_request", "body", "invalid"),
        (b'{"external_id": "\xff"}', "bad_request", "body", "invalid"),
        (b'{"external_id": "\\u0000"}', "bad_request", "body", "invalid"),
        (b'{"external_id": "x", "external_id": "y"}', "bad_request", "body", "invalid"),
        (b"[" * 100_000, "bad_request", "body", "invalid"),
        (b'["external_id"]', "validation_failed", "body", "type"),
        (b'{"email": "ana@example.com"}', "validation_failed", "external_id", "required"),
        (b'{"external_id": ["x"]}', "validation_failed", "external_id", "type"),
        (b'{"external_id": " "}', "validation_failed", "external_id", "blank"),
        (b'{"external_id": "x", "email": "no"}', "validation_failed", "email", "invalid"),
        (b'{"external_id": "x", "tags": ["a", 1]}', "validation_failed", "tags[1]", "type"),
        (b'{"external_id": "x", "counters": {}}', "validation_failed", "counters", "read_only"),
        (
            b'{"external_id": "x", "program_id": "%s"}' % UNKNOWN.encode(),
            "not_found",
            "program_id",
            "not_found",
        ),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_stored(
    db: None, file: Path, tmp_path: Path, line: bytes, code: str, field: str, reason: str
) -> None:
    written(file, {"external_id": "ana"}, line, {"external_id": "bea"})

    told = import_participants(file)
    kept = import_participants(file, "--errors", tmp_path / "errors.jsonl")

    assert told.stdout == "created 2, updated 0, failed 1\n"
    assert told.stderr.startswith(f"line 2: {field} ({reason}): ")
    assert (told.code, told.complaint) == (1, "1 line(s) failed.")
    assert (kept.stdout, kept.stderr, kept.code) == ("created 0, updated 2, failed 1\n", "", 1)
    [error] = map(json.loads, (tmp_path / "errors.jsonl").read_text().splitlines())
    message = error.pop("message")
    assert error == {"line": 2, "code": code, "field": field, "reason": reason}
    assert told.stderr == f"line 2: {field} ({reason}): {message}\n"
    assert set(Participant.objects.values_list("external_id", flat=True)) == {"ana", "bea"}


def test_each_refused_field_of_a_line_is_named_in_the_order_of_the_lines(
    db: None, file: Path
) -> None:
    written(file, {"external_id": "ana", "email": "no", "tags": 3}, b"{", {"external_id": "bea"})

    ended = import_participants(file)

    assert ended.stdout == "created 1, updated 0, failed 2\n"
    assert ended.stderr == (
        "line 1: tags (type): Give a list of strings.\n"
        "line 1: email (invalid): This is not an e-mail address.\n"
        "line 2: body (invalid): The text is not JSON: Expecting property name enclosed in double quotes at column 2.\n"
    )


def test_a_field_name_cannot_steer_the_terminal(db: None, file: Path) -> None:
    written(file, {"external_id": "ana", "\x1b[2J\nline 9": 1})

    ended = import_participants(file)

    assert ended.stderr == "line 1: '\\x1b[2J\\nline 9' (unknown): There is no such field here.\n"


def test_byte_order_mark_windows_line_ends_and_blank_lines_do_no_harm(db: None, file: Path) -> None:
    file.write_bytes(
        b'\xef\xbb\xbf{"external_id": "ana"}\r\n\r\n \t\n{"external_id": "bea"}\r\n{\r\n{"external_id": "cleo"}'
    )

    ended = import_participants(file)

    assert ended.stdout == "created 3, updated 0, failed 1\n"
    assert ended.stderr.startswith("line 5: ")


def test_a_line_may_be_as_long_as_a_body_and_no_longer(db: None, file: Path) -> None:
    spaces = settings.BODY_LIMIT - len(b'{"external_id":"ana"}')
    longest, longer, longer_still = (
        b'{"external_id":"ana"%s}' % (b" " * (spaces + more)) for more in (0, 1, 100_000)
    )
    file.write_bytes(b"\r\n".join([longest, longer, longest, longer_still, longest]))

    ended = import_participants(file)

    assert ended.stdout == "created 1, updated 2, failed 2\n"
    assert ended.stderr == (
        "line 2: body (too_long): A line may have at most 1,000,000 bytes.\n"
        "line 4: body (too_long): A line may have at most 1,000,000 bytes.\n"
    )


def test_memory_does_not_grow_with_a_line_that_never_ends(db: None, file: Path) -> None:
    with file.open("wb") as text:
        text.write(b'{"external_id": "ana"}\n')
        text.seek(200_000_000, os.SEEK_CUR)  # NULs that take no room on the disk
        text.write(b'\n{"external_id": "bea"}\n')

    with most_memory() as peak:
        ended = import_participants(file)

    assert ended.stdout == "created 2, updated 0, failed 1\n"
    assert ended.stderr == "line 2: body (too_long): A line may have at most 1,000,000 bytes.\n"
    assert peak[0] < 10_000_000


def test_memory_does_not_grow_with_many_long_lines(db: None, file: Path) -> None:
    long = {"attributes": {"a": "x" * 900_000}}
    written(file, *({"external_id": f"{number}", **long} for number in range(40)))

    with most_memory() as peak:
        ended = import_participants(file)

    assert ended.stdout == "created 0, updated 0, failed 40\n"
    assert peak[0] < 10_000_000


def test_a_program_enrols_those_whose_line_names_none(file: Path, program: Program) -> None:
    other = Program.objects.create(name="Other")
    written(file, {"external_id": "ana"}, {"external_id": "bea", "program_id": str(other.id)})

    ended = import_participants(file, "--program", program.id)

    assert ended.code == 0
    assert set(Enrollment.objects.values_list("participant__external_id", "program")) == {
        ("ana", program.id),
        ("bea", other.id),
    }


@pytest.mark.parametrize("status", [ProgramStatus.SUSPENDED, ProgramStatus.ARCHIVED])
def test_a_program_that_takes_nobody_ends_the_import_before_it_begins(
    file: Path, program: Program, status: ProgramStatus
) -> None:
    Program.objects.update(status=status)
    written(file, {"external_id": "ana"})

    ended = import_participants(file, "--program", program.id)

    assert ended == Ended(
        "", "", 1, f"The program {program.id} is {status}; it takes no enrollments."
    )
    assert not Participant.objects.exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (UNKNOWN, f"There is no program {UNKNOWN}."),
        ("club", "--program takes the UUID of a program, not 'club'."),
        ("", "--program takes the UUID of a program, not ''."),
    ],
)
def test_a_program_that_is_none_ends_the_import_before_it_begins(
    db: None, file: Path, text: str, complaint: str
) -> None:
    written(file, {"external_id": "ana"})

    ended = import_participants(file, "--program", text)

    assert ended == Ended("", "", 1, complaint)
    assert not Participant.objects.exists()


@pytest.mark.parametrize("batch_size", [1, 2, 1000])
def test_a_dry_run_counts_like_an_import_and_stores_nothing(
    file: Path, participant: Participant, batch_size: int
) -> None:
    written(
        file,
        {"external_id": "ana", "tags": ["vip"]},
        {"external_id": "bea"},
        {"external_id": "bea", "program_id": UNKNOWN},
        {"external_id": "cleo"},
        {"external_id": "bea", "tags": ["vip"]},
        {"external_id": "bea", "tags": 1},
    )
    changes = StateChange.objects.count()

    rehearsed = import_participants(file, "--dry-run", "--batch-size", batch_size)

    assert rehearsed.stdout == "created 2, updated 2, failed 2\n"
    assert Participant.objects.get() == participant
    assert Participant.objects.get().tags == []
    assert StateChange.objects.count() == changes
    assert import_participants(file, "--batch-size", batch_size) == rehearsed


def test_two_dry_runs_of_one_process_count_the_same(db: None, file: Path) -> None:
    written(file, {"external_id": "ana"})

    ended = [import_participants(file, "--dry-run") for _ in range(2)]

    assert [one.stdout for one in ended] == ["created 1, updated 0, failed 0\n"] * 2


def test_the_errors_file_may_not_be_the_file_that_is_read(db: None, file: Path) -> None:
    written(file, {"external_id": "ana"})

    ended = import_participants(file, "--errors", file)

    assert ended == Ended("", "", 1, "--errors would overwrite the file that is to be read.")
    assert file.read_text() == '{"external_id": "ana"}\n'


def test_a_file_that_cannot_be_opened_is_named(db: None, file: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere/errors.jsonl"

    missing = import_participants(file)
    folder = import_participants(tmp_path)
    unwritable = import_participants(written(file, {"external_id": "ana"}), "--errors", nowhere)

    assert missing.complaint.endswith(f"No such file or directory: '{file}'")
    assert folder.complaint.endswith(f"Is a directory: '{tmp_path}'")
    assert unwritable.complaint.endswith(f"No such file or directory: '{nowhere}'")
    assert {missing.code, folder.code, unwritable.code} == {1}
    assert not Participant.objects.exists()


@pytest.mark.parametrize("batch_size", [0, -1, 10_001])
def test_a_batch_size_has_bounds(db: None, file: Path, batch_size: int) -> None:
    ended = import_participants(file, f"--batch-size={batch_size}")

    assert ended == Ended("", "", 1, "--batch-size takes 1 to 10000.")
