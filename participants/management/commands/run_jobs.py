"""Jobs, carried out forever or once; any number of these commands may run at a time."""

import signal
from argparse import ArgumentParser
from threading import Thread
from typing import Any

from django.core.management.base import BaseCommand

from participants.jobs.worker import Worker
from participants.management.lifeline import stop_with


class Command(BaseCommand):
    help = (
        "Carries out jobs, such as replays, step by step. Runs until SIGTERM or Ctrl-C, and finishes the step in hand "
        "first. One is enough; more carry out several jobs at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="Exit when no step is due.")
        parser.add_argument(
            "--lifeline", type=int, help="A file descriptor; stop when its other end is closed."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        worker = Worker()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        if options["once"]:
            worker.drain()
            return
        if options["lifeline"] is not None:
            Thread(target=stop_with, args=[options["lifeline"], worker], daemon=True).start()
        worker.run()
