"""Imports of JSON Lines: read in constant memory, stored batch by batch, with each refusal reported by line number."""

import codecs
import contextlib
import os
import stat
import sys
from abc import abstractmethod
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar, Generic, TypeVar
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, connection, reset_queries, transaction
from tqdm import tqdm

from programs.kernel import exact_json
from programs.kernel.database import retried
from programs.kernel.exceptions import DomainError, FieldError
from programs.models import Program, ProgramStatus

S = TypeVar("S")  # what became of a line that was stored
# Stores bodies and returns the result of each, in their order; the program is for those that name none.
StoreBatch = Callable[[list[object], UUID | None], list[S | DomainError]]

LARGEST_BATCH = 10_000
# Long lines fill a batch early, so that memory does not depend on their length.
BATCH_BYTES = 1_000_000


class LineTooLong(DomainError):
    code = "payload_too_large"


@dataclass(slots=True)
class Tally:
    """The counts of an import by what became of the lines; their text is the last line of output."""

    counts: dict[str, int]
    last_line: int = 0  # of the last batch that was stored

    @property
    def extent(self) -> str:
        if not self.last_line:
            return "before the first line was done"
        return f"after line {self.last_line} (done up to there; run it again for the rest)"

    def __str__(self) -> str:
        return ", ".join(f"{what} {count}" for what, count in self.counts.items())


class ImportCommand(BaseCommand, Generic[S]):
    """A command that stores each line of a file. It may be stopped at any moment and run again."""

    program_help: ClassVar[str]
    dry_run_help: ClassVar[str]
    without_program: ClassVar[str]  # why a program that is not active cannot be named
    new: ClassVar[str]  # what becomes of a line that the database did not know,
    known: ClassVar[str]  # and of one that it did
    # The field that a refusal is about if it names none itself; by default program_id.
    field_of: ClassVar[Mapping[type[DomainError], str]] = {}

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", metavar="FILE", help="UTF-8, one JSON object on a line; - is standard input."
        )
        parser.add_argument("--program", metavar="ID", help=self.program_help)
        parser.add_argument("--dry-run", action="store_true", help=self.dry_run_help)
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

    @abstractmethod
    def store(self, bodies: list[object], program_id: UUID | None) -> list[S | DomainError]:
        """Store bodies and return the result of each, in their order; the program is for those that name none."""

    @abstractmethod
    def is_new(self, stored: S) -> bool: ...

    @abstractmethod
    def as_known(self, stored: S) -> S:
        """The result if the database had known the line before."""

    @abstractmethod
    def new_name(self, body: object, stored: S) -> str:
        """What names the new row of this line among all of them."""

    def name_of(self, body: object) -> str:
        """A name that no two bodies of one batch may share; "" if they may stand together."""
        return ""

    def handle(self, *args: Any, **options: Any) -> None:
        tally = Tally({self.new: 0, self.known: 0, "failed": 0})
        try:
            self.store_lines(options, tally)
        except KeyboardInterrupt:
            raise CommandError(f"Interrupted {tally.extent}.", returncode=130) from None
        except (OperationalError, InterfaceError, OSError) as error:
            raise CommandError(f"Stopped {tally.extent}: {error}") from error
        failed = tally.counts["failed"]
        if failed:
            where = f"; they are in {options['errors']}" if options["errors"] else ""
            raise CommandError(f"{failed} line(s) failed{where}.")

    def store_lines(self, options: dict[str, Any], tally: Tally) -> None:
        if not 1 <= options["batch_size"] <= LARGEST_BATCH:
            raise CommandError(f"--batch-size takes 1 to {LARGEST_BATCH}.")
        program_id = None
        if options["program"] is not None:
            program_id = self._program_id(options["program"])
        store = Rehearsal(self).store if options["dry_run"] else self.store
        with contextlib.ExitStack() as opened:
            source = opened.enter_context(_source(options["file"]))
            errors = opened.enter_context(_errors_file(options["errors"], source))
            # Whatever ends the import, the counts are printed, below the progress bar, which is closed first.
            opened.callback(lambda: self.stdout.write(str(tally)))
            progress = opened.enter_context(_progress_bar(source))
            lines = _lines(source, progress)
            for batch in _batches(lines, options["batch_size"], self.name_of):
                for number, stored in batch.store(store, program_id):
                    if isinstance(stored, DomainError):
                        tally.counts["failed"] += 1
                        progress.clear()
                        self._report(number, stored, errors)
                    else:
                        tally.counts[self.new if self.is_new(stored) else self.known] += 1
                tally.last_line = batch.last_line
                reset_queries()  # under DEBUG, Django keeps the text of every statement

    def _report(self, number: int, refusal: DomainError, errors: BinaryIO | None) -> None:
        name = self.field_of.get(type(refusal), "program_id")
        nameless = FieldError(name, refusal.code, refusal.message)
        for about in refusal.fields or [nameless]:
            if errors:
                row = {"line": number, "code": refusal.code, **about.as_dict()}
                errors.write(exact_json.dumps(row) + b"\n")
            else:
                # The name of an unknown field comes from the file and may contain terminal escapes.
                name = about.field if about.field.isprintable() else ascii(about.field)
                self.stderr.write(f"line {number}: {name} ({about.reason}): {about.message}")

    def _program_id(self, text: str) -> UUID:
        try:
            program = Program.objects.get(pk=UUID(text))
        except ValueError:
            raise CommandError(f"--program takes the UUID of a program, not {text!r}.") from None
        except Program.DoesNotExist:
            raise CommandError(f"There is no program {text}.") from None
        if program.status != ProgramStatus.ACTIVE:
            raise CommandError(f"The program {text} is {program.status}; {self.without_program}.")
        return program.pk


class Rehearsal(Generic[S]):
    """A dry run: each batch is stored and rolled back, so that rows stay locked no longer than in an import.

    What earlier batches would have created is kept by name in a temporary table: in memory it would grow with the file.
    """

    def __init__(self, command: ImportCommand[S]) -> None:
        self._command = command
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS pg_temp.import_made")
            cursor.execute('CREATE TEMPORARY TABLE import_made (name text COLLATE "C" PRIMARY KEY)')

    @retried
    def store(self, bodies: list[object], program_id: UUID | None) -> list[S | DomainError]:
        with transaction.atomic():
            results = self._command.store(bodies, program_id)
            transaction.set_rollback(True)
        names: dict[int, str] = {
            index: self._command.new_name(bodies[index], result)
            for index, result in enumerate(results)
            if not isinstance(result, DomainError) and self._command.is_new(result)
        }
        repeated = self._repeated(list(names.values()))
        return [
            self._command.as_known(result)
            if names.get(index) in repeated and not isinstance(result, DomainError)
            else result
            for index, result in enumerate(results)
        ]

    def _repeated(self, made: list[str]) -> set[str]:
        """The names that an earlier batch has created; the others are remembered."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO import_made SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING RETURNING name",
                [made],
            )
            return set(made).difference(name for (name,) in cursor.fetchall())


@dataclass(slots=True)
class _Batch:
    """Lines that can be stored in one step: no two have the same name."""

    bodies: dict[int, object] = field(default_factory=dict)  # by the number of the line
    refused: dict[int, DomainError] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    size: int = 0
    last_line: int = 0

    def __len__(self) -> int:
        return len(self.bodies) + len(self.refused)

    def add(self, number: int, line: bytes, body: object, name: str) -> None:
        self.last_line = number
        self.size += len(line)
        if isinstance(body, DomainError):
            self.refused[number] = body
            return
        self.bodies[number] = body
        if name:
            self.names.add(name)

    def store(
        self, store: StoreBatch[S], program_id: UUID | None
    ) -> list[tuple[int, S | DomainError]]:
        """The result of each line, by number, in order."""
        results = store(list(self.bodies.values()), program_id)
        stored = dict(zip(self.bodies, results, strict=True))
        return sorted({**stored, **self.refused}.items(), key=lambda line: line[0])


def _batches(
    lines: Iterable[tuple[int, bytes]], most: int, name_of: Callable[[object], str]
) -> Iterator[_Batch]:
    batch = _Batch()
    for number, line in lines:
        body = _body(line)
        name = name_of(body)
        is_full = len(batch) >= most or batch.size >= BATCH_BYTES
        if is_full or name in batch.names:
            yield batch
            batch = _Batch()
        batch.add(number, line, body, name)
    if len(batch):
        yield batch


def _body(line: bytes) -> object:
    """The JSON value, or a DomainError if it is not one."""
    if len(line) > settings.BODY_LIMIT:
        message = f"A line may have at most {settings.BODY_LIMIT:,} bytes."
        return LineTooLong(message, [FieldError("body", "too_long", message)])
    try:
        return exact_json.loads(line)
    except exact_json.InvalidJSON as error:
        # The parser counts lines too, and its number would be taken for that of the file.
        message = str(error).replace(" line 1,", "")
        return DomainError(message, [FieldError("body", "invalid", message)])


def _lines(source: BinaryIO, progress: "tqdm[Any]") -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers. A line beyond the limit is cut, just beyond the limit."""
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
    # Unbuffered, so that a full disk shows at once, and a killed import leaves all errors so far.
    return open(path, "wb", buffering=0)


def _progress_bar(source: BinaryIO) -> "tqdm[Any]":
    status = os.fstat(source.fileno())
    size = status.st_size if stat.S_ISREG(status.st_mode) else None
    # disable=None: only on a terminal.
    return tqdm(total=size, unit="B", unit_scale=True, file=sys.stderr, disable=None)
