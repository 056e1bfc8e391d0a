"""Verification of the ledger: numbering without gaps, hashes, running balances, and the balance rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from participants.ledger.chain import HASH_SQL

FETCHED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in a participant's part of the ledger; `sequence` is None if it is about a balance as a whole."""

    participant_id: UUID
    external_id: str
    sequence: int | None
    message: str

    def __str__(self) -> str:
        entry = "" if self.sequence is None else f", entry {self.sequence}"
        return f"{self.participant_id} ({self.external_id}){entry}: {self.message}"


_BUCKETS = ("available", "held", "deferred")


def _due(bucket: str) -> str:
    """What a bucket must hold after an entry: what it held before, and what the entry moved."""
    return f"""coalesce(lag(entry.{bucket}) OVER holding, 0)
        + CASE '{bucket.upper()}' WHEN destination THEN amount WHEN source THEN -amount ELSE 0 END AS {bucket}_due"""


def _unlike_due(bucket: str) -> str:
    return f"""CASE WHEN {bucket} <> {bucket}_due THEN
            format('{bucket} after it is %%s and should be %%s', trim_scale({bucket}), trim_scale({bucket}_due)) END"""


# Each entry beside the one before it: of the participant for number and hash, of the asset too for the balances.
_ENTRY_FAULTS = f"""
SELECT participant_id, participant.external_id, sequence, fault
FROM (
    SELECT participant_id, sequence, concat_ws('; ',
        CASE WHEN sequence <> previous_sequence + 1 THEN
            CASE WHEN sequence = previous_sequence + 2
                THEN format('entry %%s is missing', previous_sequence + 1)
                ELSE format('entries %%s to %%s are missing', previous_sequence + 1, sequence - 1) END
        END,
        CASE WHEN {HASH_SQL} IS DISTINCT FROM entry_hash THEN
            'its hash does not fit what it says and the entry before it' END,
        {", ".join(map(_unlike_due, _BUCKETS))}
    ) AS fault
    FROM (
        SELECT entry.*,
            coalesce(lag(entry.sequence) OVER chain, 0) AS previous_sequence,
            coalesce(lag(entry.entry_hash) OVER chain, uuid_send(participant.ledger_salt)) AS previous_hash,
            {", ".join(map(_due, _BUCKETS))}
        FROM participants_journalentry AS entry JOIN participants_participant AS participant ON participant.id = entry.participant_id
        WHERE %(participant)s::uuid IS NULL OR entry.participant_id = %(participant)s
        WINDOW chain AS (PARTITION BY entry.participant_id ORDER BY entry.sequence),
            holding AS (PARTITION BY entry.participant_id, entry.asset_id ORDER BY entry.sequence)
    ) AS entry
) AS checked JOIN participants_participant AS participant ON participant.id = participant_id
WHERE fault <> ''
"""

# Each balance row beside the last entry of its asset, and beside the deferred credits that have not matured.
_BALANCE_FAULTS = """
SELECT participant_id, participant.external_id, sequence, fault
FROM (
    SELECT participant_id, sequence, concat_ws('; ',
        CASE WHEN balance.asset_id IS NULL THEN format('there is no balance of asset %%s', asset_id)
        WHEN sequence IS NULL THEN
            format('there is a balance of asset %%s and no entry', asset_id)
        WHEN (balance.available, balance.held, balance.deferred) <> (last.available, last.held, last.deferred) THEN
            format('the balance of asset %%s (available %%s, held %%s, deferred %%s) is not what its last entry left '
                '(%%s, %%s, %%s): the balance was changed, or later entries are missing',
                asset_id, trim_scale(balance.available), trim_scale(balance.held), trim_scale(balance.deferred),
                trim_scale(last.available), trim_scale(last.held), trim_scale(last.deferred))
        END,
        CASE WHEN balance.last_sequence > last.sequence THEN
            format('the balance of asset %%s comes from entry %%s, which is missing', asset_id, balance.last_sequence)
        WHEN balance.last_sequence < last.sequence THEN
            format('the balance of asset %%s comes from entry %%s, and there are later ones', asset_id, balance.last_sequence)
        END,
        CASE WHEN balance.overdrawn <> (balance.available < 0) THEN
            format('the balance of asset %%s has %%s available and is %%s overdrawn', asset_id,
                trim_scale(balance.available), CASE WHEN balance.overdrawn THEN 'marked as' ELSE 'not marked as' END) END,
        CASE WHEN balance.deferred <> coalesce(waiting.amount, 0) THEN
            format('the balance of asset %%s has %%s deferred, and %%s wait to mature',
                asset_id, trim_scale(balance.deferred), trim_scale(coalesce(waiting.amount, 0))) END
    ) AS fault
    FROM (
        SELECT DISTINCT ON (participant_id, asset_id) participant_id, asset_id, sequence, available, held, deferred
        FROM participants_journalentry
        WHERE %(participant)s::uuid IS NULL OR participant_id = %(participant)s
        ORDER BY participant_id, asset_id, sequence DESC
    ) AS last
    FULL JOIN (
        SELECT * FROM participants_balance WHERE %(participant)s::uuid IS NULL OR participant_id = %(participant)s
    ) AS balance USING (participant_id, asset_id)
    LEFT JOIN (
        SELECT participant_id, asset_id, sum(amount) AS amount FROM participants_maturity
        WHERE matured_at IS NULL AND amount > 0
            AND (%(participant)s::uuid IS NULL OR participant_id = %(participant)s)
        GROUP BY participant_id, asset_id
    ) AS waiting USING (participant_id, asset_id)
) AS checked JOIN participants_participant AS participant ON participant.id = participant_id
WHERE fault <> ''
"""

# Each deferred credit beside its entry. The sums above do not see what one credit lost and another gained.
_MATURITY_FAULTS = """
SELECT maturity.participant_id, participant.external_id, entry.sequence,
    CASE WHEN entry.id IS NULL THEN
        format('%%s of asset %%s wait to mature, and no deferred credit says so', trim_scale(maturity.amount), maturity.asset_id)
    ELSE format('%%s of it wait to mature, and it deferred %%s', trim_scale(maturity.amount), trim_scale(entry.amount)) END
FROM participants_maturity AS maturity JOIN participants_participant AS participant ON participant.id = maturity.participant_id
    LEFT JOIN participants_journalentry AS entry ON entry.id = maturity.entry_id AND entry.participant_id = maturity.participant_id
        AND entry.asset_id = maturity.asset_id AND entry.destination = 'DEFERRED'
WHERE maturity.matured_at IS NULL AND maturity.amount > coalesce(entry.amount, 0)
    AND (%(participant)s::uuid IS NULL OR maturity.participant_id = %(participant)s)
"""


def faults(participant: UUID | None = None) -> Iterator[Fault]:
    """Find everything that is wrong in the ledger, or in this participant's part of it, as of one moment.

    PostgreSQL does the checking, in memory that does not grow with the ledger; only faults leave it.
    """
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                # Every row is looked at: a plan that is quick to its first row is of no use.
                cursor.execute("SET LOCAL cursor_tuple_fraction = 1")
        for statement in (_ENTRY_FAULTS, _BALANCE_FAULTS, _MATURITY_FAULTS):
            with connection.chunked_cursor() as cursor:
                cursor.execute(statement, {"participant": participant})
                while rows := cursor.fetchmany(FETCHED_AT_ONCE):
                    for row in rows:
                        yield Fault(*row)
