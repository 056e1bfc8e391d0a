"""Files that are imported by commands."""

import contextlib
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command


@dataclass(frozen=True)
class Ended:
    stdout: str
    stderr: str
    code: int
    complaint: str = ""


def import_participants(*arguments: object) -> Ended:
    stdout, stderr = StringIO(), StringIO()
    code, complaint = 0, ""
    try:
        call_command("import_participants", *map(str, arguments), stdout=stdout, stderr=stderr)
    except CommandError as error:
        code, complaint = error.returncode, str(error)
    return Ended(stdout.getvalue(), stderr.getvalue(), code, complaint)


def written(path: Path, *bodies: dict[str, Any] | bytes) -> Path:
    """The file with a line for each body; bytes are written as they are."""
    lines = [body if isinstance(body, bytes) else json.dumps(body).encode() for body in bodies]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


@contextlib.contextmanager
def most_memory() -> Iterator[list[int]]:
    """A list that holds, afterwards, the most bytes that Python's objects took within."""
    peak: list[int] = []
    tracemalloc.start()
    try:
        yield peak
    finally:
        peak.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
