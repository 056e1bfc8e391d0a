"""Makes available what was deferred until now."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, reset_queries
from tqdm import tqdm

from participants import ledger
from programs.kernel.actors import Actor, ActorKind

_BY = Actor(ActorKind.COMMAND, "mature_balances")


class Command(BaseCommand):
    help = (
        "Makes deferred credits available whose time has come, and writes how many they were on standard output "
        '("matured 12"). May be stopped at any moment, run again, and run twice at once: each credit is moved once.'
    )

    def handle(self, *args: Any, **options: Any) -> None:
        matured = 0
        try:
            # disable=None: only on a terminal.
            with tqdm(unit=" credits", file=sys.stderr, disable=None) as progress:
                for moved in ledger.mature_due(by=_BY):
                    matured += moved
                    progress.update(moved)
                    reset_queries()  # under DEBUG Django keeps the text of thousands of statements
        except KeyboardInterrupt:
            raise CommandError(f"Interrupted; matured {matured}.", returncode=130) from None
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"Stopped; matured {matured}: {error}") from error
        self.stdout.write(f"matured {matured}")
