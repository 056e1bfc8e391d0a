"""Tells a monitor whether events wait too long."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from participants.events import queue
from programs.kernel import durations


class Command(BaseCommand):
    help = (
        "Says how many events are pending and how old the oldest is, and ends with 1 if that is older than the setting "
        "QUEUE_MAX_AGE. Counts up to 10,000 events, so it costs little however long the queue is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--max-age", metavar="DURATION", help='Instead of the setting, such as "10m".'
        )

    def handle(self, *args: Any, **options: Any) -> None:
        longest = _longest(options["max_age"])
        events, age = queue.backlog()
        count = f"{events:,}" if events < queue.MOST_COUNTED else f"{events:,} or more"
        described = f"{count} pending events; the oldest is {age.total_seconds():.0f} s old."
        if age > longest:
            raise CommandError(f"{described} At most {longest.total_seconds():.0f} s are allowed.")
        self.stdout.write(described)


def _longest(text: str | None) -> timedelta:
    try:
        return durations.read(text or settings.QUEUE_MAX_AGE)
    except ValueError:
        raise CommandError('Give a duration such as "10m".') from None
