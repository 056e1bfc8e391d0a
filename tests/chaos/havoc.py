"""What goes wrong: processes are killed or restarted, the database fails over, connections are cut, clocks jump."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.chaos.clients import PEOPLE
from tests.processes import Laurel, connected, kill_all_of, soon

JUMPS = (60, 3600, 21_600)  # seconds


def with_a_clock(clock: Path) -> dict[str, str]:
    """Variables for processes whose clock is off by what this file says, at most 0.2 seconds later."""
    clock.write_text("0")
    return {"PYTHONPATH": str(Path(__file__).parent / "clock"), "CLOCK": str(clock)}


class Havoc:
    def __init__(self, laurel: Laurel, clock: Path, chance: random.Random) -> None:
        self.laurel, self.clock, self.chance = laurel, clock, chance
        self.done: Counter[str] = Counter()
        self.kinds: dict[str, Callable[[], None]] = {
            "kill": lambda: laurel.kill_something(chance),
            "restart": self.restart,
            "failover": self.fail_over,
            "cut": self.cut,
            "jump": self.jump,
            "hold": self.hold,
        }

    def wreak(self, seconds: float, *, kinds: set[str] | None = None) -> None:
        """Do one after another at random, each kind at least once."""
        until = time.monotonic() + seconds
        names = sorted(kinds or self.kinds)
        rest: list[str] = []
        while time.monotonic() < until or not self.done.keys() >= set(names):
            time.sleep(self.chance.uniform(0.1, 0.8))
            if not rest:
                rest = self.chance.sample(names, len(names))
            name = rest.pop()
            self.kinds[name]()
            self.done[name] += 1
        self.clock.write_text("0")

    def restart(self) -> None:
        """As a deployment does it: what runs is asked to end."""
        laurel = self.laurel
        assert laurel.web is not None
        if self.chance.random() < 0.5:
            assert soon(laurel.is_ready)  # one that only begins would be killed by it
            laurel.web.send_signal(signal.SIGHUP)  # new processes, one after the other
        else:
            worker = laurel.workers.pop(0)
            worker.send_signal(signal.SIGTERM)
            laurel.work()
            worker.wait(30)
            kill_all_of(worker)

    def fail_over(self) -> None:
        with self._maintenance() as (maintenance, name):
            alter = sql.SQL("ALTER DATABASE {} ").format(sql.Identifier(name))
            try:
                maintenance.execute(alter + sql.SQL("SET default_transaction_read_only = on"))
                self._terminate(maintenance, name, share=1)
                time.sleep(self.chance.uniform(0.3, 1.5))
            finally:
                maintenance.execute(alter + sql.SQL("RESET default_transaction_read_only"))

    def cut(self) -> None:
        with self._maintenance() as (maintenance, name):
            for _ in range(3):
                self._terminate(maintenance, name, share=self.chance.choice([0.2, 0.5]))
                time.sleep(0.05)

    def jump(self) -> None:
        """Set the clock ahead and back, by turns."""
        ahead = self.done["jump"] % 2 == 0
        self.clock.write_text(str(self.chance.choice(JUMPS) * (1 if ahead else -1)))

    def hold(self) -> None:
        """Lock a participant from outside, for longer than others queue behind a call that waits."""
        who = f"p{self.chance.randrange(PEOPLE)}"
        held = "SELECT FROM participants_participant WHERE external_id = %s FOR UPDATE"
        with suppress(psycopg.Error), connected(self.laurel.url) as other, other.transaction():
            other.execute(held, [who])
            time.sleep(self.chance.uniform(0.5, 2))

    @contextmanager
    def _maintenance(self) -> Iterator[tuple["psycopg.Connection[Any]", str]]:
        """A connection beside the database that is treated so, and its name."""
        with connected(self.laurel.url) as own:
            name = own.info.dbname
        with connected(self.laurel.url, dbname="postgres") as maintenance:
            yield maintenance, name

    def _terminate(self, by: "psycopg.Connection[Any]", name: str, *, share: float) -> None:
        by.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND random() < %s",
            [name, share],
        )


class Memory:
    """What each process holds, looked at now and then."""

    def __init__(self) -> None:
        self.held: dict[int, list[float]] = {}  # in MB

    def look(self, laurel: Laurel) -> None:
        for pid in _pids(laurel):
            with suppress(OSError, IndexError):  # it has just ended
                status = Path(f"/proc/{pid}/status").read_text()
                kilobytes = status.split("VmRSS:")[1].split()[0]
                self.held.setdefault(pid, []).append(int(kilobytes) / 1024)

    @property
    def most(self) -> float:
        return max(max(each) for each in self.held.values())

    def grown(self) -> dict[int, tuple[float, float]]:
        """Of each process that lived through all of it: what it held when it was warm, and in the end."""
        longest = max(len(each) for each in self.held.values())
        lasting = {pid: each for pid, each in self.held.items() if len(each) == longest}
        return {
            pid: (max(each[longest // 4 : longest // 2]), max(each[-longest // 4 :]))
            for pid, each in lasting.items()
        }


def _pids(laurel: Laurel) -> list[int]:
    assert laurel.web is not None
    children = Path(f"/proc/{laurel.web.pid}/task/{laurel.web.pid}/children")
    found = [worker.pid for worker in laurel.workers]
    with suppress(OSError):
        found += map(int, children.read_text().split())
    return found
