"""The writer of books, whatever its books have to write."""

from collections.abc import Callable
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from django.db import connection, transaction

from participants.causes import Cause
from participants.ledger import reading, verify, writing
from participants.ledger.book import Book, Terms
from participants.models import ActionType, JournalEntry, Participant
from tests.conftest import TESTER
from tests.participants.ledger_world import World, make_world

pytestmark = pytest.mark.django_db


def opened() -> list[Book]:
    ids = list(Participant.objects.order_by("pk").values_list("pk", flat=True))
    books, _ = reading.lock(ids)
    reading.load_amounts(books)
    return books


def credit(world: World, book: Book, times: int) -> None:
    for _ in range(times):
        book.enter(
            ActionType.CREDIT,
            Decimal(1),
            terms=Terms(world.asset.pk, 2, None),
            program_id=world.program.pk,
            cause=Cause(TESTER),
            description="A test.",
            at=book.version,
        )


@pytest.mark.parametrize("entries", list(product([0, 1, 2], repeat=3)))
def test_books_are_written_whichever_of_them_have_entries(entries: tuple[int, ...]) -> None:
    world = make_world("ana", "bo", "cy")
    with transaction.atomic():
        books = opened()
        for book, times in zip(books, entries, strict=True):
            credit(world, book, times)

        assert writing.write(books)

    written = [JournalEntry.objects.filter(participant=book.participant_id) for book in books]
    assert tuple(journal.count() for journal in written) == entries
    assert list(verify.faults()) == []


def test_a_book_that_was_overtaken_is_not_written() -> None:
    world = make_world("ana", "bo")
    books = opened()
    for book in books:
        credit(world, book, 1)
    world.credit("5", of="ana")

    assert not writing.write(books[:1])
    assert JournalEntry.objects.count() == 1


def test_the_plan_is_kept_for_one_book_with_however_many_entries() -> None:
    world = make_world("ana")
    [book] = opened()
    credit(world, book, 3)
    sent: list[str] = []

    def note(execute: Callable[..., Any], sql: str, *call: Any) -> Any:
        sent.append(sql)
        return execute(sql, *call)

    with connection.execute_wrapper(note):
        assert writing.write([book])

    assert [sql.count("LIMIT 1") for sql in sent] == [1]
