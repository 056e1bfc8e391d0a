"""Processing of events, forever or once; any number of these commands may run at a time."""

import gc
import signal
from argparse import ArgumentParser
from threading import Thread
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from participants.events import process
from participants.events.worker import Worker
from participants.management.lifeline import stop_with
from programs.kernel.actors import Actor, ActorKind


class Command(BaseCommand):
    help = (
        "Processes pending events, matures deferred credits and ends expired tiers. Runs until SIGTERM or Ctrl-C, and "
        "finishes the batch in hand first. Run as many as you have processors to spare."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="Exit when nothing is left to do.")
        parser.add_argument(
            "--batch",
            type=int,
            default=process.BATCH,
            help=f"The most events in one transaction; {process.BATCH} by default.",
        )
        parser.add_argument(
            "--lifeline", type=int, help="A file descriptor; stop when its other end is closed."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["batch"] <= 10_000:
            raise CommandError("A batch has 1 to 10000 events.")
        by = Actor(ActorKind.COMMAND, "process_events")
        worker = Worker(by=by, batch=options["batch"])
        if options["once"]:
            worker.do_chores()
            worker.drain()
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        if options["lifeline"] is not None:
            Thread(target=stop_with, args=[options["lifeline"], worker], daemon=True).start()
        gc.freeze()  # else the garbage collector walks through all of Django every few batches, for 50 ms
        worker.run()
