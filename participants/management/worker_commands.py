"""What the commands of both workers share: they run until a signal, or until the process that started them has ended."""

import os
import signal
from argparse import ArgumentParser
from threading import Thread
from typing import Any

from django.core.management.base import BaseCommand

from programs.kernel.workers import BaseWorker


class WorkerCommand(BaseCommand):
    """Adds `--once` and `--lifeline`."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="Exit when nothing is left to do.")
        parser.add_argument(
            "--lifeline", type=int, help="A file descriptor; stop when its other end is closed."
        )

    def run_until_stopped(self, worker: BaseWorker, options: dict[str, Any]) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        if options["lifeline"] is not None:
            Thread(target=_stop_with, args=[options["lifeline"], worker], daemon=True).start()
        worker.run()


def _stop_with(lifeline: int, worker: BaseWorker) -> None:
    """Wait until the other end of the descriptor is closed, even by a kill."""
    os.read(lifeline, 1)
    worker.stop()
