"""People brought into a database by Laurel's own import, a process whose time and memory are measured."""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from tests.benchmarks.people import lines
from tests.benchmarks.server import PROJECT, environment

PEAK_MEMORY = Path(__file__).with_name("peak_memory.py")


@dataclass(frozen=True, slots=True)
class Import:
    seconds: float
    peak_megabytes: float


def fill(database: str, count: int, program_id: UUID) -> Import:
    """Create `count` people, all enrolled in the program and with the history of a creation."""
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.writelines(lines(count, program_id))
        file.flush()
        begin = time.perf_counter()
        done = subprocess.run(
            [
                sys.executable,
                PEAK_MEMORY,
                sys.executable,
                "manage.py",
                "import_participants",
                file.name,
            ],
            cwd=PROJECT,
            env=environment(database),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    tally, peak = done.stdout.splitlines()
    if tally != f"created {count}, updated 0, failed 0":
        raise RuntimeError(f"The import ended with: {tally}")
    return Import(time.perf_counter() - begin, int(peak) / 1_000_000)
