"""Processing of events, forever or once; any number of these commands may run at a time."""

import gc
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from participants.events import process
from participants.events.worker import Worker
from participants.management.worker_commands import WorkerCommand
from programs.kernel.actors import Actor, ActorKind


class Command(WorkerCommand):
    help = (
        "Processes pending events, matures deferred credits and ends expired tiers. Runs until SIGTERM or Ctrl-C, and "
        "finishes the batch in hand first. Run as many as you have processors to spare."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--batch",
            type=int,
            default=process.BATCH,
            help=f"The most events in one transaction; {process.BATCH} by default.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["batch"] <= 10_000:
            raise CommandError("A batch has 1 to 10000 events.")
        worker = Worker(by=Actor(ActorKind.COMMAND, "process_events"), batch=options["batch"])
        if options["once"]:
            worker.do_chores()
            worker.drain()
            return
        gc.freeze()  # else the garbage collector walks through all of Django every few batches, for 50 ms
        self.run_until_stopped(worker, options)
