"""What verify_ledger finds when somebody has changed the tables by hand, and how the two commands of the ledger end."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from participants import ledger
from participants.models import ActionType, JournalEntry, Maturity, Participant
from tests.conftest import TESTER
from tests.participants.ledger_world import World
from tests.participants.management.ledger_faults import found, spoil

ENTRY = "participants_journalentry"
BALANCE = "participants_balance"
MATURITY = "participants_maturity"
HASH = "its hash does not fit what it says and the entry before it"
ANA = "participant_id = (SELECT id FROM participants_participant WHERE external_id = 'ana')"
Found = list[tuple[str, int | None, str]]


def test_a_ledger_that_nobody_touched_has_no_fault(world: World) -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            f"UPDATE {ENTRY} SET amount = 9 WHERE sequence = 1",
            [("ana", 1, f"{HASH}; available after it is 10 and should be 9")],
        ),
        (
            f"UPDATE {ENTRY} SET available = 7.5 WHERE sequence = 3",
            [
                ("ana", 3, f"{HASH}; available after it is 7.5 and should be 6.5"),
                ("ana", 4, "available after it is 5.5 and should be 6.5"),
            ],
        ),
        (
            f"UPDATE {ENTRY} SET held = 3.49 WHERE sequence = 3",
            [
                ("ana", 3, f"{HASH}; held after it is 3.49 and should be 3.5"),
                ("ana", 4, "held after it is 3.5 and should be 3.49"),
            ],
        ),
        (
            f"UPDATE {ENTRY} SET deferred = 5 WHERE sequence = 2",
            [
                ("ana", 2, f"{HASH}; deferred after it is 5 and should be 4"),
                ("ana", 3, "deferred after it is 4 and should be 5"),
            ],
        ),
        (
            f"UPDATE {ENTRY} SET created_at = created_at + interval '1 microsecond' WHERE sequence = 4",
            [("ana", 4, HASH)],
        ),
        (
            f"UPDATE {ENTRY} SET source = 'HELD' WHERE sequence = 4",
            [
                (
                    "ana",
                    4,
                    f"{HASH}; available after it is 5.5 and should be 6.5; held after it is 3.5 and should be 2.5",
                )
            ],
        ),
        (
            f"UPDATE {ENTRY} SET destination = 'BREAKAGE' WHERE sequence = 4",
            [("ana", 4, HASH)],
        ),
        (
            f"UPDATE {ENTRY} SET event_id = '00000000-0000-7000-8000-000000000000' WHERE sequence = 4",
            [("ana", 4, HASH)],
        ),
        (
            f"UPDATE {ENTRY} SET rule_id = '00000000-0000-7000-8000-000000000000' WHERE sequence = 4",
            [("ana", 4, HASH)],
        ),
        (
            f"UPDATE {ENTRY} SET entry_hash = sha256('') WHERE sequence = 5",
            [("ana", 5, HASH), ("ana", 6, HASH)],
        ),
        (
            f"DELETE FROM {ENTRY} WHERE sequence = 1",
            [
                (
                    "ana",
                    2,
                    f"entry 1 is missing; {HASH}; available after it is 10 and should be 0",
                )
            ],
        ),
        (
            f"DELETE FROM {ENTRY} WHERE sequence IN (3, 4)",
            [
                ("ana", 5, f"entries 3 to 4 are missing; {HASH}"),
                (
                    "ana",
                    6,
                    "available after it is 7.5 and should be 12; held after it is 3.5 and should be 0",
                ),
            ],
        ),
        (
            f"DELETE FROM {ENTRY} WHERE sequence = 6",
            [
                (
                    "ana",
                    4,
                    "the balance of asset PTS (available 7.5, held 3.5, deferred 4) is not what its last entry left "
                    "(5.5, 3.5, 4): the balance was changed, or later entries are missing; "
                    "the balance of asset PTS comes from entry 6, which is missing",
                )
            ],
        ),
        (
            f"DELETE FROM {ENTRY} WHERE sequence = 5",
            [
                ("ana", 6, f"entry 5 is missing; {HASH}"),
                ("ana", None, "there is a balance of asset MIL and no entry"),
            ],
        ),
        (
            f"UPDATE {BALANCE} SET available = available + 1 WHERE held > 0",
            [
                (
                    "ana",
                    6,
                    "the balance of asset PTS (available 8.5, held 3.5, deferred 4) is not what its last entry left "
                    "(7.5, 3.5, 4): the balance was changed, or later entries are missing",
                )
            ],
        ),
        (
            f"UPDATE {BALANCE} SET overdrawn = true WHERE held > 0",
            [("ana", 6, "the balance of asset PTS has 7.5 available and is marked as overdrawn")],
        ),
        (
            f"DELETE FROM {BALANCE} WHERE available = 100",
            [("ana", 5, "there is no balance of asset MIL")],
        ),
        (
            f"UPDATE {MATURITY} SET amount = 3",
            [("ana", 6, "the balance of asset PTS has 4 deferred, and 3 wait to mature")],
        ),
        (
            f"UPDATE {MATURITY} SET amount = 4.01",
            [
                ("ana", 6, "the balance of asset PTS has 4 deferred, and 4.01 wait to mature"),
                ("ana", 2, "4.01 of it wait to mature, and it deferred 4"),
            ],
        ),
        (
            f"UPDATE {MATURITY} SET matured_at = now()",
            [("ana", 6, "the balance of asset PTS has 4 deferred, and 0 wait to mature")],
        ),
        (
            f"DELETE FROM {MATURITY}",
            [("ana", 6, "the balance of asset PTS has 4 deferred, and 0 wait to mature")],
        ),
        (
            f"UPDATE {MATURITY} SET entry_id = '00000000-0000-7000-8000-000000000000'",
            [("ana", None, "4 of asset PTS wait to mature, and no deferred credit says so")],
        ),
    ],
)
def test_what_was_changed_is_named_with_its_place(
    world: World, statement: str, expected: Found
) -> None:
    spoil(statement)

    assert found() == expected
    assert found(Participant.objects.get(external_id="ana")) == expected
    assert found(Participant.objects.get(external_id="bo")) == []


def test_entries_that_changed_places_are_named(world: World) -> None:
    spoil(
        f"UPDATE {ENTRY} SET sequence = 99 WHERE sequence = 3",
        f"UPDATE {ENTRY} SET sequence = 3 WHERE sequence = 4",
        f"UPDATE {ENTRY} SET sequence = 4 WHERE sequence = 99",
    )

    faults = found()
    assert [(who, sequence) for who, sequence, _ in faults] == [
        ("ana", 3),
        ("ana", 4),
        ("ana", 5),
        ("ana", 6),
    ]
    assert all(HASH in message for _, sequence, message in faults if sequence != 6)


def test_amounts_that_changed_places_are_named(world: World) -> None:
    spoil(f"UPDATE {ENTRY} SET amount = 4.5 - amount WHERE sequence IN (3, 4)")

    assert [(who, sequence) for who, sequence, _ in found()] == [("ana", 3), ("ana", 4)]


def test_credits_that_exchanged_what_waits_are_named(world: World) -> None:
    world.credit("6", matures_at=timezone.now() + timedelta(days=1))

    spoil(f"UPDATE {MATURITY} SET amount = 10 - amount")

    assert found() == [("ana", 2, "6 of it wait to mature, and it deferred 4")]


def test_an_entry_moved_to_somebody_else_is_named_with_both(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {ENTRY} SET sequence = 3, participant_id = "
            "(SELECT id FROM participants_participant WHERE external_id = 'bo') "
            f"WHERE {ANA} AND sequence = 5"
        )

    assert sorted(found(), key=str) == [
        ("ana", 6, f"entry 5 is missing; {HASH}"),
        ("ana", None, "there is a balance of asset MIL and no entry"),
        ("bo", 3, HASH),
        ("bo", 3, "there is no balance of asset MIL"),
    ]


def test_an_entry_put_in_by_hand_is_named(world: World) -> None:
    JournalEntry.objects.create(
        participant=Participant.objects.get(external_id="bo"),
        sequence=3,
        asset=world.asset,
        program=world.program,
        source="ISSUANCE",
        destination="AVAILABLE",
        amount=1000,
        available=1021,
        held=0,
        deferred=0,
        description="A gift.",
        created_by="staff:mallory",
        created_at=timezone.now(),
        entry_hash=b"\0" * 32,
    )

    faults = found()
    assert [(who, sequence) for who, sequence, _ in faults] == [("bo", 3), ("bo", 3)]
    assert faults[0][2] == HASH
    assert faults[1][2].startswith("the balance of asset PTS (available 21, held 0, deferred 0)")


def test_what_erasing_a_person_changes_is_no_fault(world: World) -> None:
    spoil(f"UPDATE {ENTRY} SET description = 'Erased.', created_by = 'staff:erased'")
    Participant.objects.filter(external_id="ana").update(external_id="erased-1")

    assert found() == []


def test_the_hash_does_not_hang_on_how_the_session_writes_times(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TIME ZONE 'America/St_Johns'")

    assert found() == []


def test_credits_that_were_forfeited_and_have_matured_are_no_fault(world: World) -> None:
    world.move(ActionType.FORFEIT, "1.25", bucket="DEFERRED")
    assert found() == []

    Maturity.objects.update(matures_at=timezone.now())
    list(ledger.mature_due(by=TESTER))

    assert found() == []
