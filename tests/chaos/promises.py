"""What must hold once all is quiet: everything acknowledged is there once, and nothing else."""

from decimal import Decimal

from tests.chaos.clients import Client
from tests.processes import Laurel, soon


def everything_is_kept(laurel: Laurel, clients: list[Client]) -> None:
    promises = [client.promises for client in clients]
    events = {key: event_id for each in promises for key, event_id in each.events.items()}
    credited = {key: amount for each in promises for key, amount in each.credits.items()}
    total = sum((each.earned for each in promises), Decimal(0)) + sum(credited.values())

    count = "SELECT status, count(*), max(attempts) FROM participants_event GROUP BY status"
    expected = [("COMPLETED", len(events), 0)]
    assert soon(lambda: laurel.rows(count) == expected), (laurel.rows(count), expected)
    stored = laurel.rows("SELECT idempotency_key, id::text FROM participants_event")
    assert dict(stored) == events
    with_errors = "SELECT count(failed_rule_ids) FROM participants_event"
    assert laurel.rows(with_errors) == [(0,)]

    moved = "SELECT count(*), count(DISTINCT {of}) FROM participants_journalentry WHERE {of} IS NOT NULL"
    assert laurel.rows(moved.format(of="event_id")) == [(len(events), len(events))]
    entries = "SELECT idempotency_key, amount FROM participants_journalentry WHERE event_id IS NULL"
    assert sorted(laurel.rows(entries)) == sorted(credited.items())
    assert laurel.rows("SELECT sum(available) FROM participants_balance") == [(total,)]
    assert laurel.rows("SELECT sum(value) FROM participants_counter") == [(len(events),)]

    _upserts_are_kept(laurel, clients)
    edits = [name for each in promises for name in each.edits]
    versions = laurel.rows("SELECT snapshot ->> 'name' FROM programs_ruleversion WHERE version > 1")
    assert sorted(name for (name,) in versions) == sorted(edits)
    laurel.command("verify_ledger")


def _upserts_are_kept(laurel: Laurel, clients: list[Client]) -> None:
    """Each of a client's numbers is in the history of that person once, in order."""
    expected = {
        (who, f"c{client.number}"): [*map(str, numbers)]
        for client in clients
        for who, numbers in client.promises.upserts.items()
    }
    # A new participant has all attributes in one row.
    found = laurel.rows("""
        SELECT external_id, attribute.key, array_agg(attribute.value #>> '{}' ORDER BY changed_at)
        FROM participants_statechange AS change JOIN participants_participant AS participant
            ON participant.id = change.participant_id
        CROSS JOIN LATERAL (
            SELECT change.key, change.new_value AS value WHERE change.key <> ''
            UNION ALL
            SELECT key, value FROM jsonb_each(CASE WHEN change.key = '' THEN change.new_value END)
        ) AS attribute
        WHERE change.state_type = 'attribute'
        GROUP BY external_id, attribute.key
    """)
    assert {(who, key): numbers for who, key, numbers in found} == expected
