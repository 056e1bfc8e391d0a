"""Counts the figures of all programs anew."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, reset_queries
from tqdm import tqdm

from participants.reports.rebuild import rebuild
from participants.reports.refresh import refresh
from programs.models import Program


class Command(BaseCommand):
    help = (
        "Counts the figures of all programs anew, from their journals, events and enrollments, and writes how many programs "
        'these are on standard output ("rebuilt 3"). May be stopped at any moment and run again, while everything else goes on. '
        "Run it once after an upgrade from a release without figures, when its last process has ended."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        rebuilt = 0
        try:
            program_ids = list(Program.objects.order_by("id").values_list("pk", flat=True))
            # disable=None: only on a terminal.
            for program_id in tqdm(program_ids, unit=" programs", file=sys.stderr, disable=None):
                for _ in rebuild(program_id):
                    reset_queries()  # under DEBUG Django keeps the text of thousands of statements
                rebuilt += 1
            refresh()
        except KeyboardInterrupt:
            raise CommandError(f"Interrupted; rebuilt {rebuilt}.", returncode=130) from None
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"Stopped; rebuilt {rebuilt}: {error}") from error
        self.stdout.write(f"rebuilt {rebuilt}")
