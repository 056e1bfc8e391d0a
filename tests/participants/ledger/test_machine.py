"""The ledger beside a model of it in plain Python: whatever is asked, refused or repeated, both say the same after each step."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import hypothesis.strategies as st
import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

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
)
from participants.ledger import Movement, Posted, verify
from participants.models import ActionType, Balance, JournalEntry, Maturity, Participant
from programs.kernel.decimals import LARGEST
from programs.kernel.exceptions import DomainError
from programs.models import Asset, AssetLink, Program
from tests.conftest import TESTER

PEOPLE = ("ana", "bo", "eve")
SCALES = {"PTS": 2, "WEI": 18}
MOST = Decimal(6 * 10**19)  # of PTS in one movement: two of them are too many for one bucket
AFTER = ("available", "held", "deferred")
BUCKETS = ("AVAILABLE", "HELD", "DEFERRED")
HINDRANCES = ("", "", "", "SUSPENDED", "CLOSED", "FROZEN", "unlinked")
SIDES = {
    "CREDIT": ("ISSUANCE", None),
    "DEBIT": (None, "REDEMPTION"),
    "HOLD": ("AVAILABLE", "HELD"),
    "RELEASE": ("HELD", "AVAILABLE"),
    "FORFEIT": (None, "BREAKAGE"),
}

amounts = st.sampled_from(
    [Decimal(text) for text in ("1", "0.50", "2.50", "3", "10", "0.01", "7.125", "1E+2", "0.10")]
    + [Decimal("0.000000000000000001"), MOST, MOST + 1, LARGEST, Decimal("5" * 20 + "." + "5" * 18)]
)
people = st.sampled_from(PEOPLE)
symbols = st.sampled_from(list(SCALES))
keys = st.sampled_from([None, None, None, "a", "b"])


@dataclass(slots=True)
class Credit:
    """A deferred credit as the model knows it: what is left of it, and on which day it matures."""

    who: str
    symbol: str
    left: Fraction
    day: int


@dataclass(slots=True)
class Model:
    """Amounts by person, asset and bucket; what waits, in the order in which it came; each movement as it must read.

    It reckons in fractions, which are exact whatever the decimal context of the thread is.
    """

    held: dict[tuple[str, str, str], Fraction] = field(
        default_factory=lambda: defaultdict(Fraction)
    )
    waiting: list[Credit] = field(default_factory=list)
    journal: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(list))
    status: dict[str, str] = field(default_factory=lambda: dict.fromkeys(PEOPLE, "ACTIVE"))
    enrolled: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(PEOPLE, True))
    linked: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(SCALES, True))
    keyed: dict[tuple[str, str], tuple[Any, Posted]] = field(default_factory=dict)

    def balance(self, who: str, symbol: str) -> tuple[Fraction, ...]:
        return tuple(self.held[who, symbol, bucket] for bucket in BUCKETS)

    def refusal(
        self, who: str, symbol: str, action: str, amount: Decimal | None, source: str, rest: Any
    ) -> type[DomainError] | None:
        """What the ledger must answer, or None where it must carry it out."""
        status = self.status[who]
        if status != "ACTIVE" and not (status == "CLOSED" and action == "FORFEIT"):
            return ParticipantInactive
        if not self.enrolled[who]:
            return NotEnrolled
        if not self.linked[symbol]:
            return AssetNotLinked
        if amount is not None and (Fraction(amount) * 10 ** SCALES[symbol]).denominator != 1:
            return InvalidScale
        has = self.held[who, symbol, source]
        if amount is None and has <= 0:
            return InsufficientBalance
        if symbol == "PTS" and (has if amount is None else amount) > MOST:
            return MaxTransactionExceeded
        if source in BUCKETS and amount is not None and has < amount and not rest["allow_negative"]:
            return InsufficientBalance
        return None

    def move(self, who: str, symbol: str, amount: Fraction, source: str, destination: str) -> None:
        for account, change in ((source, -amount), (destination, amount)):
            if account in BUCKETS:
                self.held[who, symbol, account] += change
        after = self.balance(who, symbol)
        self.journal[who].append((symbol, source, destination, amount, *after))

    def overflows(
        self, who: str, symbol: str, amount: Fraction, source: str, destination: str
    ) -> bool:
        after = {bucket: self.held[who, symbol, bucket] for bucket in BUCKETS}
        for account, change in ((source, -amount), (destination, amount)):
            if account in BUCKETS:
                after[account] += change
        return any(abs(each) > Fraction(LARGEST) for each in after.values())

    def take_latest(self, who: str, symbol: str, amount: Fraction) -> None:
        latest = reversed(self.waiting)  # of two that mature together, the one that came last
        mine = [each for each in latest if (each.who, each.symbol) == (who, symbol)]
        for credit in sorted(mine, key=lambda each: -each.day):
            taken = min(credit.left, amount)
            credit.left -= taken
            amount -= taken
        self.waiting = [each for each in self.waiting if each.left]


class LedgerMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.model = Model()
        self.today = (
            timezone.now()
        )  # the day 0; the rest of the calendar is moved instead of the clock
        self.days = 0
        self.program = Program.objects.create(name="Club")
        self.assets = {
            symbol: Asset.objects.create(
                name=symbol,
                symbol=symbol,
                scale=scale,
                max_transaction_amount=MOST if symbol == "PTS" else None,
            )
            for symbol, scale in SCALES.items()
        }
        self.symbols = {asset.pk: symbol for symbol, asset in self.assets.items()}
        for asset in self.assets.values():
            AssetLink.objects.create(program=self.program, asset=asset)
        for person in PEOPLE:
            enrolled = state.Change(program_id=self.program.pk)
            state.change(enrolled, to=person, by=TESTER, rights=state.ALL_RIGHTS)
        self.names = dict(Participant.objects.values_list("pk", "external_id"))

    def day(self, number: int) -> datetime:
        """When credits of this day mature: of one day at the same microsecond."""
        return self.today + timedelta(days=number - self.days)

    # Movements

    @rule(
        who=people,
        symbol=symbols,
        amount=amounts,
        key=keys,
        bucket=st.sampled_from(["AVAILABLE", "AVAILABLE", "HELD"]),
        description=st.sampled_from(["Bought.", "Ünï\N{WAVING HAND SIGN}|,"]),
    )
    def credit(self, who: str, symbol: str, amount: Decimal, **rest: Any) -> None:
        self.ask(who, symbol, "CREDIT", amount, **rest)

    @rule(
        who=people,
        symbol=symbols,
        amount=st.sampled_from([Decimal(1), Decimal("2.50"), Decimal("0.01"), MOST]),
        key=keys,
        after=st.sampled_from([1, 2, 2, 3]),
    )
    def defer(self, who: str, symbol: str, amount: Decimal, key: str | None, after: int) -> None:
        self.ask(who, symbol, "CREDIT", amount, key=key, day=self.days + after)

    @rule(
        who=people,
        symbol=symbols,
        amount=st.none() | amounts,
        key=keys,
        bucket=st.sampled_from(["AVAILABLE", "AVAILABLE", "HELD"]),
    )
    def debit(self, who: str, symbol: str, amount: Decimal | None, **rest: Any) -> None:
        self.ask(who, symbol, "DEBIT", amount, **rest)

    @rule(who=people, symbol=symbols, amount=amounts)
    def overdraw(self, who: str, symbol: str, amount: Decimal) -> None:
        self.ask(who, symbol, "DEBIT", amount, allow_negative=True)

    @rule(
        who=people,
        symbol=symbols,
        amount=st.none() | amounts,
        key=keys,
        action=st.sampled_from(["HOLD", "RELEASE"]),
    )
    def set_aside(
        self, who: str, symbol: str, amount: Decimal | None, key: str | None, action: str
    ) -> None:
        self.ask(who, symbol, action, amount, key=key)

    @rule(
        who=people,
        symbol=symbols,
        amount=st.none() | amounts,
        key=keys,
        bucket=st.sampled_from(BUCKETS),
    )
    def forfeit(self, who: str, symbol: str, amount: Decimal | None, **rest: Any) -> None:
        self.ask(who, symbol, "FORFEIT", amount, **rest)

    @precondition(lambda self: self.model.keyed)
    @rule(data=st.data(), change=st.sampled_from(["", "", "amount", "description", "action"]))
    def ask_again(self, data: st.DataObject, change: str) -> None:
        """The call that used a key once more, as it was or with something changed."""
        (who, _), (movement, first) = data.draw(
            st.sampled_from(list(self.model.keyed.items())), label="call"
        )
        changed = {
            "": {},
            "amount": {"amount": (movement.amount or Decimal(0)) + 1},
            "description": {"description": movement.description + "!"},
            "action": {
                "action": ActionType.RELEASE if movement.action != "RELEASE" else ActionType.HOLD
            },
        }[change]
        again = replace(movement, **changed)

        with refused(IdempotencyConflict if change else None):
            assert ledger.post(again, of=who, by=TESTER) == first

    def ask(
        self,
        who: str,
        symbol: str,
        action: str,
        amount: Decimal | None,
        *,
        key: str | None = None,
        bucket: str = "AVAILABLE",
        description: str = "A test.",
        allow_negative: bool = False,
        day: int | None = None,
    ) -> None:
        model = self.model
        movement = Movement(
            ActionType(action),
            self.program.pk,
            self.assets[symbol].pk,
            description,
            amount,
            bucket,
            None if day is None else self.day(day),
            allow_negative,
            key,
        )
        if key and (used := model.keyed.get((who, key))):
            with refused(None if used[0].meaning == movement.meaning else IdempotencyConflict):
                assert ledger.post(movement, of=who, by=TESTER) == used[1]
            return
        gives, receives = SIDES[action]
        source = gives or bucket
        destination = receives or (bucket if day is None else "DEFERRED")
        rest = {"allow_negative": allow_negative}
        refusal = model.refusal(who, symbol, action, amount, source, rest)
        moving = model.held[who, symbol, source] if amount is None else Fraction(amount)
        if refusal is None and model.overflows(who, symbol, moving, source, destination):
            refusal = AmountOutOfRange
        with refused(refusal):
            posted = ledger.post(movement, of=who, by=TESTER)
            # Only now: a refused movement changes nothing.
            if source == "DEFERRED":
                model.take_latest(who, symbol, moving)
            if day is not None:
                model.waiting.append(Credit(who, symbol, moving, day))
            model.move(who, symbol, moving, source, destination)
            assert posted.amount == moving
            after: tuple[object, ...] = (posted.available, posted.held, posted.deferred)
            assert after == model.balance(who, symbol)
            if key:
                model.keyed[who, key] = (movement, posted)

    # What happens around them

    @rule(days=st.integers(1, 2))
    def days_pass(self, days: int) -> None:
        Maturity.objects.update(matures_at=F("matures_at") - timedelta(days=days))
        self.days += days

    @rule()
    def mature(self) -> None:
        model = self.model
        known = {who: len(model.journal[who]) for who in PEOPLE}
        due = [each for each in model.waiting if each.day <= self.days]

        matured = sum(ledger.mature_due(by=TESTER))

        # In the ledger's order: of two credits that mature together, either may be first.
        for who, count in known.items():
            entries = JournalEntry.objects.filter(participant__external_id=who, sequence__gt=count)
            for entry in entries.order_by("sequence"):
                credit = next(
                    each
                    for each in due
                    if (each.who, each.symbol, each.left)
                    == (who, self.symbols[entry.asset_id], entry.amount)
                )
                model.move(who, credit.symbol, credit.left, "DEFERRED", "AVAILABLE")
                model.waiting.remove(credit)
                due.remove(credit)
                matured -= 1
        assert matured == 0
        for each in due:
            assert model.overflows(each.who, each.symbol, each.left, "DEFERRED", "AVAILABLE")
        assert sum(ledger.mature_due(by=TESTER)) == 0

    @rule(who=people, symbol=symbols, what=st.sampled_from(HINDRANCES))
    def hinder(self, who: str, symbol: str, what: str) -> None:
        """Let somebody, or an asset, not be what a movement needs; or let all be well again."""
        for person in [who] if what else PEOPLE:
            self._set(person, what if what in ("SUSPENDED", "CLOSED") else "ACTIVE", what)
        for each, asset in self.assets.items():
            links = AssetLink.objects.filter(program=self.program, asset=asset)
            self.model.linked[each] = not (what == "unlinked" and each == symbol)
            if not self.model.linked[each]:
                links.delete()
            elif not links:
                AssetLink.objects.create(program=self.program, asset=asset)

    def _set(self, who: str, status: str, enrollment: str) -> None:
        state.change(
            state.Change(
                status=status,
                program_id=self.program.pk,
                enrollment_status="FROZEN" if enrollment == "FROZEN" else "ACTIVE",
            ),
            to=who,
            by=TESTER,
        )
        self.model.status[who] = status
        self.model.enrolled[who] = enrollment != "FROZEN"

    # What must be the same after each step

    @invariant()
    def balances_agree(self) -> None:
        columns = ("available", "held", "deferred", "overdrawn")
        rows = Balance.objects.values_list("participant", "asset", *columns)
        assert {
            (self.names[who], self.symbols[asset]): tuple(rest) for who, asset, *rest in rows
        } == {
            (who, symbol): (*balance, balance[0] < 0)
            for who, symbol in {(who, e[0]) for who in PEOPLE for e in self.model.journal[who]}
            for balance in [self.model.balance(who, symbol)]
        }

    @invariant()
    def what_waits_agrees(self) -> None:
        rows = Maturity.objects.filter(matured_at=None, amount__gt=0)
        waiting = rows.values_list("participant", "asset", "amount", "matures_at")
        assert sorted(
            (self.names[who], self.symbols[asset], *rest) for who, asset, *rest in waiting
        ) == sorted(
            (each.who, each.symbol, each.left, self.day(each.day)) for each in self.model.waiting
        )

    @invariant()
    def journals_agree(self) -> None:
        written = defaultdict(list)
        for who, number, asset, *rest in JournalEntry.objects.order_by("sequence").values_list(
            *("participant", "sequence", "asset", "source", "destination", "amount"), *AFTER
        ):
            written[self.names[who]].append((number, self.symbols[asset], *rest))
        for who in PEOPLE:
            expected = enumerate(self.model.journal[who], start=1)
            assert written[who] == [(number, *entry) for number, entry in expected]

    @invariant()
    def nothing_is_at_fault(self) -> None:
        assert list(verify.faults()) == []


@contextmanager
def refused(refusal: type[DomainError] | None) -> Iterator[None]:
    """Expect exactly this refusal, or none."""
    if refusal is None:
        yield
        return
    with pytest.raises(DomainError) as raised:
        yield
    assert type(raised.value) is refusal


class InTransaction(LedgerMachine):
    """Each example in a transaction of its own that is taken back."""

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)


def test_the_ledger_agrees_with_a_model_of_it_after_every_step(db: None) -> None:
    run(
        InTransaction,
        settings=settings(
            max_examples=15,
            stateful_step_count=40,
            suppress_health_check=list(HealthCheck),
        ),
    )
