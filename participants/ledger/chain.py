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
from typing import Any, Final, NamedTuple
from uuid import UUID

from participants.models import JournalEntry
from programs.kernel import instants
from programs.kernel.decimals import written

HASH_VERSION: Final = 2  # of the entries that are written from now on


class Entry(NamedTuple):
    """A journal entry that is yet to be written; its fields are columns of the table."""

    id: UUID
    sequence: int
    asset_id: UUID
    program_id: UUID
    source: str
    destination: str
    amount: Decimal
    available: Decimal
    held: Decimal
    deferred: Decimal
    description: str
    event_id: UUID | None
    rule_id: UUID | None
    created_by: str
    created_at: datetime
    idempotency_key: str | None
    request: dict[str, Any] | None
    hash_version: int
    effective_at: datetime | None
    action: str
    entry_hash: bytes = b""


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


def entry_hash(previous_hash: bytes, entry: Entry | JournalEntry) -> bytes:
    """Hash an entry by the recipe of its version; it follows the one with `previous_hash`."""
    fields = [
        str(entry.sequence),
        str(entry.event_id or ""),
        str(entry.rule_id or ""),
        str(entry.program_id),
        str(entry.asset_id),
        entry.source,
        entry.destination,
        *map(written, (entry.amount, entry.available, entry.held, entry.deferred)),
        instants.written(entry.created_at),
    ]
    if entry.hash_version == 2:
        effective_at = entry.effective_at and instants.written(entry.effective_at)
        fields += [effective_at or "", entry.action or ""]
    return hashlib.sha256(
        bytes([entry.hash_version]) + "|".join(fields).encode() + previous_hash
    ).digest()
