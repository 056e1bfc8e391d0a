"""The process behind `run_jobs`: any number of them, on any number of machines.

All it holds is a transaction, so that nothing is lost when it is killed.
"""

import logging
import time

from django.db import connection

from participants.jobs import steps

logger = logging.getLogger(__name__)

PAUSE = 0.5  # seconds, when no step is due
LONGEST_PAUSE = 5.0  # while the database does not answer


class Worker:
    """A loop over steps of jobs; `stop` ends it after the step in hand."""

    def __init__(self) -> None:
        self.is_stopping = False

    def stop(self) -> None:
        self.is_stopping = True

    def run(self) -> None:
        """Work until told to stop, whatever happens to the database."""
        failures = 0
        while not self.is_stopping:
            try:
                if not steps.take():
                    self._sleep(PAUSE)
                failures = 0
            except Exception as error:
                logger.warning("The worker of jobs was interrupted; it goes on.", exc_info=error)
                connection.close()
                failures += 1
                self._sleep(min(0.1 * 2**failures, LONGEST_PAUSE))

    def drain(self) -> None:
        """Work until no step is due."""
        while not self.is_stopping and steps.take():
            pass

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.is_stopping and time.monotonic() < until:
            time.sleep(0.05)
