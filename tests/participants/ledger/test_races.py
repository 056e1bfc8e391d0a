"""Value that moves at the same moment: threads with connections of their own, on committed data."""

import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone

from participants import ledger, state
from participants.exceptions import (
    IdempotencyConflict,
    InsufficientBalance,
    NotEnrolled,
    ParticipantInactive,
)
from participants.ledger import Movement, Posted
from participants.models import ActionType, Balance, JournalEntry, Maturity, Participant
from programs.kernel.exceptions import DomainError, ValidationFailed
from programs.models import Asset, AssetLink
from tests.conftest import TESTER
from tests.participants.ledger.races import faults, with_own_connection
from tests.participants.ledger_world import make_world
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def outcome(call: Callable[[], object]) -> object:
    """What the call gives, or the refusal; anything else that it raises is a failure of the test."""
    try:
        return call()
    except DomainError as refusal:
        return refusal


@pytest.mark.slow
def test_ten_thousand_movements_by_twenty_threads_lose_nothing() -> None:
    people = [f"p{number}" for number in range(10)]
    world = make_world(*people)
    miles = Asset.objects.create(name="Miles", symbol="MIL", scale=0)
    AssetLink.objects.create(program=world.program, asset=miles)
    assets = {world.asset.pk: "0.01", miles.pk: "1"}

    def move(chance: random.Random) -> tuple[Any, ...]:
        """One random movement: who, of which asset, its two sides, and how much moved."""
        who, asset_id = chance.choice(people), chance.choice(list(assets))
        action = chance.choice([*list(ActionType)[:5], ActionType.CREDIT])
        bucket = chance.choice(["AVAILABLE", "AVAILABLE", "HELD"])
        amount: Decimal | None = Decimal(assets[asset_id]) * chance.randint(1, 5000)
        matures_at = None
        if action is ActionType.FORFEIT:
            bucket = chance.choice(["AVAILABLE", "HELD", "DEFERRED"])
        if action is ActionType.CREDIT and chance.random() < 0.3:
            bucket, matures_at = "AVAILABLE", timezone.now() + timedelta(seconds=chance.random())
        elif action is not ActionType.CREDIT and chance.random() < 0.1:
            amount = None
        movement = Movement(
            *(action, world.program.pk, asset_id, "A race.", amount, bucket, matures_at),
            allow_negative=action is ActionType.DEBIT
            and bucket == "AVAILABLE"
            and chance.random() < 0.1,
            idempotency_key=chance.choice([None, f"key-{chance.randint(0, 400)}"]),
        )
        # A refused key is used again and a used one is a conflict: both are among the outcomes.
        posted = ledger.post(movement, of=who, by=TESTER)
        source = action.source or bucket
        destination = action.destination or ("DEFERRED" if matures_at else bucket)
        return posted.entry_id, who, asset_id, str(source), str(destination), posted.amount

    def run(seed: int) -> list[object]:
        chance = random.Random(seed)
        done = []
        for turn in range(500):
            done.append(outcome(partial(move, chance)))
            if turn % 100 == 5 * seed:
                list(ledger.mature_due(by=TESTER))
        return done

    outcomes = [each for thread in at_once([partial(run, n) for n in range(20)]) for each in thread]

    moved = {each for each in outcomes if isinstance(each, tuple)}
    refusals = Counter(type(each) for each in outcomes if not isinstance(each, tuple))
    assert len(outcomes) == 10_000
    # ValidationFailed: the time to mature has passed while the call waited.
    assert set(refusals) <= {InsufficientBalance, IdempotencyConflict, ValidationFailed}, refusals
    assert len(moved) > 4000
    assert faults() == []
    made = JournalEntry.objects.exclude(source="DEFERRED", destination="AVAILABLE")
    columns = ("pk", "participant__external_id", "asset", "source", "destination", "amount")
    assert set(made.values_list(*columns)) == moved
    assert _balances() == _sums([*moved, *_matured(columns)])


def _matured(columns: tuple[str, ...]) -> list[tuple[Any, ...]]:
    matured = JournalEntry.objects.filter(source="DEFERRED", destination="AVAILABLE")
    return list(matured.values_list(*columns))


def _sums(moved: list[tuple[Any, ...]]) -> dict[tuple[str, UUID, str], Decimal]:
    """What each of the participants' buckets must hold after these movements, by person, asset and bucket."""
    sums: dict[tuple[str, UUID, str], Decimal] = defaultdict(Decimal)
    for _, who, asset_id, source, destination, amount in moved:
        sums[who, asset_id, source] -= amount
        sums[who, asset_id, destination] += amount
    buckets = ("AVAILABLE", "HELD", "DEFERRED")
    return {key: value for key, value in sums.items() if key[2] in buckets and value}


def _balances() -> dict[tuple[str, UUID, str], Decimal]:
    return {
        (row.participant.external_id, row.asset_id, bucket): amount
        for row in Balance.objects.select_related("participant")
        for bucket in ("AVAILABLE", "HELD", "DEFERRED")
        if (amount := getattr(row, bucket.lower()))
    }


def test_the_last_points_are_spent_once_however_simultaneously() -> None:
    world = make_world()

    for _ in range(30):
        world.credit("10")
        spent = at_once([partial(outcome, partial(world.debit, "7"))] * 2)

        assert Counter(type(each) for each in spent) == {Posted: 1, InsufficientBalance: 1}
        assert world.balance() == ("3", "0", "0")
        world.debit("3")
    assert faults() == []


def test_a_hundred_calls_with_one_key_move_once_and_answer_alike() -> None:
    world = make_world()
    person = Participant.objects.get().pk

    def ask(who: str | UUID) -> list[Posted]:
        return [world.credit("10.50", of=who, idempotency_key="order-1") for _ in range(5)]

    # Twenty threads: a hundred connections are all that PostgreSQL takes as it comes.
    people: list[str | UUID] = ["ana", person]
    answers = at_once([partial(ask, who) for who in people * 10])

    assert [len(each) for each in answers] == [5] * 20
    assert len({posted for each in answers for posted in each}) == 1
    assert JournalEntry.objects.count() == 1
    assert world.balance() == ("10.5", "0", "0")
    with pytest.raises(IdempotencyConflict):
        world.credit("10.51", idempotency_key="order-1")
    assert faults() == []


def test_of_different_requests_with_one_key_one_is_carried_out() -> None:
    world = make_world()
    amounts = [str(number % 5 + 1) for number in range(20)]

    answers = at_once(
        [partial(outcome, partial(world.credit, a, idempotency_key="k")) for a in amounts]
    )

    [entry] = JournalEntry.objects.all()
    kinds = Counter(type(each) for each in answers)
    assert kinds == {Posted: 4, IdempotencyConflict: 16}
    assert {each.entry_id for each in answers if isinstance(each, Posted)} == {entry.pk}
    assert faults() == []


@pytest.mark.parametrize(
    ("change", "refusal"),
    [({"status": "SUSPENDED"}, ParticipantInactive), ({"status": "CLOSED"}, ParticipantInactive)],
)
def test_nothing_is_spent_once_a_suspension_has_been_answered(
    change: dict[str, Any], refusal: type[DomainError]
) -> None:
    world = make_world()
    world.credit("1000")
    is_suspended = threading.Event()
    late: list[object] = []

    def spend(_: int) -> list[object]:
        done: list[object] = []
        while not done or not isinstance(done[-1], DomainError):
            already = is_suspended.is_set()
            done.append(outcome(partial(world.debit, "1")))
            if already:
                late.append(done[-1])
        return done

    def suspend() -> list[object]:
        threading.Event().wait(0.1)
        state.change(state.Change(**change), to="ana", by=TESTER)
        is_suspended.set()
        return []

    spenders: list[Callable[[], list[object]]] = [partial(spend, n) for n in range(4)]
    outcomes = at_once([*spenders, suspend])

    spent = sum(isinstance(each, Posted) for thread in outcomes for each in thread)
    assert {type(thread[-1]) for thread in outcomes[:4]} == {refusal}
    assert all(isinstance(each, refusal) for each in late)
    assert world.balance() == (str(1000 - spent), "0", "0")
    assert faults() == []


def between_look_and_write(call: Callable[[], object]) -> Callable[..., Any]:
    """A wrapper of execute for which the call runs, once and on a connection of its own, before an entry is written."""
    calls = iter([call])

    def wrapper(execute: Any, sql: str, *rest: Any) -> Any:
        if "INTO participants_journalentry" in sql and (due := next(calls, None)):
            with_own_connection(due)
        return execute(sql, *rest)

    return wrapper


def test_a_suspension_between_look_and_write_stops_the_movement() -> None:
    world = make_world()
    world.credit("10")
    suspend = partial(state.change, state.Change(status="SUSPENDED"), to="ana", by=TESTER)

    with (
        connection.execute_wrapper(between_look_and_write(suspend)),
        pytest.raises(ParticipantInactive),
    ):
        world.debit("1")

    assert world.balance() == ("10", "0", "0")


def test_a_frozen_enrolment_between_look_and_write_stops_the_movement() -> None:
    world = make_world()
    world.credit("10")
    frozen = state.Change(program_id=world.program.pk, enrollment_status="FROZEN")
    freeze = partial(state.change, frozen, to="ana", by=TESTER)

    with connection.execute_wrapper(between_look_and_write(freeze)), pytest.raises(NotEnrolled):
        world.debit("1")

    assert world.balance() == ("10", "0", "0")


def test_a_spend_between_look_and_write_is_seen() -> None:
    world = make_world()
    world.credit("10")

    with (
        connection.execute_wrapper(between_look_and_write(partial(world.debit, "8"))),
        pytest.raises(InsufficientBalance),
    ):
        world.debit("5")

    assert world.balance() == ("2", "0", "0")
    assert faults() == []


def test_what_has_matured_is_moved_once_by_two_at_once() -> None:
    people = [f"p{number}" for number in range(30)]
    world = make_world(*people)
    soon = timezone.now() + timedelta(hours=1)
    for number in range(120):
        world.credit("1.25", of=people[number % 30], matures_at=soon)
    Maturity.objects.update(matures_at=timezone.now())

    moved = at_once([lambda: sum(ledger.mature_due(by=TESTER)) for _ in range(4)])

    assert sum(moved) == 120
    assert JournalEntry.objects.filter(source="DEFERRED").count() == 120
    assert {world.balance(of=who) for who in people} == {("5", "0", "0")}
    assert faults() == []


def test_maturing_forfeiting_and_crediting_at_once_lose_nothing() -> None:
    world = make_world()
    soon = timezone.now() + timedelta(hours=1)
    for _ in range(40):
        world.credit("2", matures_at=soon)
    Maturity.objects.update(matures_at=timezone.now())

    def forfeit() -> int:
        done = (
            outcome(partial(world.move, ActionType.FORFEIT, "3", bucket="DEFERRED"))
            for _ in range(8)
        )
        return sum(isinstance(each, Posted) for each in done)

    def credit() -> int:
        for _ in range(10):
            world.credit("1", matures_at=soon)
        return 0

    def mature() -> int:
        list(ledger.mature_due(by=TESTER))
        return 0

    forfeited = sum(at_once([forfeit, mature, credit, forfeit, mature, credit]))

    available, held, deferred = world.balance()
    assert Decimal(available) + Decimal(deferred) == 100 - 3 * forfeited
    assert held == "0"
    assert faults() == []


def test_value_moves_while_the_same_people_are_upserted() -> None:
    people = [f"p{number}" for number in range(5)]
    world = make_world(*people)
    matures_at = timezone.now() + timedelta(seconds=0.2)

    def move(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(40):
            world.credit("1", of=chance.choice(people))
            world.credit("1", of=chance.choice(people), matures_at=timezone.now() + timedelta(1))

    def upsert(seed: int) -> None:
        chance = random.Random(seed)
        for turn in range(20):
            change = state.Change(tags=[f"t{seed}-{turn}"], attributes={f"a{seed}": turn})
            # Not upsert_each: @retried would hide a deadlock outside a transaction, inside one it does not.
            with transaction.atomic():
                for who in sorted(chance.sample(people, 1)):
                    state.change(change, to=who, by=TESTER)

    def upsert_all(seed: int) -> None:
        for turn in range(10):
            state.change_each(
                [(who, state.Change(attributes={"n": f"{seed}-{turn}"})) for who in people],
                by=TESTER,
            )

    def mature() -> None:
        while timezone.now() < matures_at:
            list(ledger.mature_due(by=TESTER))

    calls: list[Callable[[], None]] = [mature]
    calls += [partial(move, n) for n in range(4)]
    calls += [partial(upsert, n) for n in range(3)]
    calls += [partial(upsert_all, n) for n in range(2)]
    at_once(calls)

    total = sum(row.available + row.deferred for row in Balance.objects.all())
    assert total == 4 * 40 * 2
    assert faults() == []
