"""What is stored for good: each version of an entry's hash, and what an idempotency key remembers, byte for byte."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet

from participants.exceptions import IdempotencyConflict
from participants.ledger import Movement, verify
from participants.ledger.chain import HASH_SQL, entry_hash
from participants.models import ActionType, JournalEntry
from programs.kernel import exact_json
from tests.participants.ledger_world import World, make_world

MOMENT = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
HASHES = {
    (1, None): "e2dd136863dad175ec3f63e3f92dbca97617f44221c5c408b6d4bfc150e10064",
    (2, None): "051cdf1aeeb23a6f52f828bd57085b3502772db23e13ffbd07dc6b5f7d03f384",
    (
        2,
        MOMENT - timedelta(days=1),
    ): "0a62f466f0be28091eda1a924d026500ef721b3585dcb09a73f4db5b144e5fb7",
}
AS_THE_RELEASE_BEFORE = """
INSERT INTO participants_journalentry (id, participant_id, sequence, asset_id, program_id, source, destination, amount,
    available, held, deferred, description, event_id, rule_id, created_by, created_at, entry_hash, idempotency_key, request)
SELECT gen_random_uuid(), participant_id, sequence + 1, asset_id, program_id, 'AVAILABLE', 'BREAKAGE', 1, available - 1,
    held, deferred, 'An earlier release.', NULL, NULL, 'command:tests', %s, %s, 'old', %s
FROM participants_journalentry ORDER BY sequence DESC LIMIT 1
"""


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.mark.parametrize(("version", "effective_at"), HASHES)
def test_the_hash_of_an_entry_is_the_same_for_good(
    db: None, version: int, effective_at: datetime | None
) -> None:
    entry = JournalEntry(
        sequence=7,
        event_id=UUID(int=1),
        rule_id=None,
        program_id=UUID(int=2),
        asset_id=UUID(int=3),
        source="ISSUANCE",
        destination="AVAILABLE",
        amount=Decimal("12.50"),
        available=Decimal(20),
        held=Decimal(0),
        deferred=Decimal("0.000000000000000001"),
        created_at=MOMENT,
        effective_at=effective_at,
        action="CREDIT",
        hash_version=version,
    )
    digest = entry_hash(bytes(range(32)), entry)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT {HASH_SQL} FROM (SELECT %s AS hash_version, 7 AS sequence, %s::uuid AS event_id, NULL::uuid AS rule_id,
                %s::uuid AS program_id, %s::uuid AS asset_id, 'ISSUANCE' AS source, 'AVAILABLE' AS destination,
                12.500 AS amount, 20.0 AS available, 0 AS held, 0.000000000000000001 AS deferred,
                %s::timestamptz AS created_at, %s::timestamptz AS effective_at, 'CREDIT' AS action,
                %s::bytea AS previous_hash) AS entry""",
            [
                version,
                *map(UUID, ("0" * 31 + n for n in "123")),
                MOMENT,
                effective_at,
                bytes(range(32)),
            ],
        )
        [in_sql] = cursor.fetchone()

    assert digest.hex() == HASHES[version, effective_at]
    assert bytes(in_sql) == digest


def test_what_a_key_remembers_leaves_defaults_out(world: World) -> None:
    world.credit("10.50", idempotency_key="a")
    world.debit("1", bucket="AVAILABLE", allow_negative=True, idempotency_key="b")

    first, second = JournalEntry.objects.order_by("sequence").values_list("request", flat=True)
    ids = f'"program_id":"{world.program.pk}","asset_id":"{world.asset.pk}"'
    assert exact_json.dumps(_ordered(first)).decode() == (
        f'{{"action":"CREDIT",{ids},"description":"A test.","amount":"10.5"}}'
    )
    assert exact_json.dumps(_ordered(second)).decode() == (
        f'{{"action":"DEBIT",{ids},"description":"A test.","amount":"1","allow_negative":true}}'
    )


def _ordered(request: dict[str, object] | None) -> dict[str, object]:
    assert request is not None
    names = ["action", "program_id", "asset_id", "description", "amount", "allow_negative"]
    assert request.keys() <= set(names)
    return {name: request[name] for name in names if name in request}


def test_entries_of_the_release_before_fit_between_those_of_this_one(world: World) -> None:
    world.credit("10")
    insert_as_before(world)
    world.debit("2")

    old = JournalEntry.objects.get(sequence=2)
    assert (old.hash_version, old.action, old.effective_at) == (1, None, None)
    assert (old.action_type, old.happened_at) == (ActionType.FORFEIT, MOMENT)
    assert [fault.message for fault in verify.faults()] == []
    assert list(JournalEntry.objects.of_action("FORFEIT")) == [old]
    assert not JournalEntry.objects.effective_before(MOMENT).exists()
    assert JournalEntry.objects.effective_from(MOMENT).count() == 3


def test_a_key_of_the_release_before_answers_again_although_it_remembers_defaults(
    world: World,
) -> None:
    world.credit("10")
    insert_as_before(world)

    again = world.move(ActionType.FORFEIT, "1", idempotency_key="old")

    assert again.entry_id == JournalEntry.objects.get(sequence=2).pk
    with pytest.raises(IdempotencyConflict):
        world.move(ActionType.FORFEIT, "1", bucket="HELD", idempotency_key="old")


def insert_as_before(world: World) -> None:
    """Forfeit 1 as a process of the release before does, whose columns and stored request were others."""
    last = JournalEntry.objects.get()
    entry = JournalEntry(
        sequence=2,
        program_id=world.program.pk,
        asset_id=world.asset.pk,
        source="AVAILABLE",
        destination="BREAKAGE",
        amount=Decimal(1),
        available=last.available - 1,
        held=last.held,
        deferred=last.deferred,
        created_at=MOMENT,
        hash_version=1,
    )
    digest = entry_hash(bytes(last.entry_hash), entry)
    movement = Movement(ActionType.FORFEIT, world.program.pk, world.asset.pk, "A test.", Decimal(1))
    request = {
        **movement.meaning,
        "bucket": "AVAILABLE",
        "matures_at": None,
        "allow_negative": False,
    }
    with connection.cursor() as cursor:
        text = exact_json.dumps(request).decode()
        cursor.execute(AS_THE_RELEASE_BEFORE, [MOMENT, digest, text])
        cursor.execute(
            "UPDATE participants_balance SET available = available - 1, last_sequence = 2"
        )


@pytest.mark.parametrize("change", ["effective_at = now()", "action = 'DEBIT'"])
def test_what_version_2_covers_does_not_change_unseen(world: World, change: str) -> None:
    world.credit("10")

    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE participants_journalentry SET {change}")

    assert len(list(verify.faults())) == 1


def test_version_1_stores_nothing_that_it_does_not_cover(world: World) -> None:
    world.credit("10")

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE participants_journalentry SET hash_version = 1")


@pytest.mark.parametrize(
    ("entries", "index"),
    [
        (JournalEntry.objects.of_action("FORFEIT"), "journal_entry_by_action"),
        (JournalEntry.objects.effective_before(MOMENT), "journal_entry_by_effective_at"),
        (JournalEntry.objects.touching("HELD"), "journal_entry_of_held"),
        (JournalEntry.objects.touching("DEFERRED"), "journal_entry_of_deferred"),
    ],
)
def test_an_index_serves_the_filter(
    world: World, entries: QuerySet[JournalEntry], index: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

    assert index in entries.order_by().explain()
