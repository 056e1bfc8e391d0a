"""The hash chain: each entry's hash covers the entry and the hash of the one before, so a change shows.

It is evidence against accidents and clumsy hands. Whoever may rewrite the whole table can rewrite the hashes too.

An entry stores the version of its hash and is verified by that version's recipe. Each is SHA-256 over, in this order: the
version as one byte; the fields, joined by "|" in UTF-8; and the previous hash (32 bytes), which for a participant's first
entry is their `ledger_salt` (16 bytes). The fields are:

    version 1   sequence, event_id, rule_id, program_id, asset_id, source, destination, amount, available, held,
                deferred, created_at
    version 2   those of version 1, then effective_at, action

UUIDs are in lower case with hyphens; numbers in plain digits without trailing zeros; times as 2026-01-15T10:30:00.000000Z;
what is NULL is empty. A recipe never changes: another column is another version.

The participant, who caused the entry, the description and the idempotency key are not covered, so that erasing a person
leaves their chain whole.
"""

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from programs.kernel import instants
from programs.kernel.decimals import written

HASH_VERSION: Final = 2  # of the entries that are written from now on


def _time_sql(column: str) -> str:
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


_FIELDS_SQL_1 = f"""
    entry.sequence, coalesce(entry.event_id::text, ''), coalesce(entry.rule_id::text, ''), entry.program_id, entry.asset_id,
    entry.source, entry.destination, trim_scale(entry.amount), trim_scale(entry.available), trim_scale(entry.held),
    trim_scale(entry.deferred), {_time_sql("entry.created_at")}"""
_FIELDS_SQL_2 = f"""{_FIELDS_SQL_1},
    coalesce({_time_sql("entry.effective_at")}, ''), coalesce(entry.action, '')"""

# The same in PostgreSQL; `entry` has the columns of a journal entry and `previous_hash` is a bytea. An unknown version
# gives NULL, which is no entry's hash.
HASH_SQL = f"""sha256(CASE entry.hash_version
    WHEN 1 THEN '\\x01'::bytea || convert_to(concat_ws('|', {_FIELDS_SQL_1}), 'UTF8')
    WHEN 2 THEN '\\x02'::bytea || convert_to(concat_ws('|', {_FIELDS_SQL_2}), 'UTF8')
END || previous_hash)"""


def entry_hash(
    previous_hash: bytes,
    *,
    sequence: int,
    event_id: UUID | None,
    rule_id: UUID | None,
    program_id: UUID,
    asset_id: UUID,
    source: str,
    destination: str,
    amount: Decimal,
    balances: tuple[Decimal, Decimal, Decimal],
    created_at: datetime,
    effective_at: datetime | None,
    action: str,
    version: int = HASH_VERSION,
) -> bytes:
    """Hash an entry that follows the one with `previous_hash`; `balances` are available, held and deferred after it."""
    fields = [
        str(sequence),
        str(event_id or ""),
        str(rule_id or ""),
        str(program_id),
        str(asset_id),
        source,
        destination,
        *map(written, (amount, *balances)),
        instants.written(created_at),
    ]
    if version == 2:
        fields += [instants.written(effective_at) if effective_at else "", action]
    return hashlib.sha256(bytes([version]) + "|".join(fields).encode() + previous_hash).digest()
