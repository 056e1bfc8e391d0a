"""Import of events from JSON Lines: each line is handled as by POST /v1/events, in the order of the lines."""

import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from django.db import connection, reset_queries
from django.utils import timezone
from tqdm import tqdm

from participants.events import ingest, process
from participants.events.ingest import Stored
from participants.events.turns import Round, Turns
from participants.exceptions import (
    IdempotencyConflict,
    ParticipantNotFound,
    UnknownParticipant,
)
from participants.management.import_command import ImportCommand, Tally
from participants.models import Event, EventStatus
from programs.kernel.actors import Actor, ActorKind
from programs.kernel.exceptions import DomainError

_BY = Actor(ActorKind.COMMAND, "import_events")
_RULE_ERRORS = "rule errors"
AWAITED_AT_ONCE = 1000
PAUSE = 0.05  # seconds, while other workers process the rest, or an event waits for its retry


class Command(ImportCommand[Stored]):
    awaited: "Awaited | None" = None
    help = (
        "Reads events from JSON Lines, each line as the body of POST /v1/events, and stores them in the order of the "
        'lines; workers process them. Ends with the counts on standard output ("stored 6919, known 0, failed 0"; known '
        "are those that were stored before, by this import or another), and with 1 if a line failed, with 130 if "
        "interrupted. May be stopped at any moment and run again: an event is stored once for its idempotency key."
    )
    program_help = "The program of the lines that have no program_id."
    dry_run_help = (
        "Check and count, and store nothing: each batch is stored and taken back. It cannot see what only two lines "
        "of different batches break together, such as two events with one key."
    )
    without_program = "it takes no events"
    new, known = "stored", "known"
    field_of = {
        IdempotencyConflict: "idempotency_key",
        ParticipantNotFound: "participant_id",
        UnknownParticipant: "external_id",
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--wait",
            action="store_true",
            help="Then process events, beside the workers there are, until all of this file are processed, and write "
            'how that went: "processed: completed 6919, failed 0".',
        )

    def store(self, bodies: list[object], program_id: UUID | None) -> list[Stored | DomainError]:
        results = ingest.ingest_bodies(
            bodies, by=_BY, received_at=timezone.now(), program_id=program_id
        )
        if self.awaited:
            self.awaited.add([result.id for result in results if isinstance(result, Stored)])
        return results

    def is_new(self, stored: Stored) -> bool:
        return stored.is_new

    def as_known(self, stored: Stored) -> Stored:
        return replace(stored, is_new=False)

    def new_name(self, body: object, stored: Stored) -> str:
        return f"{stored.event.program_id} {stored.event.idempotency_key}"

    def store_lines(self, options: dict[str, Any], tally: Tally) -> None:
        if options["dry_run"] and options["wait"]:
            raise CommandError("--dry-run stores nothing that --wait could wait for.")
        self.awaited = Awaited() if options["wait"] else None
        super().store_lines(options, tally)
        if self.awaited:
            counts = _processed(self.awaited)
            completed, failed = counts[EventStatus.COMPLETED], counts[EventStatus.FAILED]
            errors = counts[_RULE_ERRORS]
            more = f", with rule errors {errors}" if errors else ""
            self.stdout.write(f"processed: completed {completed}, failed {failed}{more}")


class Awaited:
    """The ids of the imported events in a temporary table: in memory they would grow with the file."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS pg_temp.import_awaited")
            cursor.execute("CREATE TEMPORARY TABLE import_awaited (id uuid PRIMARY KEY)")

    def add(self, event_ids: list[UUID]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO import_awaited SELECT unnest(%s::uuid[]) ON CONFLICT DO NOTHING",
                [event_ids],
            )

    def batches(self) -> Iterator[list[UUID]]:
        last = UUID(int=0)
        while True:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT id FROM import_awaited WHERE id > %s ORDER BY id LIMIT %s",
                    [last, AWAITED_AT_ONCE],
                )
                ids = [event_id for (event_id,) in cursor.fetchall()]
            if not ids:
                return
            yield ids
            last = ids[-1]


def _processed(awaited: Awaited) -> Counter[str]:
    """Process events as a worker does until all of these are processed, by whichever worker; count them by status, and
    those with rule errors.
    """
    counts: Counter[str] = Counter()
    turns = Turns()
    one_round = Round(turns)
    # disable=None: only on a terminal. No total: other workers help, and events from elsewhere are processed too.
    with tqdm(unit=" events", desc="Processing", file=sys.stderr, disable=None) as progress:
        for ids in awaited.batches():
            events = Event.objects.filter(pk__in=ids)
            while events.pending().exists():
                progress.update(process.process_batch(one_round))
                if one_round.is_over:
                    one_round = Round(turns)
                    time.sleep(PAUSE)
                reset_queries()
            counts.update(events.order_by().values_list("status", flat=True))
            counts[_RULE_ERRORS] += events.with_rule_errors().count()
    return counts
