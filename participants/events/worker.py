"""The process behind `process_events`: any number of them, on any number of machines.

It looks for pending events again and again; a NOTIFY only spares it the pauses. All it holds is a transaction, so that
nothing is lost when it is killed.
"""

import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import psycopg
from django.db import connection

from participants.events import process, wake
from participants.events.chores import CHORES
from participants.events.turns import Turns
from programs.kernel.actors import Actor
from programs.kernel.workers import BaseWorker

LISTEN_FOR = 0.5  # seconds; also how long an idle worker takes to notice that it should stop
# A process hints at most every 50 ms, so an event may arrive without a hint shortly after one that had it.
STAY_AWAKE = 4 * wake.INTERVAL
PAUSE = 0.01
CHORES_EVERY = 10.0
CHORES_FOR = 1.0  # then events get as long before the chores go on


class Worker(BaseWorker):
    """A loop over events and chores."""

    def __init__(self, *, by: Actor, batch: int = process.BATCH) -> None:
        super().__init__()
        self.by = by
        self.batch = batch
        self.turns = Turns()
        self._chores_at = math.inf
        self._has_heard = False
        self._listening: object = None  # the connection that listens

    def run(self) -> None:
        self._chores_at = 0.0
        super().run()

    def turn(self) -> None:
        if time.monotonic() >= self._chores_at:
            self._chores_at = time.monotonic() + CHORES_EVERY
            if not self.do_chores(longest=CHORES_FOR):
                self._chores_at = time.monotonic() + CHORES_FOR
        self._drain_while_awake(stays_awake=self._has_heard)
        # When chores interrupt the events, there may be more of these.
        self._has_heard = not self._is_interrupted and self._listen()

    def drain(self) -> int:
        """Process events until no unlocked participant has any pending; return how many events that were.

        While batches are full a second thread helps: PostgreSQL works for one while the other evaluates rules.
        """
        done, helper = 0, None
        with ThreadPoolExecutor(1) as pool:
            for events in self._batches():
                done += events
                if helper is None and events >= self.batch:
                    helper = pool.submit(self._help)
        return done + (helper.result() if helper else 0)

    def _help(self) -> int:
        try:
            return sum(self._batches())
        finally:
            connection.close()  # this thread's own

    def _batches(self) -> Iterator[int]:
        for events in process.drain(most=self.batch, turns=self.turns):
            yield events
            if self._is_interrupted:
                return

    @property
    def _is_interrupted(self) -> bool:
        return self.is_stopping or time.monotonic() >= self._chores_at

    def do_chores(self, *, longest: float = math.inf) -> bool:
        """Do each chore to its end, or until `longest` seconds are over; return whether all were finished."""
        until = time.monotonic() + longest
        is_done = True
        for chore in CHORES:
            for _ in chore(by=self.by):
                if self.is_stopping or time.monotonic() >= until:
                    is_done = False
                    break
        return is_done

    def _drain_while_awake(self, *, stays_awake: bool) -> None:
        awake_until = time.monotonic() + STAY_AWAKE if stays_awake else 0.0
        while True:
            if self.drain():
                awake_until = time.monotonic() + STAY_AWAKE
            if self._is_interrupted or time.monotonic() >= awake_until:
                return
            time.sleep(PAUSE)

    def _listen(self) -> bool:
        """Sleep until a hint comes, or for a while; return whether one came."""
        connection.ensure_connection()
        raw = cast("psycopg.Connection[Any]", connection.connection)
        if raw is not self._listening:
            raw.execute(f"LISTEN {wake.CHANNEL}")
            self._listening = raw
            return True  # hints from before it listened were not heard
        # Read to the end: psycopg keeps all hints that came meanwhile, and each would wake the worker once.
        return bool(list(raw.notifies(timeout=LISTEN_FOR, stop_after=1)))
