"""The loop of a process that works until it is told to stop, whatever happens to the database meanwhile."""

import logging
import time
from abc import ABC, abstractmethod

from django.db import connection

logger = logging.getLogger(__name__)


class BaseWorker(ABC):
    """Takes one turn after the other; `stop` ends it after what is in hand."""

    longest_pause = 1.0  # seconds, while the database does not answer

    def __init__(self) -> None:
        self.is_stopping = False

    @abstractmethod
    def turn(self) -> None:
        """Work for a while, or wait for work."""

    def stop(self) -> None:
        self.is_stopping = True

    def run(self) -> None:
        """Work until told to stop. An error in a turn is an outage, or a mistake of ours that the next turns must survive."""
        failures = 0
        while not self.is_stopping:
            try:
                self.turn()
                failures = 0
            except Exception as error:
                logger.warning("The worker was interrupted; it goes on.", exc_info=error)
                connection.close()
                failures += 1
                self.sleep(min(0.1 * 2**failures, self.longest_pause))

    def sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.is_stopping and time.monotonic() < until:
            time.sleep(0.05)
