"""How account books are read from the database and written down in it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from participants.ledger.book import Amounts, Book, Entry, Waiting
from participants.models import Balance, JournalEntry, Maturity, Participant
from programs.kernel import exact_json, instants
from programs.kernel.database import id_list, planned_cursor, prepared_cursor, uuid7

_PARTICIPANT = Participant._meta.db_table
_ENTRY = JournalEntry._meta.db_table
_BALANCE = Balance._meta.db_table
_MATURITY = Maturity._meta.db_table

# The part about deferred credits, which few movements have: what is not there costs nothing.
_DEFERRED = f""", deferred AS (
    INSERT INTO {_MATURITY} (id, participant_id, entry_id, asset_id, amount, matures_at, matured_at)
    SELECT id, participant_id, entry_id, asset_id, amount, matures_at, matured_at
    FROM jsonb_to_recordset($4::jsonb) AS maturity (
        id uuid, participant_id uuid, entry_id uuid, asset_id uuid, amount numeric, matures_at timestamptz,
        matured_at timestamptz
    )
    WHERE participant_id IN (SELECT participant_id FROM entered)
    ON CONFLICT (id) DO UPDATE SET amount = EXCLUDED.amount, matured_at = EXCLUDED.matured_at
)
"""


# One statement, whole or not at all. An entry whose number or key is taken is not written, and neither are the balances:
# somebody else has moved this participant's value since the book was read. A participant who has changed since (in status or
# enrolments, say: whoever writes those writes `updated_at`) is not locked, and nothing is written for them either.
# LIMIT tells the planner of one participant that it is one, and to use the index.
def _statement(*, single: bool, has_credits: bool) -> str:
    return f"""
WITH given AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS given (participant_id uuid, version timestamptz)
    {"LIMIT 1" if single else ""}
),
locked AS MATERIALIZED (
    SELECT participant.id
    FROM given JOIN {_PARTICIPANT} AS participant
        ON participant.id = given.participant_id AND participant.updated_at = given.version
    ORDER BY participant.id
    FOR NO KEY UPDATE OF participant
),
entered AS (
    INSERT INTO {_ENTRY} (
        id, participant_id, sequence, asset_id, program_id, source, destination, amount, available, held, deferred,
        description, event_id, rule_id, created_by, created_at, entry_hash, idempotency_key, request
    )
    SELECT entry.id, locked.id, sequence, asset_id, program_id, source, destination, amount, available, held, deferred,
        description, event_id, rule_id, created_by, created_at, decode(entry_hash, 'hex'), idempotency_key, request
    FROM jsonb_to_recordset($2::jsonb) AS entry (
        id uuid, participant_id uuid, sequence bigint, asset_id uuid, program_id uuid, source text, destination text,
        amount numeric, available numeric, held numeric, deferred numeric, description text, event_id uuid, rule_id uuid,
        created_by text, created_at timestamptz, entry_hash text, idempotency_key text, request jsonb
    ) JOIN locked ON locked.id = entry.participant_id
    ORDER BY locked.id, sequence
    ON CONFLICT DO NOTHING
    RETURNING participant_id
),
balanced AS (
    INSERT INTO {_BALANCE} (id, participant_id, asset_id, available, held, deferred, overdrawn, last_sequence)
    SELECT id, participant_id, asset_id, available, held, deferred, overdrawn, last_sequence
    FROM jsonb_to_recordset($3::jsonb) AS balance (
        id uuid, participant_id uuid, asset_id uuid, available numeric, held numeric, deferred numeric, overdrawn boolean,
        last_sequence bigint
    )
    WHERE participant_id IN (SELECT participant_id FROM entered)
    ON CONFLICT (participant_id, asset_id) DO UPDATE
    SET available = EXCLUDED.available, held = EXCLUDED.held, deferred = EXCLUDED.deferred,
        overdrawn = EXCLUDED.overdrawn, last_sequence = EXCLUDED.last_sequence
)
{_DEFERRED if has_credits else ""}
SELECT count(*) FROM entered
"""


_WRITE = {
    (single, has_credits): _statement(single=single, has_credits=has_credits)
    for single in (True, False)
    for has_credits in (True, False)
}

_HEADS = f"""
SELECT clock_timestamp(), participant.id, participant.updated_at, coalesce(last.sequence, 0),
    coalesce(last.entry_hash, uuid_send(participant.ledger_salt))
FROM {_PARTICIPANT} AS participant LEFT JOIN LATERAL (
    SELECT sequence, entry_hash FROM {_ENTRY}
    WHERE participant_id = participant.id ORDER BY sequence DESC LIMIT 1
) AS last ON true
WHERE participant.id = ANY($1::uuid[])
ORDER BY participant.id
"""
_AMOUNTS = f"""
SELECT participant_id, asset_id, trim_scale(available), trim_scale(held), trim_scale(deferred), overdrawn
FROM {_BALANCE} WHERE participant_id = ANY($1::uuid[])
"""


def write(books: Sequence[Book]) -> bool:
    """Write down the new entries of these books with what they leave; False where one of them was overtaken.

    One entry is written whole or not at all. Several take a transaction, and the locks of their participants.
    """
    entries = [_entry_row(book, entry) for book in books for entry in book.entries]
    participants = [
        {"participant_id": book.participant_id, "version": instants.written(book.version)}
        for book in books
    ]
    balances = [
        {"id": uuid7(), "participant_id": book.participant_id, **_balance_row(book, entry)}
        for book in books
        for entry in {entry.asset_id: entry for entry in book.entries}.values()  # each asset's last
    ]
    maturities = [
        {"participant_id": book.participant_id, **_maturity_row(credit)}
        for book in books
        for credit in book.touched.values()
    ]
    tables = [participants, entries, balances, *([maturities] if maturities else [])]
    single = len(entries) == 1
    with prepared_cursor() if single else planned_cursor() as cursor:
        statement = _WRITE[single, bool(maturities)]
        cursor.execute(statement, [exact_json.dumps(rows).decode() for rows in tables])
        [written] = cursor.fetchone()
    return bool(written == len(entries))


def lock(participant_ids: Sequence[UUID]) -> tuple[list[Book], datetime]:
    """Lock these participants, in the order of their ids, and open their books, without any amounts yet.

    In a transaction; the lock is held to its end. The time is PostgreSQL's, under the lock.
    """
    people = Participant.objects.filter(pk__in=participant_ids).order_by("pk")
    return opened(list(people.select_for_update(no_key=True).values_list("pk", flat=True)))


def opened(participant_ids: Sequence[UUID]) -> tuple[list[Book], datetime]:
    """The books of these participants, in the order of their ids, without any amounts yet; and PostgreSQL's time."""
    with prepared_cursor(binary=True) as cursor:
        cursor.execute(_HEADS, [id_list(participant_ids)])
        rows = cursor.fetchall()
    moment = rows[0][0] if rows else timezone.now()
    return [Book(*row) for _, *row in rows], moment


def load_amounts(books: Sequence[Book]) -> None:
    """Fill in the balances of these books."""
    by_id = {book.participant_id: book for book in books}
    with prepared_cursor(binary=True) as cursor:
        cursor.execute(_AMOUNTS, [id_list(by_id)])
        for participant_id, asset_id, *amounts in cursor.fetchall():
            by_id[participant_id].amounts[asset_id] = Amounts(*amounts)


def load_waiting(books: Sequence[Book]) -> None:
    """Fill in the credits of these books that have not matured."""
    by_id = {book.participant_id: book for book in books}
    rows = list(Maturity.objects.filter(participant__in=by_id, matured_at=None, amount__gt=0))
    entries = JournalEntry.objects.filter(
        participant__in=by_id, pk__in=[row.entry_id for row in rows]
    )
    programs = dict(entries.values_list("pk", F("program_id")))
    for row in rows:
        credit = waiting(row, programs[row.entry_id])
        by_id[row.participant_id].waiting[credit.id] = credit


def waiting(row: Maturity, program_id: UUID) -> Waiting:
    return Waiting(row.pk, row.entry_id, row.asset_id, program_id, row.amount, row.matures_at)


def _entry_row(book: Book, entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "participant_id": book.participant_id,
        "sequence": entry.sequence,
        "asset_id": entry.asset_id,
        "program_id": entry.program_id,
        "source": entry.source,
        "destination": entry.destination,
        "amount": entry.amount,
        "available": entry.after.available,
        "held": entry.after.held,
        "deferred": entry.after.deferred,
        "description": entry.reason.description,
        "event_id": entry.reason.event_id,
        "rule_id": entry.reason.rule_id,
        "created_by": str(entry.reason.by),
        "created_at": instants.written(entry.created_at),
        "entry_hash": entry.entry_hash.hex(),
        "idempotency_key": entry.reason.idempotency_key,
        "request": entry.reason.request,
    }


def _balance_row(book: Book, last: Entry) -> dict[str, Any]:
    amounts = book.amounts[last.asset_id]
    return {
        "asset_id": last.asset_id,
        "available": amounts.available,
        "held": amounts.held,
        "deferred": amounts.deferred,
        "overdrawn": amounts.overdrawn,
        "last_sequence": last.sequence,
    }


def _maturity_row(credit: Waiting) -> dict[str, Any]:
    return {
        "id": credit.id,
        "entry_id": credit.entry_id,
        "asset_id": credit.asset_id,
        "amount": credit.amount,
        "matures_at": instants.written(credit.matures_at),
        "matured_at": credit.matured_at and instants.written(credit.matured_at),
    }
