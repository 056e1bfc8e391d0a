"""Import of people from JSON Lines: for each line what POST /v1/participants does, in the order of the lines."""

import codecs
import contextlib
import os
import stat
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, connection, reset_queries, transaction
from tqdm import tqdm

from participants import state
from participants.state.write import Outcome
from programs import exact_json
from programs.actors import Actor, ActorKind
from programs.database import retried
from programs.exceptions import DomainError, FieldError
from programs.models import Program, ProgramStatus

Stored = state.Result | DomainError
Store = Callable[[list[object], UUID | None], list[Stored]]

LARGEST_BATCH = 10_000
# Long lines fill a batch before many do, so that memory does not depend on what the lines hold.
BATCH_BYTES = 1_000_000
_BY = Actor(ActorKind.COMMAND, "import_participants")


class LineTooLong(DomainError):
    code = "payload_too_large"


class Command(BaseCommand):
    help = (
        "Reads people from JSON Lines, each line as the body of POST /v1/participants, and creates or updates them in "
        'the order of the lines. Ends with the counts on standard output ("created 2357, updated 0, failed 0"; updated '
        "are also those of whom nothing had to change), and with 1 if a line failed, with 130 if interrupted. May be "
        "stopped at any moment and run again: a person is stored whole or not at all, and twice is the same as once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", metavar="FILE", help="UTF-8, one JSON object on a line; - is standard input."
        )
        parser.add_argument(
            "--program", metavar="ID", help="Enrol here those whose line has no program_id."
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Check and count, and store nothing: each batch is stored and taken back. It cannot see what only "
            "two lines of different batches break together, such as 101 attributes of one person.",
        )
        parser.add_argument(
            "--errors",
            metavar="FILE",
            help="Write what was refused to this file instead of standard error; what it held before is lost. JSON "
            "Lines, one for each refused field: line, code, field, reason, message.",
        )
        parser.add_argument(
            "--batch-size",
            type=int,
            default=1000,
            metavar="N",
            help=f"How many lines are stored in one step: 1000, or 1 to {LARGEST_BATCH}.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        tally = Tally()
        try:
            self._import(options, tally)
        except KeyboardInterrupt:
            raise CommandError(f"Interrupted {tally.extent}.", returncode=130) from None
        except (OperationalError, InterfaceError, OSError) as error:
            raise CommandError(f"Stopped {tally.extent}: {error}") from error
        if tally.failed:
            where = f"; they are in {options['errors']}" if options["errors"] else ""
            raise CommandError(f"{tally.failed} line(s) failed{where}.")

    def _import(self, options: dict[str, Any], tally: "Tally") -> None:
        if not 1 <= options["batch_size"] <= LARGEST_BATCH:
            raise CommandError(f"--batch-size takes 1 to {LARGEST_BATCH}.")
        program_id = _program_id(options["program"]) if options["program"] is not None else None
        store = Rehearsal().store if options["dry_run"] else _store
        with contextlib.ExitStack() as opened:
            source = opened.enter_context(_source(options["file"]))
            errors = opened.enter_context(_errors_file(options["errors"], source))
            # Whatever ends the import, the counts say how far it came; below the bar, which is closed before.
            opened.callback(lambda: self.stdout.write(str(tally)))
            progress = opened.enter_context(_progress_bar(source))
            for batch in _batches(_lines(source, progress), options["batch_size"]):
                for number, stored in batch.store(store, program_id):
                    tally.count(stored)
                    if isinstance(stored, DomainError):
                        progress.clear()
                        self._report(number, stored, errors)
                tally.last_line = batch.last_line
                reset_queries()  # under DEBUG Django keeps the text of thousands of statements

    def _report(self, number: int, refusal: DomainError, errors: BinaryIO | None) -> None:
        # What an upsert is refused without a field being named is its program.
        nameless = FieldError("program_id", refusal.code, refusal.message)
        for about in refusal.fields or [nameless]:
            if errors:
                row = {"line": number, "code": refusal.code, **about.as_dict()}
                errors.write(exact_json.dumps(row) + b"\n")
            else:
                # The name of an unknown field is the file's own text and might steer a terminal.
                name = about.field if about.field.isprintable() else ascii(about.field)
                self.stderr.write(f"line {number}: {name} ({about.reason}): {about.message}")


@dataclass(slots=True)
class Tally:
    created: int = 0
    updated: int = 0
    failed: int = 0
    last_line: int = 0  # of the last batch that was stored

    def count(self, stored: Stored) -> None:
        if isinstance(stored, DomainError):
            self.failed += 1
        elif stored.created:
            self.created += 1
        else:
            self.updated += 1

    def __str__(self) -> str:
        return f"created {self.created}, updated {self.updated}, failed {self.failed}"

    @property
    def extent(self) -> str:
        if not self.last_line:
            return "before the first line was done"
        return f"after line {self.last_line} (done up to there; run it again for the rest)"


@dataclass(slots=True)
class Batch:
    """Lines that can be stored in one step: no external_id stands in two of them."""

    bodies: dict[int, object] = field(default_factory=dict)  # by the number of the line
    refused: dict[int, Stored] = field(default_factory=dict)
    external_ids: set[str] = field(default_factory=set)
    size: int = 0
    last_line: int = 0

    def __len__(self) -> int:
        return len(self.bodies) + len(self.refused)

    def add(self, number: int, line: bytes, body: object) -> None:
        self.last_line = number
        self.size += len(line)
        if isinstance(body, DomainError):
            self.refused[number] = body
            return
        self.bodies[number] = body
        if external_id := _external_id(body):
            self.external_ids.add(external_id)

    def store(self, store: Store, program_id: UUID | None) -> list[tuple[int, Stored]]:
        """What became of each line, by its number and in their order."""
        stored = zip(self.bodies, store(list(self.bodies.values()), program_id), strict=True)
        return sorted([*stored, *self.refused.items()], key=lambda line: line[0])


def _batches(lines: Iterable[tuple[int, bytes]], most: int) -> Iterator[Batch]:
    batch = Batch()
    for number, line in lines:
        body = _body(line)
        # A batch stores only the last of two lines about one person; a file means both, one after the other.
        is_full = len(batch) >= most or batch.size >= BATCH_BYTES
        if is_full or _external_id(body) in batch.external_ids:
            yield batch
            batch = Batch()
        batch.add(number, line, body)
    if len(batch):
        yield batch


def _body(line: bytes) -> object:
    """The JSON value, or the DomainError that it is none."""
    if len(line) > settings.BODY_LIMIT:
        message = f"A line may have at most {settings.BODY_LIMIT:,} bytes."
        return LineTooLong(message, [FieldError("body", "too_long", message)])
    try:
        return exact_json.loads(line)
    except exact_json.InvalidJSON as error:
        # Its own line number would be read as that of the file.
        message = str(error).replace(" line 1,", "")
        return DomainError(message, [FieldError("body", "invalid", message)])


def _external_id(body: object) -> str:
    external_id = body.get("external_id") if isinstance(body, dict) else None
    return external_id if isinstance(external_id, str) else ""


def _lines(source: BinaryIO, progress: "tqdm[Any]") -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, by number. Of one beyond the limit only a beginning, itself beyond the limit."""
    most = settings.BODY_LIMIT + len(b"\r\n")
    number = 0
    while line := source.readline(most):
        number += 1
        progress.update(len(line))
        if len(line) == most and not line.endswith(b"\n"):
            _skip_line(source, progress)
            yield number, line
            continue
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line := line.strip(b" \t\r\n"):
            yield number, line


def _skip_line(source: BinaryIO, progress: "tqdm[Any]") -> None:
    while part := source.readline(65_536):
        progress.update(len(part))
        if part.endswith(b"\n"):
            return


def _store(bodies: list[object], program_id: UUID | None) -> list[Stored]:
    return state.upsert_each(bodies, by=_BY, program_id=program_id)


class Rehearsal:
    """Stores each batch and takes it back, so that nobody waits longer for a row than in an import.

    Whom an earlier batch would have created is kept in a temporary table: in memory it would grow with the file.
    """

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS pg_temp.import_created")
            cursor.execute(
                'CREATE TEMPORARY TABLE import_created (external_id text COLLATE "C" PRIMARY KEY)'
            )

    @retried
    def store(self, bodies: list[object], program_id: UUID | None) -> list[Stored]:
        with transaction.atomic():
            stored = _store(bodies, program_id)
            transaction.set_rollback(True)
        lines = list(zip(bodies, stored, strict=True))
        repeated = self._repeated(
            [
                _external_id(body)
                for body, result in lines
                if isinstance(result, state.Result) and result.created
            ]
        )
        return [
            replace(result, outcome=Outcome.UPDATED)
            if isinstance(result, state.Result) and _external_id(body) in repeated
            else result
            for body, result in lines
        ]

    def _repeated(self, created: list[str]) -> set[str]:
        """Those of them whom an earlier batch created; the others are remembered."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO import_created SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING RETURNING external_id",
                [created],
            )
            return set(created).difference(external_id for (external_id,) in cursor.fetchall())


def _program_id(text: str) -> UUID:
    try:
        program = Program.objects.get(pk=UUID(text))
    except ValueError:
        raise CommandError(f"--program takes the UUID of a program, not {text!r}.") from None
    except Program.DoesNotExist:
        raise CommandError(f"There is no program {text}.") from None
    if program.status != ProgramStatus.ACTIVE:
        raise CommandError(f"The program {text} is {program.status}; it takes no enrolments.")
    return program.pk


def _source(path: str) -> contextlib.AbstractContextManager[BinaryIO]:
    if path != "-":
        return open(path, "rb")
    if sys.stdin is None:
        raise CommandError("Standard input is closed.")
    return contextlib.nullcontext(sys.stdin.buffer)


def _errors_file(
    path: str | None, source: BinaryIO
) -> contextlib.AbstractContextManager[BinaryIO | None]:
    if path is None:
        return contextlib.nullcontext()
    if os.path.exists(path) and os.path.samestat(os.stat(path), os.fstat(source.fileno())):
        raise CommandError("--errors would overwrite the file that is to be read.")
    # Unbuffered, so that a full disk shows at once and a kill leaves every error so far.
    return open(path, "wb", buffering=0)


def _progress_bar(source: BinaryIO) -> "tqdm[Any]":
    status = os.fstat(source.fileno())
    size = status.st_size if stat.S_ISREG(status.st_mode) else None
    # disable=None: only on a terminal.
    return tqdm(total=size, unit="B", unit_scale=True, file=sys.stderr, disable=None)
