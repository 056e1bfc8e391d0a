"""Jobs, carried out forever or once; any number of these commands may run at a time."""

from typing import Any

from participants.jobs.worker import Worker
from participants.management.worker_commands import WorkerCommand


class Command(WorkerCommand):
    help = (
        "Carries out jobs, such as replays, step by step. Runs until SIGTERM or Ctrl-C, and finishes the step in hand "
        "first. One is enough; more carry out several jobs at once."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        worker = Worker()
        if options["once"]:
            worker.drain()
        else:
            self.run_until_stopped(worker, options)
