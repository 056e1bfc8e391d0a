"""A process that works events off, as `process_events` runs in production, in whichever way it is asked.

It is asked on standard input and answers on standard output, a line of JSON each; between two rounds it keeps its connection
and what it has compiled.
"""

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from tests.benchmarks.server import PROJECT, environment


@dataclass(frozen=True, slots=True)
class Worked:
    """What one turn came to: how many events (or claims), and how long it took; statements only where they are counted."""

    done: int
    seconds: float
    cpu: float  # of the process, in a second
    statements: int


class Hand:
    """One such process, on one database."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._asked: IO[str] = process.stdin
        self._answers: IO[str] = process.stdout

    def work(self, way: str, *, counts: bool = False, seconds: float = 0) -> Worked:
        """Work off what waits in this way of WAYS; or, for "claim", claim again and again for so many seconds."""
        print(json.dumps([way, counts, seconds]), file=self._asked, flush=True)
        return Worked(**json.loads(self._answers.readline()))


@contextmanager
def hired(database: str) -> Iterator[Hand]:
    command = [sys.executable, "-m", "tests.benchmarks.workers"]
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        env=environment(database),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Hand(process)  # then its input ends, and so does it


@contextmanager
def waiting(database: str) -> Iterator[None]:
    """`process_events` as it runs beside a server."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "process_events"], cwd=PROJECT, env=environment(database)
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _ways() -> dict[str, Callable[[float], int]]:
    from django.db import transaction

    from participants.events import process, queue, turns
    from participants.events.worker import Worker
    from programs.kernel.actors import Actor, ActorKind
    from tests.benchmarks import naive_worker

    worker = Worker(by=Actor(ActorKind.COMMAND, "benchmarks"))

    def claim(seconds: float) -> int:
        """Find whose events wait, lock them, load their first events; and let go of them."""
        until, done = time.perf_counter() + seconds, 0
        while time.perf_counter() < until:
            with transaction.atomic():
                places = [(program_id, turns.START) for program_id in queue.waiting_programs()]
                found = queue.claim(places, process.BATCH)
                queue.load(found.locked, 1)
                transaction.set_rollback(True)
            done += 1
        return done

    return {
        "Laurel": lambda _: worker.drain(),
        "naive": lambda _: naive_worker.work_off(),
        "claim": claim,
    }


def _turn(work: Callable[[float], int], seconds: float, *, counts: bool) -> dict[str, Any]:
    from django.db import connection

    sent = 0

    def note(execute: Callable[..., Any], *call: Any) -> Any:
        nonlocal sent
        sent += 1
        return execute(*call)

    if counts:
        with connection.execute_wrapper(note):
            return {"done": work(seconds), "seconds": 0, "cpu": 0, "statements": sent}
    cpu, begin = time.process_time(), time.perf_counter()
    done = work(seconds)
    lasted = time.perf_counter() - begin
    return {
        "done": done,
        "seconds": lasted,
        "cpu": (time.process_time() - cpu) / lasted,
        "statements": 0,
    }


def _main() -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.settings"
    django.setup()
    ways = _ways()
    gc.freeze()  # as process_events does
    for line in sys.stdin:
        way, counts, seconds = json.loads(line)
        print(json.dumps(_turn(ways[way], seconds, counts=counts)), flush=True)


if __name__ == "__main__":
    _main()
