"""One run: sixteen clients, and everything that goes wrong meanwhile."""

import random
import threading
import time
from collections import Counter
from pathlib import Path

from tests.chaos.clients import PEOPLE, Client, Editor
from tests.chaos.havoc import Havoc, Memory, with_a_clock
from tests.chaos.promises import everything_is_kept
from tests.processes import PATIENCE, TIMEOUT, Laurel, running, soon

CLIENTS = 16
# Seconds, of a call: it may wait 10 for a lock (programs/kernel/database.py), and before that for a server that starts.
DEADLINES = (TIMEOUT, 12)
MOST_MEMORY = 400  # MB, of a process
KILLS = {"kill", "restart"}


def run(laurel: Laurel, folder: Path, *, seconds: float, seed: int) -> str:
    """Raise AssertionError where something is not as promised; else say what has happened.

    In the second half no process ends, so that one that keeps growing shows.
    """
    chance = random.Random(seed)
    clock = folder / "clock"
    laurel.variables |= with_a_clock(clock)
    memory = Memory()
    with running(laurel) as (program, asset):
        [(rule,)] = laurel.rows("SELECT id::text FROM programs_rule")
        for n in range(PEOPLE):
            body = {"external_id": f"p{n}", "program_id": program}
            assert laurel.call("POST", "/v1/participants", body)[0] == 201
        ids = (program, asset, rule)
        clients = [Client(laurel, seed, n, ids) for n in range(CLIENTS - 1)]
        clients.append(Editor(laurel, seed, CLIENTS - 1, ids))
        for client in clients:
            client.start()
        havoc, quiet = Havoc(laurel, clock, chance), threading.Event()
        watcher = threading.Thread(target=_watch, args=[memory, laurel, quiet])
        try:
            havoc.wreak(seconds / 2)
            time.sleep(2)  # until who was told to restart last has begun to
            assert soon(laurel.is_ready, 3 * PATIENCE)  # a machine may be busy
            Client.processes_last.set()
            watcher.start()
            havoc.wreak(seconds / 2, kinds=havoc.kinds.keys() - KILLS)
        finally:
            quiet.set()
            Client.processes_last.clear()
            for client in clients:
                client.done.set()
        for thread in [*clients, watcher]:
            thread.join(PATIENCE)
            assert not thread.is_alive(), thread.name
        for client in clients:
            if client.failure is not None:
                raise client.failure
        everything_is_kept(laurel, clients)
    return _summary(clients, havoc, memory, is_long=seconds > 200)


def _watch(memory: Memory, laurel: Laurel, done: threading.Event) -> None:
    while not done.wait(1):
        memory.look(laurel)


def _summary(clients: list[Client], havoc: Havoc, memory: Memory, *, is_long: bool) -> str:
    heard = [client.heard for client in clients]
    refused: Counter[tuple[int, str | None]] = Counter()
    for each in heard:
        refused.update(each.refused)
    longest = [max(each.longest[half] for each in heard) for half in (0, 1)]
    skews = [skew for each in heard for skew in each.skews]
    promises = [client.promises for client in clients]
    lines = [
        f"{sum(each.calls for each in heard)} calls, {sum(each.dropped for each in heard)} dropped, "
        f"refused {dict(refused)}, the longest {longest}",
        f"{sum(len(each.events) for each in promises)} events, "
        f"{sum(len(each.credits) for each in promises)} credits, "
        f"{sum(len(numbers) for each in promises for numbers in each.upserts.values())} upserts, "
        f"{sum(len(each.edits) for each in promises)} edits of a rule: each is there once",
        f"havoc {dict(havoc.done)}; clocks between {min(skews):+.0f} and {max(skews):+.0f} s",
        f"memory at most {memory.most:.0f} MB; "
        + ", ".join(f"{early:.0f} to {late:.0f}" for early, late in memory.grown().values()),
    ]
    said = "\n".join(lines)
    assert {retry for _, retry in refused} <= {"1"}, said
    assert {status for status, _ in refused} <= {503}, said
    assert havoc.done.keys() == havoc.kinds.keys(), said
    assert max(map(abs, skews)) > 50, said
    assert all(took < most for (took, _), most in zip(longest, DEADLINES, strict=True)), said
    assert memory.most < MOST_MEMORY, said
    if is_long:
        assert min(skews) < -50, said
        assert max(skews) > 50, said
        for early, late in memory.grown().values():
            assert late < 1.1 * early + 5, said
    return said
