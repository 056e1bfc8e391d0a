"""The process that works events off: any number of them, on any number of machines.

It looks for what waits, again and again; a NOTIFY only spares it the pauses. What it holds is in PostgreSQL, in a
transaction, so that killing it loses nothing.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import psycopg
from django.db import connection

from participants.events import process, wake
from participants.ledger import mature_due
from participants.state.tiers import expire_due
from programs.kernel.actors import Actor

logger = logging.getLogger(__name__)

LISTEN_FOR = 0.5  # seconds; also how soon an idle worker sees that it is to stop
# A process hints at most every 50 ms, so that an event may come without a hint shortly after one that had it.
STAY_AWAKE = 4 * wake.INTERVAL
PAUSE = 0.01
CHORES_EVERY = 10.0
CHORES_FOR = 1.0  # then events have as long, before it goes on
LONGEST_PAUSE = 5.0  # while the database does not answer


class Worker:
    """`stop` ends it after the batch in hand."""

    def __init__(self, *, by: Actor, batch: int = process.BATCH) -> None:
        self.by = by
        self.batch = batch
        self.is_stopping = False
        self._chores_at = math.inf
        self._listening: object = None  # the connection that does

    def stop(self) -> None:
        self.is_stopping = True

    def run(self) -> None:
        """Work until it is told to stop, through whatever happens to the database, or to us."""
        failures, has_heard = 0, False
        self._chores_at = 0.0
        while not self.is_stopping:
            try:
                if time.monotonic() >= self._chores_at:
                    self._chores_at = time.monotonic() + CHORES_EVERY
                    if not self.do_chores(longest=CHORES_FOR):
                        self._chores_at = time.monotonic() + CHORES_FOR
                self._work_while_there_is_some(stays_awake=has_heard)
                # There may be more to do where chores have called it away.
                has_heard = not self._is_called_away and self._listen()
                failures = 0
            except Exception as error:
                # Events that fail are put off where they are worked off; what comes here is an outage, or a mistake of
                # ours in a chore, which must not keep events waiting.
                logger.warning("The worker was interrupted; it goes on.", exc_info=error)
                connection.close()
                failures += 1
                self._sleep(min(0.1 * 2**failures, LONGEST_PAUSE))

    def work_off(self) -> int:
        """Work off what waits, until there is nothing left that nobody else is at; how many events that were.

        Where batches come full a second thread helps: while the one thinks, PostgreSQL works for the other.
        """
        done = 0
        with ThreadPoolExecutor(1) as helper:
            helping = None
            for events in process.work_off(most=self.batch):
                done += events
                if helping is None and events >= self.batch:
                    helping = helper.submit(self._help)
                if self._is_called_away:
                    break
            return done + (helping.result() if helping else 0)

    def _help(self) -> int:
        done = 0
        try:
            for events in process.work_off(most=self.batch):
                done += events
                if self._is_called_away:
                    break
        finally:
            connection.close()  # this thread's own
        return done

    @property
    def _is_called_away(self) -> bool:
        return self.is_stopping or time.monotonic() >= self._chores_at

    def do_chores(self, *, longest: float = math.inf) -> bool:
        """Make available what has matured, and put whose level has expired back to the base; whether all of that is done.

        Begins nothing after `longest` seconds: events wait meanwhile.
        """
        until = time.monotonic() + longest
        has_matured = self._do(mature_due, until)
        return self._do(expire_due, until) and has_matured

    def _do(self, chore: Callable[..., Iterator[int]], until: float) -> bool:
        return all(not self.is_stopping and time.monotonic() < until for _ in chore(by=self.by))

    def _work_while_there_is_some(self, *, stays_awake: bool) -> None:
        awake_until = time.monotonic() + STAY_AWAKE if stays_awake else 0.0
        while True:
            if self.work_off():
                awake_until = time.monotonic() + STAY_AWAKE
            if self._is_called_away or time.monotonic() >= awake_until:
                return
            time.sleep(PAUSE)

    def _listen(self) -> bool:
        """Sleep until something comes in, or for a while; whether something has."""
        connection.ensure_connection()
        raw = cast("psycopg.Connection[Any]", connection.connection)
        if raw is not self._listening:
            raw.execute(f"LISTEN {wake.CHANNEL}")
            self._listening = raw
            return True  # what came before it listened was not heard
        # To its end, which takes all that came while it worked: psycopg keeps them, and each would wake it once.
        return bool(list(raw.notifies(timeout=LISTEN_FOR, stop_after=1)))

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.is_stopping and time.monotonic() < until:
            time.sleep(0.05)
