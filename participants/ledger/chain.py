"""The hash chain: each entry's hash covers what it says and the hash of the entry before, so a change shows.

It is evidence against accident and clumsy hands. Whoever may rewrite the whole table can rewrite the hashes too.

SHA-256 over, in this order: the version byte 0x01; these fields, joined by "|" in UTF-8: sequence, event_id, rule_id,
program_id, asset_id, source, destination, amount, available, held, deferred, created_at; and the previous hash (32 bytes),
which for a participant's first entry is their `ledger_salt` (16 bytes). UUIDs are in small letters with hyphens, empty
where there is none; numbers in plain digits without trailing zeros; times as 2026-01-15T10:30:00.000000Z.

Who took part, who caused it, the description and the idempotency key are not covered, so that erasing a person leaves
their chain whole.
"""

import hashlib
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from programs.kernel import instants
from programs.kernel.decimals import written

_VERSION = b"\x01"

# The same for PostgreSQL; `entry` has the columns of a journal entry and `previous_hash` is a bytea.
HASH_SQL = """sha256('\\x01'::bytea || convert_to(concat_ws('|',
    entry.sequence, coalesce(entry.event_id::text, ''), coalesce(entry.rule_id::text, ''), entry.program_id, entry.asset_id,
    entry.source, entry.destination, trim_scale(entry.amount), trim_scale(entry.available), trim_scale(entry.held),
    trim_scale(entry.deferred), to_char(entry.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
), 'UTF8') || previous_hash)"""


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
) -> bytes:
    """The hash of an entry after the one with `previous_hash`; `balances` are available, held and deferred after it."""
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
    return hashlib.sha256(_VERSION + "|".join(fields).encode() + previous_hash).digest()
