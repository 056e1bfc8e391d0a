"""A descriptor that ties a worker to the process that started it."""

import os
from typing import Protocol


class Stoppable(Protocol):
    def stop(self) -> None: ...


def stop_with(lifeline: int, worker: Stoppable) -> None:
    """Wait until the other end of the descriptor is closed, even by a kill, and stop the worker."""
    os.read(lifeline, 1)
    worker.stop()
