"""Retries events that failed or have rule errors, however many."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, reset_queries
from django.db.models import Q
from django.utils import timezone
from tqdm import tqdm

from participants.events.retry import retry_each
from participants.models import Event, EventQuerySet
from participants.models.events import FAILED, WITH_RULE_ERRORS
from programs.kernel import instants
from programs.kernel.actors import Actor, ActorKind
from programs.models import Program


class Command(BaseCommand):
    help = (
        "Retries events that failed, or completed with rule errors, or both: makes them pending, and workers process "
        "them. Of an event with rule errors only the rules that failed run again. Each keeps its place in the order of "
        'its participant\'s events. Ends with the counts on standard output ("retried 6919, left out 0"; left out are '
        "those whose program or enrollment is not active). May be stopped at any moment and run again, and run twice at once: no "
        "event takes effect twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--failed", action="store_true", help="Retry events that FAILED.")
        parser.add_argument(
            "--rule-errors",
            action="store_true",
            help="Retry events that completed with rule errors.",
        )
        parser.add_argument("--program", type=UUID, metavar="ID", help="Only this program's.")
        parser.add_argument(
            "--from",
            dest="first",
            type=_instant,
            metavar="TIME",
            help="Only those received at this time or later: 2026-01-15T10:30:00Z.",
        )
        parser.add_argument(
            "--to", type=_instant, metavar="TIME", help="Only those received before this time."
        )
        parser.add_argument("--dry-run", action="store_true", help="Count them, and retry none.")

    def handle(self, *args: Any, **options: Any) -> None:
        events = _chosen(options)
        by = Actor(ActorKind.COMMAND, "retry_events")
        retried = left_out = 0
        try:
            if options["dry_run"]:
                self.stdout.write(f"would retry {events.retryable().count()}")
                return
            # disable=None: only on a terminal.
            with tqdm(unit=" events", file=sys.stderr, disable=None) as progress:
                for page in retry_each(events, before=timezone.now(), by=by):
                    retried += len(page.ids)
                    left_out += page.left_out
                    progress.update(len(page.ids))
                    reset_queries()  # under DEBUG Django keeps the text of thousands of statements
        except KeyboardInterrupt:
            raise CommandError(f"Interrupted; retried {retried}.", returncode=130) from None
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"Stopped; retried {retried}: {error}") from error
        self.stdout.write(f"retried {retried}, left out {left_out}")


def _chosen(options: dict[str, Any]) -> EventQuerySet:
    kinds = Q()
    if options["failed"]:
        kinds |= FAILED
    if options["rule_errors"]:
        kinds |= WITH_RULE_ERRORS
    if not kinds:
        raise CommandError("Say which: --failed, --rule-errors, or both.")
    events = Event.objects.filter(kinds)
    if options["program"]:
        if not Program.objects.filter(pk=options["program"]).exists():
            raise CommandError(f"There is no program {options['program']}.")
        events = events.filter(program=options["program"])
    if options["first"]:
        events = events.filter(created_at__gte=options["first"])
    if options["to"]:
        events = events.filter(created_at__lt=options["to"])
    return events


def _instant(text: str) -> datetime:
    try:
        return instants.read(text)
    except ValueError:
        raise ArgumentTypeError("Give a time such as 2026-01-15T10:30:00Z.") from None
