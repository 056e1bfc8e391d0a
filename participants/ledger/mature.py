"""Deferred credits whose time has come become available."""

import logging
from collections.abc import Iterator
from uuid import UUID

from django.db.models.functions import Now

from participants.causes import Cause
from participants.exceptions import AmountOutOfRange, InsufficientBalance
from participants.ledger.reading import load_maturities
from participants.ledger.writing import opened
from participants.models import Maturity
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
    while participant_ids := _due(stuck):
        moved, refused = _mature(participant_ids, stuck, by)
        stuck |= refused
        yield moved


def _due(stuck: set[UUID]) -> set[UUID]:
    """The participants of the credits that are due first."""
    waiting = Maturity.objects.filter(matured_at=None, amount__gt=0, matures_at__lte=Now())
    first = waiting.exclude(pk__in=stuck).order_by("matures_at", "participant", "pk")[:BATCH]
    return set(first.values_list("participant", flat=True))


@retried
def _mature(participant_ids: set[UUID], stuck: set[UUID], by: Actor) -> tuple[int, set[UUID]]:
    """Return how many credits of these participants were moved, and which cannot be."""
    refused: set[UUID] = set()
    with opened(participant_ids) as (books, moment):
        # Read only now that nobody else can move them.
        load_maturities(books.values(), until=moment, most=BATCH + len(stuck))
        due = [(book, each) for book in books.values() for each in book.maturities.values()]
        moving = [(book, each) for book, each in due if each.id not in stuck]
        for book, maturity in moving:
            try:
                book.mature(maturity, cause=Cause(by), description="Matured.", at=moment)
            except (AmountOutOfRange, InsufficientBalance, LookupError) as error:
                logger.error(
                    "Credit %s cannot mature: %r; verify_ledger tells more.", maturity.id, error
                )
                refused.add(maturity.id)
    return len(moving) - len(refused), refused
