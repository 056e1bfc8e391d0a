"""How account books are written: the only code that changes the journal, balances and maturities.

A book that was read without a lock and is out of date is not written: the statement locks the participant, compares
`updated_at` with the book's version, and leaves out an entry whose number or key is taken.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from participants import locks
from participants.exceptions import ParticipantNotFound
from participants.ledger import reading
from participants.ledger.book import Book
from participants.ledger.chain import Entry
from participants.models import Balance, JournalEntry, Maturity
from participants.models.figures import MEASURE_SQL, SLOT_SQL
from programs.kernel import exact_json
from programs.kernel.columns import Columns
from programs.kernel.database import Statement, uuid7

# A row is a JSON object of its table's columns.
_ENTRY, _BALANCE, _MATURITY = map(Columns.of, (JournalEntry, Balance, Maturity))


def _recordset(name: str, columns: Columns) -> str:
    """The rows of `input` under this name, as a table with these columns."""
    return f"input CROSS JOIN LATERAL jsonb_to_recordset(input.{name}) AS row ({columns.typed})"


# The parameters by name, replaced by their values when the statement is planned.
_INPUT = """
WITH input AS NOT MATERIALIZED (
    SELECT $1::jsonb AS participants, $2::jsonb AS entries, $3::jsonb AS balances{maturities}
)"""

# Participants who are still as their books found them, locked in the order of their ids. Whoever changes a status or an
# enrollment sets `updated_at`: those are not locked, and nothing is written for them. For a single participant,
# LIMIT makes the planner use the index.
_LOCKED = """
book AS MATERIALIZED (
    SELECT row.* FROM {recordset} {limit}
),
locked AS MATERIALIZED (
    SELECT participant.id AS participant_id
    FROM book JOIN participants_participant AS participant
        ON participant.id = book.participant_id AND participant.updated_at = book.version
    ORDER BY participant.id
    FOR NO KEY UPDATE OF participant
)"""

# An entry whose number or key is taken is left out: somebody has moved this participant's value since the book was read.
_ENTERED = f"""
entered AS (
    INSERT INTO participants_journalentry ({_ENTRY.names})
    SELECT {_ENTRY.names} FROM {_recordset("entries", _ENTRY)} JOIN locked USING (participant_id)
    ORDER BY participant_id, sequence
    ON CONFLICT DO NOTHING
    RETURNING participant_id, program_id, rule_id, asset_id, source, destination, amount,
        coalesce(effective_at, created_at) AS happened_at
)"""

# What the entries add to the figures of their programs.
_COUNTED = f"""
counted AS (
    INSERT INTO participants_figuredelta (program_id, rule_id, asset_id, slot, measure, value)
    SELECT program_id, rule_id, asset_id, slot, measure, sum(amount)
    FROM entered CROSS JOIN LATERAL (
        SELECT {SLOT_SQL.format(moment="happened_at")}, {MEASURE_SQL}
    ) AS counted (slot, measure)
    WHERE measure IS NOT NULL
    GROUP BY program_id, rule_id, asset_id, slot, measure
)"""

# The balances after the last entries, only of participants whose entries were written.
_BALANCED = f"""
balanced AS (
    INSERT INTO participants_balance ({_BALANCE.names})
    SELECT {_BALANCE.names} FROM {_recordset("balances", _BALANCE)}
    WHERE row.participant_id IN (SELECT participant_id FROM entered)
    ON CONFLICT (participant_id, asset_id) DO UPDATE
    SET {_BALANCE.replacing("id", "participant_id", "asset_id")}
)"""

# Deferred credits, new ones and those of which something was taken. Few movements have any, and a part that is left out of
# the statement costs nothing.
_DEFERRED = f""",
maturing AS (
    INSERT INTO participants_maturity ({_MATURITY.names})
    SELECT {_MATURITY.names} FROM {_recordset("maturities", _MATURITY)}
    WHERE row.participant_id IN (SELECT participant_id FROM entered)
    ON CONFLICT (participant_id, entry_id) DO UPDATE SET amount = EXCLUDED.amount, matured_at = EXCLUDED.matured_at
)"""


def _statement(*, single: bool, has_maturities: bool) -> Statement:
    """One statement, whole or not at all. With a single book its plan is kept."""
    maturities = ", $4::jsonb AS maturities" if has_maturities else ""
    books = _recordset("participants", Columns(participant_id="uuid", version="timestamptz"))
    parts = [
        _INPUT.format(maturities=maturities),
        _LOCKED.format(recordset=books, limit="LIMIT 1" if single else ""),
        _ENTERED,
        _COUNTED,
        _BALANCED + (_DEFERRED if has_maturities else ""),
    ]
    return Statement(f"{','.join(parts)}\nSELECT count(*) FROM entered", keeps_plan=single)


_WRITE = {
    (single, has_maturities): _statement(single=single, has_maturities=has_maturities)
    for single in (True, False)
    for has_maturities in (True, False)
}


@contextmanager
def opened(participant_ids: Collection[UUID]) -> Iterator[tuple[dict[UUID, Book], datetime]]:
    """Open the books of these participants, locked and with their amounts, and write them at the end.

    The way to move value together with something else in one transaction. Yields the books by participant and the
    database's time; `reading.load_maturities` adds deferred credits, for whoever takes from those. Raises
    ParticipantNotFound; where the block raises, nothing is written.
    """
    with transaction.atomic():
        books, moment = reading.lock(participant_ids)
        if len(books) < len(set(participant_ids)):
            raise ParticipantNotFound
        reading.load_amounts(books)
        yield {book.participant_id: book for book in books}, moment
        if not write(books):
            raise AssertionError("Somebody moved this participant's value under our lock.")


def write(books: Collection[Book]) -> bool:
    """Write the new entries of these books and the balances after them; return False where one of them was overtaken.

    One entry is written whole or not at all. Several take a transaction, and the locks of their participants. A book
    without new entries is left alone.
    """
    books = [book for book in books if book.entries]
    if not books:
        return True
    entries = [_entry_row(book, entry) for book in books for entry in book.entries]
    tables: list[list[dict[str, Any]]] = [
        [{"participant_id": book.participant_id, "version": book.version} for book in books],
        entries,
        [row for book in books for row in _balance_rows(book)],
    ]
    maturities = [row for book in books for row in _maturity_rows(book)]
    if maturities:
        tables.append(maturities)
    [(written,)] = locks.run(
        _WRITE[len(books) == 1, bool(maturities)],
        [exact_json.dumps(rows).decode() for rows in tables],
        at=[book.participant_id for book in books],
    )
    return bool(written == len(entries))


def _entry_row(book: Book, entry: Entry) -> dict[str, Any]:
    digest = f"\\x{entry.entry_hash.hex()}"  # as bytea reads it
    return {**entry._asdict(), "participant_id": book.participant_id, "entry_hash": digest}


def _balance_rows(book: Book) -> Iterator[dict[str, Any]]:
    last = {entry.asset_id: entry.sequence for entry in book.entries}
    for asset_id, sequence in last.items():
        yield {
            "id": uuid7(),
            "participant_id": book.participant_id,
            "asset_id": asset_id,
            "last_sequence": sequence,
            **book.amounts[asset_id]._asdict(),
        }


def _maturity_rows(book: Book) -> Iterator[dict[str, Any]]:
    for maturity in book.touched.values():
        yield {"participant_id": book.participant_id, **maturity._asdict()}
