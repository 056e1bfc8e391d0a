"""The process behind `run_jobs`: any number of them, on any number of machines.

All it holds is a transaction, so that nothing is lost when it is killed.
"""

from participants.jobs import steps
from programs.kernel.workers import BaseWorker

PAUSE = 0.5  # seconds, when no step is due


class Worker(BaseWorker):
    """A loop over steps of jobs."""

    longest_pause = 5.0

    def turn(self) -> None:
        if not steps.take():
            self.sleep(PAUSE)

    def drain(self) -> None:
        """Work until no step is due."""
        while not self.is_stopping and steps.take():
            pass
