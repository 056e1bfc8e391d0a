"""How account books are filled from the database, several at a time."""

from collections.abc import Collection
from datetime import UTC, datetime
from uuid import UUID

from participants import locks
from participants.ledger.book import Amounts, Book, Maturity
from programs.kernel.database import Statement, id_list, run

# Where each journal ends, and the database's time, later than what was stored before even where its clock was set back. The index on (participant, sequence) finds the last entry.
_HEADS = Statement(
    """
WITH input AS (SELECT $1::uuid[] AS participant_ids)
SELECT greatest(clock_timestamp(), participant.updated_at + interval '1 microsecond'), participant.id, participant.updated_at, coalesce(last.sequence, 0),
    coalesce(last.entry_hash, uuid_send(participant.ledger_salt))
FROM participants_participant AS participant LEFT JOIN LATERAL (
    SELECT sequence, entry_hash FROM participants_journalentry
    WHERE participant_id = participant.id ORDER BY sequence DESC LIMIT 1
) AS last ON true
WHERE participant.id = ANY((SELECT participant_ids FROM input)::uuid[])
ORDER BY participant.id
""",
    binary=True,
)
_AMOUNTS = Statement(
    """
WITH input AS (SELECT $1::uuid[] AS participant_ids)
SELECT participant_id, asset_id, trim_scale(available), trim_scale(held), trim_scale(deferred), overdrawn
FROM participants_balance
WHERE participant_id = ANY((SELECT participant_ids FROM input)::uuid[])
""",
    binary=True,
)
# Deferred credits that have not matured, with the programs of their entries; NULL where the entry is missing.
_MATURITIES = Statement(
    """
WITH input AS (SELECT $1::uuid[] AS participant_ids, $2::timestamptz AS until, $3::bigint AS most)
SELECT maturity.participant_id, maturity.id, maturity.entry_id, maturity.asset_id, entry.program_id,
    trim_scale(maturity.amount), maturity.matures_at
FROM participants_maturity AS maturity LEFT JOIN participants_journalentry AS entry
    ON entry.id = maturity.entry_id AND entry.participant_id = maturity.participant_id
WHERE maturity.participant_id = ANY((SELECT participant_ids FROM input)::uuid[])
    AND maturity.matured_at IS NULL AND maturity.amount > 0
    AND maturity.matures_at <= coalesce((SELECT until FROM input), 'infinity')
ORDER BY maturity.matures_at, maturity.participant_id, maturity.id
LIMIT (SELECT most FROM input)
""",
    binary=True,
)


def lock(participant_ids: Collection[UUID]) -> tuple[list[Book], datetime]:
    """Lock these participants in the order of their ids, and read their books, without any amounts yet.

    In a transaction; the locks are held to its end. The time is PostgreSQL's, under the locks.
    """
    return read([participant_id for participant_id, _ in locks.lock(list(participant_ids))])


def read(participant_ids: Collection[UUID]) -> tuple[list[Book], datetime]:
    """Read the books of these participants in the order of their ids, without any amounts yet; and PostgreSQL's time."""
    rows = run(_HEADS, [id_list(participant_ids)], at=participant_ids)
    moment = max((row[0] for row in rows), default=datetime.min.replace(tzinfo=UTC))
    return [Book(*row) for _, *row in rows], moment


def load_amounts(books: Collection[Book]) -> None:
    """Fill in the balances of these books."""
    by_id = {book.participant_id: book for book in books}
    for participant_id, asset_id, *amounts in run(_AMOUNTS, [id_list(by_id)], at=by_id):
        by_id[participant_id].amounts[asset_id] = Amounts(*amounts)


def load_maturities(
    books: Collection[Book], *, until: datetime | None = None, most: int | None = None
) -> None:
    """Fill in the credits of these books that have not matured, or the first `most` that mature until then."""
    by_id = {book.participant_id: book for book in books}
    parameters = [id_list(by_id), until, most]
    for participant_id, *columns in run(_MATURITIES, parameters, at=by_id):
        maturity = Maturity(*columns)
        by_id[participant_id].maturities[maturity.id] = maturity
