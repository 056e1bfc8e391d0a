"""Journals made in SQL, so that a great many entries are there in seconds."""

from uuid import UUID

from participants.ledger.chain import HASH_SQL
from participants.models import Balance, JournalEntry, Participant
from tests.benchmarks import databases

_ENTRY = JournalEntry._meta.db_table
_PEOPLE = (
    f"(SELECT id FROM {Participant._meta.db_table} WHERE starts_with(external_id, %(prefix)s))"
)
_COLUMNS = """id, participant_id, sequence, asset_id, program_id, source, destination, amount, available, held, deferred,
    description, created_by, created_at, entry_hash"""

# The next entry of each of these people: a credit, or every third time a debit of less; hashed as Laurel hashes.
_NEXT = f"""
INSERT INTO {_ENTRY} ({_COLUMNS})
SELECT {_COLUMNS.replace("entry_hash", HASH_SQL)} FROM (
    SELECT 1 AS hash_version, NULL::timestamptz AS effective_at, NULL AS action,
        gen_random_uuid() AS id, person.id AS participant_id, %(number)s AS sequence,
        %(asset)s::uuid AS asset_id, %(program)s::uuid AS program_id, NULL::uuid AS event_id, NULL::uuid AS rule_id,
        CASE WHEN mod(%(number)s, 3) > 0 THEN 'ISSUANCE' ELSE 'AVAILABLE' END AS source,
        CASE WHEN mod(%(number)s, 3) > 0 THEN 'AVAILABLE' ELSE 'REDEMPTION' END AS destination,
        12.50 - mod(%(number)s, 3) AS amount,
        coalesce(last.available, 0) + (12.50 - mod(%(number)s, 3)) * CASE WHEN mod(%(number)s, 3) > 0 THEN 1 ELSE -1 END
            AS available,
        0 AS held, 0 AS deferred, 'Purchase ' || %(number)s AS description, 'command:benchmarks' AS created_by,
        clock_timestamp() AS created_at, coalesce(last.entry_hash, uuid_send(person.ledger_salt)) AS previous_hash
    FROM {Participant._meta.db_table} AS person
        LEFT JOIN {_ENTRY} AS last ON last.participant_id = person.id AND last.sequence = %(number)s - 1
    WHERE person.id IN {_PEOPLE}
) AS entry
"""
_BALANCES = f"""
INSERT INTO {Balance._meta.db_table} (id, participant_id, asset_id, available, held, deferred, overdrawn, last_sequence)
SELECT gen_random_uuid(), participant_id, asset_id, available, held, deferred, false, sequence
FROM {_ENTRY} WHERE sequence = %(number)s AND participant_id IN {_PEOPLE}
"""


def fill(database: str, prefix: str, entries: int, *, asset_id: UUID, program_id: UUID) -> None:
    """Give everybody whose external_id begins so, and who has no entries yet, so many of this asset."""
    with databases.connect(database) as session:
        common: dict[str, str | int | UUID] = {
            "prefix": prefix,
            "asset": asset_id,
            "program": program_id,
        }
        for number in range(1, entries + 1):
            session.execute(_NEXT, {**common, "number": number})
            if number in (1, 10):  # so that the plans know how many there are
                session.execute(f"ANALYZE {_ENTRY}")
        session.execute(_BALANCES, {**common, "number": entries})


# One person's journal as a page of history reads it. Nobody verifies it, so its hashes are none.
_LONG = f"""
INSERT INTO {_ENTRY} ({_COLUMNS})
SELECT gen_random_uuid(), %(participant)s, number, %(asset)s, %(program)s, 'ISSUANCE', 'AVAILABLE', 1.50,
    1.50 * number, 0, 0, 'Purchase ' || number, 'command:benchmarks',
    now() - interval '1 second' * (%(entries)s - number), '\\x00'
FROM generate_series(1, %(entries)s) AS number
"""


def fill_one(
    database: str, participant_id: UUID, entries: int, *, asset_id: UUID, program_id: UUID
) -> None:
    """Give one participant so many entries, a second apart, the last of them now."""
    with databases.connect(database) as session:
        session.execute(
            _LONG,
            {
                "participant": participant_id,
                "entries": entries,
                "asset": asset_id,
                "program": program_id,
            },
        )
