"""Movements of value: what they do to the balance, what they leave in the journal, and what is refused."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from participants import ledger, state
from participants.exceptions import (
    AmountOutOfRange,
    AssetNotLinked,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidScale,
    MaxTransactionExceeded,
    NotEnrolled,
    ParticipantInactive,
    ParticipantNotFound,
)
from participants.ledger import verify
from participants.models import ActionType, Balance, JournalEntry, Maturity, Participant
from programs.exceptions import AssetNotFound, ProgramNotFound
from programs.kernel.exceptions import DomainError, ValidationFailed
from programs.models import Asset, AssetLink, Program
from tests.conftest import TESTER
from tests.participants.ledger_world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture(
    params=[
        "locked",
        pytest.param("lock-free", marks=pytest.mark.django_db(transaction=True)),
    ]
)
def either_way(db: None, request: pytest.FixtureRequest) -> World:
    """A world whose movements lock first, as inside of any transaction, and one where they do not, as in production."""
    assert connection.in_atomic_block == (request.param == "locked")
    return make_world()


def faults() -> list[str]:
    return [fault.message for fault in verify.faults()]


def test_value_moves_through_its_buckets(either_way: World) -> None:
    either_way.credit("100.50")
    either_way.move(ActionType.HOLD, "40")
    either_way.move(ActionType.RELEASE, "10.25")
    either_way.debit("5", bucket="HELD")
    either_way.debit("20")
    either_way.move(ActionType.FORFEIT, "0.75")

    assert either_way.balance() == ("50", "24.75", "0")
    entries = JournalEntry.objects.order_by("sequence")
    assert [(str(e.action_type), e.source, e.destination, e.amount) for e in entries] == [
        ("CREDIT", "ISSUANCE", "AVAILABLE", Decimal("100.50")),
        ("HOLD", "AVAILABLE", "HELD", 40),
        ("RELEASE", "HELD", "AVAILABLE", Decimal("10.25")),
        ("DEBIT", "HELD", "REDEMPTION", 5),
        ("DEBIT", "AVAILABLE", "REDEMPTION", 20),
        ("FORFEIT", "AVAILABLE", "BREAKAGE", Decimal("0.75")),
    ]
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert [entry.available for entry in entries][-1] == 50
    assert faults() == []


def test_without_an_amount_the_whole_bucket_moves(either_way: World) -> None:
    either_way.credit("30.10")

    held = either_way.move(ActionType.HOLD, None)
    forfeited = either_way.move(ActionType.FORFEIT, None, bucket="HELD")

    assert (held.amount, forfeited.amount) == (Decimal("30.10"), Decimal("30.10"))
    assert either_way.balance() == ("0", "0", "0")
    with pytest.raises(InsufficientBalance):
        either_way.move(ActionType.RELEASE, None)


def test_more_than_there_is_cannot_be_spent(either_way: World) -> None:
    either_way.credit("10")

    with pytest.raises(
        InsufficientBalance, match=r"AVAILABLE has 10, less than the 10\.01 asked for"
    ):
        either_way.debit("10.01")
    with pytest.raises(InsufficientBalance):
        either_way.move(ActionType.RELEASE, "1")

    assert either_way.balance() == ("10", "0", "0")
    assert JournalEntry.objects.count() == 1


def test_a_debit_may_overdraw_where_it_is_allowed_to(either_way: World) -> None:
    either_way.debit("7", allow_negative=True)

    assert either_way.balance() == ("-7", "0", "0")
    assert Balance.objects.get().overdrawn
    with pytest.raises(InsufficientBalance):
        either_way.debit("1")
    either_way.credit("10")
    assert either_way.balance() == ("3", "0", "0")
    assert not Balance.objects.get().overdrawn
    assert faults() == []


def test_deferred_value_matures_in_its_time(world: World) -> None:
    soon = timezone.now() + timedelta(hours=1)
    world.credit("5", matures_at=soon)
    world.credit("7", matures_at=soon + timedelta(days=1))
    assert world.balance() == ("0", "0", "12")

    assert list(ledger.mature_due(by=TESTER)) == []
    Maturity.objects.filter(matures_at=soon).update(matures_at=timezone.now())
    assert list(ledger.mature_due(by=TESTER)) == [1]
    assert list(ledger.mature_due(by=TESTER)) == []

    assert world.balance() == ("5", "0", "7")
    latest = JournalEntry.objects.order_by("sequence").last()
    assert latest is not None
    assert (str(latest.action_type), latest.program_id) == ("MATURE", world.program.pk)
    assert faults() == []


def test_what_is_forfeited_of_deferred_value_is_what_matures_last(world: World) -> None:
    now = timezone.now()
    for days in (1, 3, 2):
        world.credit("10", matures_at=now + timedelta(days=days))

    world.move(ActionType.FORFEIT, "14", bucket="DEFERRED")

    left = Maturity.objects.order_by("matures_at").values_list("amount", flat=True)
    assert list(left) == [10, 6, 0]
    assert world.balance() == ("0", "0", "16")
    assert faults() == []


def test_a_time_that_has_passed_cannot_be_waited_for(world: World) -> None:
    with pytest.raises(ValidationFailed, match="matures_at"):
        world.credit("1", matures_at=timezone.now() - timedelta(seconds=1))
    assert not JournalEntry.objects.exists()


@pytest.mark.parametrize(
    ("amount", "error"),
    [
        ("1.001", InvalidScale),
        ("50.01", MaxTransactionExceeded),
    ],
)
def test_an_amount_keeps_to_the_terms_of_its_asset(
    db: None, amount: str, error: type[DomainError]
) -> None:
    world = make_world(max_transaction_amount=50)
    world.credit("50")

    with pytest.raises(error):
        world.credit(amount)

    assert world.balance() == ("50", "0", "0")


def test_the_whole_bucket_keeps_to_the_most_of_one_movement_too(db: None) -> None:
    world = make_world(max_transaction_amount=Decimal("50.005"))
    for _ in range(2):
        world.credit("50")

    with pytest.raises(MaxTransactionExceeded, match=r"at most 50\.005"):
        world.move(ActionType.HOLD, None)


def test_a_lost_end_of_the_journal_shows_although_the_sums_fit(world: World) -> None:
    for amount in ("5", "10"):
        world.credit(amount)
    world.debit("10")

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM participants_journalentry WHERE sequence > 1")

    assert faults() == [
        f"the balance of asset {world.asset.pk} comes from entry 3, which is missing"
    ]


def test_one_credit_that_cannot_mature_stops_no_other(db: None) -> None:
    world = make_world("ana", "bob", "cid")
    for who in ("ana", "bob", "cid"):
        world.credit("5", of=who, matures_at=timezone.now() + timedelta(hours=1))
    Maturity.objects.update(matures_at=timezone.now())
    Balance.objects.filter(participant__external_id="ana").update(deferred=1)
    Balance.objects.filter(participant__external_id="cid").delete()

    assert sum(ledger.mature_due(by=TESTER)) == 1

    assert world.balance("bob") == ("5", "0", "0")
    assert world.balance("ana") == ("0", "0", "1")


@pytest.mark.parametrize(
    "asked",
    [
        {"action": ActionType.CREDIT, "amount": "0"},
        {"action": ActionType.DEBIT, "amount": "-1"},
        {"action": ActionType.DEBIT, "amount": "1", "bucket": "DEFERRED"},
        {"action": ActionType.CREDIT, "amount": "1", "bucket": "DEFERRED"},
        {"action": ActionType.HOLD, "amount": "1", "allow_negative": True},
        {"action": ActionType.FORFEIT, "amount": "1", "allow_negative": True},
    ],
)
def test_what_no_caller_should_ask_is_a_mistake_and_moves_nothing(
    world: World, asked: dict[str, Any]
) -> None:
    world.credit("10")

    with pytest.raises(ValueError, match=r"above zero|Only a"):
        world.move(asked.pop("action"), asked.pop("amount"), **asked)

    assert JournalEntry.objects.count() == 1


def test_a_used_key_with_an_unknown_asset_is_a_conflict(world: World) -> None:
    world.credit("10", idempotency_key="a")
    other = World(world.program, Asset(pk="00000000-0000-7000-8000-000000000000"))

    with pytest.raises(IdempotencyConflict):
        other.credit("10", idempotency_key="a")


def test_a_balance_has_at_most_twenty_digits_before_the_point(db: None) -> None:
    world = make_world(scale=18)
    largest = "9" * 20 + "." + "9" * 18
    world.credit(largest)

    with pytest.raises(AmountOutOfRange):
        world.credit("0.000000000000000001")

    assert world.balance() == (largest, "0", "0")
    assert faults() == []


@pytest.mark.parametrize("status", ["SUSPENDED", "CLOSED"])
def test_a_participant_who_is_not_active_neither_earns_nor_spends(
    world: World, status: str
) -> None:
    world.credit("10")
    state.change(state.Change(status=status), to="ana", by=TESTER)

    for action in (ActionType.CREDIT, ActionType.DEBIT, ActionType.HOLD, ActionType.RELEASE):
        with pytest.raises(ParticipantInactive):
            world.move(action, "1")

    assert world.balance() == ("10", "0", "0")


def test_what_a_closed_participant_has_can_be_forfeited(world: World) -> None:
    world.credit("10")
    state.change(state.Change(status="SUSPENDED"), to="ana", by=TESTER)
    with pytest.raises(ParticipantInactive):
        world.move(ActionType.FORFEIT, "1")

    state.change(state.Change(status="CLOSED"), to="ana", by=TESTER)
    world.move(ActionType.FORFEIT, None)

    assert world.balance() == ("0", "0", "0")


def test_who_and_what_must_be_there(world: World) -> None:
    elsewhere = Program.objects.create(name="Other")
    unlinked = Asset.objects.create(name="Miles", symbol="MIL")
    nobody = "00000000-0000-7000-8000-000000000000"

    with pytest.raises(ParticipantNotFound):
        world.credit("1", of="nobody")
    with pytest.raises(ProgramNotFound):
        World(Program(pk=nobody), world.asset).credit("1")
    with pytest.raises(AssetNotFound):
        World(world.program, Asset(pk=nobody)).credit("1")
    with pytest.raises(NotEnrolled):
        World(elsewhere, world.asset).credit("1")
    with pytest.raises(AssetNotLinked):
        World(world.program, unlinked).credit("1")
    state.change(
        state.Change(program_id=world.program.pk, enrollment_status="FROZEN"), to="ana", by=TESTER
    )
    with pytest.raises(NotEnrolled):
        world.credit("1")

    assert not JournalEntry.objects.exists()
    assert not Balance.objects.exists()


# Idempotency


def test_a_call_repeated_with_its_key_moves_once(either_way: World) -> None:
    first = either_way.credit("10.50", idempotency_key="a")
    either_way.credit("1")

    again = either_way.credit("10.5", idempotency_key="a", of=Participant.objects.get().pk)

    assert again == first
    assert either_way.balance() == ("11.5", "0", "0")


def test_a_key_with_another_request_is_a_conflict(either_way: World) -> None:
    either_way.credit("10", idempotency_key="a")

    for amount, rest in (
        ("11", {}),
        ("10", {"description": "Another."}),
        ("10", {"bucket": "HELD"}),
    ):
        with pytest.raises(IdempotencyConflict):
            either_way.credit(amount, idempotency_key="a", **rest)
    with pytest.raises(IdempotencyConflict):
        either_way.debit("10", idempotency_key="a")

    assert either_way.balance() == ("10", "0", "0")


def test_the_key_of_a_refused_call_can_be_used_again(either_way: World) -> None:
    with pytest.raises(InsufficientBalance):
        either_way.debit("1", idempotency_key="a")
    either_way.credit("5")

    either_way.debit("1", idempotency_key="a")

    assert either_way.balance() == ("4", "0", "0")


def test_a_replay_answers_although_things_have_changed_since(world: World) -> None:
    first = world.credit("5", idempotency_key="a", matures_at=timezone.now() + timedelta(days=1))
    state.change(state.Change(status="SUSPENDED"), to="ana", by=TESTER)
    AssetLink.objects.all().delete()
    key = JournalEntry.objects.get().request["matures_at"]

    again = world.credit("5", idempotency_key="a", matures_at=Maturity.objects.get().matures_at)

    assert again == first
    assert key.endswith("Z")


# The journal is written once


def test_an_entry_is_never_changed_or_deleted(world: World) -> None:
    world.credit("10")
    entry = JournalEntry.objects.get()

    for spoil in (
        entry.save,
        entry.delete,
        JournalEntry.objects.all().delete,
        lambda: JournalEntry.objects.update(amount=1),
        lambda: JournalEntry.objects.bulk_update([entry], ["amount"]),
    ):
        with pytest.raises(TypeError, match="another entry"), transaction.atomic():
            spoil()
    with pytest.raises(ProtectedError):
        Participant.objects.all().delete()
