"""Deferred credits whose time has come become available."""

import logging
from collections.abc import Iterator
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from participants.exceptions import AmountOutOfRange, InsufficientBalance
from participants.ledger import store
from participants.ledger.book import Reason
from participants.models import JournalEntry, Maturity
from programs.kernel.actors import Actor
from programs.kernel.database import retried

logger = logging.getLogger(__name__)

BATCH = 500


def mature_due(*, by: Actor) -> Iterator[int]:
    """Make available what has matured, in batches; yields how many credits each has moved.

    Safe to run twice at once and to kill: a batch is one transaction, and a credit is moved by whoever locks its
    participant first.
    """
    stuck: set[UUID] = set()  # credits that cannot move must not stop the others
    while due := list(_due().exclude(pk__in=stuck)[:BATCH]):
        moved, refused = _mature({row.participant_id for row in due}, stuck, by)
        stuck |= refused
        yield moved


def _due() -> "QuerySet[Maturity]":
    waiting = Maturity.objects.filter(matured_at=None, amount__gt=0, matures_at__lte=Now())
    return waiting.order_by("matures_at", "participant", "pk")


@retried
def _mature(participant_ids: set[UUID], stuck: set[UUID], by: Actor) -> tuple[int, set[UUID]]:
    """How many credits of these participants were moved, and which cannot be."""
    refused: set[UUID] = set()
    with transaction.atomic():
        opened, moment = store.lock(list(participant_ids))
        books = {book.participant_id: book for book in opened}
        store.load_amounts(opened)
        # Looked for again, now that nobody else can have them.
        rows = list(_due().filter(participant__in=books).exclude(pk__in=stuck)[:BATCH])
        programs = _programs_of(rows)
        reason = Reason(by, "Matured.")
        for row in rows:
            try:
                credit = store.waiting(row, programs[row.entry_id])
                books[row.participant_id].mature(credit, reason=reason, at=moment)
            except (AmountOutOfRange, InsufficientBalance, KeyError) as error:
                logger.error(
                    "Credit %s cannot mature: %r; verify_ledger tells more.", row.pk, error
                )
                refused.add(row.pk)
        moving = [book for book in opened if book.entries]
        if moving and not store.write(moving):
            raise AssertionError("Nobody overtakes us under the lock.")
    return sum(len(book.entries) for book in moving), refused


def _programs_of(rows: list[Maturity]) -> dict[UUID, UUID]:
    """The program of each credit's entry, by the entry's id."""
    entries = JournalEntry.objects.filter(
        participant__in={row.participant_id for row in rows},
        pk__in=[row.entry_id for row in rows],
    )
    return dict(entries.values_list("pk", F("program_id")))
