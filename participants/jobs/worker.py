"""The process behind `run_jobs`: any number of them, on any number of machines.

All it holds is a transaction, so that nothing is lost when it is killed.
"""

import time

from participants.jobs import steps
from participants.jobs.chores import CHORES
from programs.kernel.workers import BaseWorker

PAUSE = 0.5  # seconds, when no step is due
CHORES_EVERY = 10.0


class Worker(BaseWorker):
    """A loop over steps of jobs, and over chores."""

    longest_pause = 5.0
    _chores_at = 0.0

    def turn(self) -> None:
        if time.monotonic() >= self._chores_at:
            self._chores_at = time.monotonic() + CHORES_EVERY
            self._do_chores()
        if not steps.take():
            self.sleep(PAUSE)

    def drain(self) -> None:
        """Work until no step is due."""
        while not self.is_stopping and steps.take():
            pass

    def _do_chores(self) -> None:
        for chore in CHORES:
            for _ in chore():
                if self.is_stopping:
                    return
