"""One participant's account book in memory: every rule about a movement, and nothing of the database.

A book is read under the participant's lock or its equivalent, entries are made in it one after the other, and
`participants.ledger.store` writes it down.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from participants.exceptions import (
    AmountOutOfRange,
    InsufficientBalance,
    InvalidScale,
    MaxTransactionExceeded,
)
from participants.ledger.chain import entry_hash
from participants.models import Account, ActionType, Bucket
from programs.kernel.actors import Actor
from programs.kernel.database import uuid7
from programs.kernel.decimals import EXACT, LARGEST, ZERO, places, written


class Terms(NamedTuple):
    """What an asset demands of its amounts."""

    asset_id: UUID
    scale: int
    max_transaction_amount: Decimal | None

    def check(self, amount: Decimal) -> None:
        """Raises InvalidScale and MaxTransactionExceeded."""
        if places(amount) > self.scale:
            raise InvalidScale(f"Amounts of this asset have at most {self.scale} decimals.")
        most = self.max_transaction_amount
        if most is not None and amount > most:
            raise MaxTransactionExceeded(
                f"One movement of this asset may be at most {written(most)}."
            )


class Amounts(NamedTuple):
    """What a participant has of one asset."""

    available: Decimal = ZERO
    held: Decimal = ZERO
    deferred: Decimal = ZERO
    overdrawn: bool = False

    def of(self, account: str) -> Decimal:
        value: Decimal = getattr(self, account.lower())
        return value

    def moved(
        self, amount: Decimal, source: str, destination: str, *, allow_negative: bool
    ) -> "Amounts":
        """The amounts after a movement. Raises InsufficientBalance and AmountOutOfRange."""
        # By name and not out of Bucket: each look at an enumeration's values makes them anew, and this runs all day.
        amounts: dict[str, Decimal] = {
            "AVAILABLE": self.available,
            "HELD": self.held,
            "DEFERRED": self.deferred,
        }
        if source in amounts:
            amounts[source] = EXACT.subtract(amounts[source], amount)
            overdraws = allow_negative and source == Bucket.AVAILABLE
            if amounts[source] < 0 and not overdraws:
                raise InsufficientBalance(
                    f"{source} has {written(self.of(source))}, and {written(amount)} are asked for."
                )
        if destination in amounts:
            amounts[destination] = EXACT.add(amounts[destination], amount)
        # Not abs(), which would round to the 28 digits of Python's own context.
        if any(each.copy_abs() > LARGEST for each in amounts.values()):
            raise AmountOutOfRange
        available, held, deferred = amounts.values()
        return Amounts(available, held, deferred, overdrawn=available < 0)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A deferred credit: what is left of it, and when it matures."""

    id: UUID
    entry_id: UUID
    asset_id: UUID
    program_id: UUID
    amount: Decimal
    matures_at: datetime
    matured_at: datetime | None = None


class Reason(NamedTuple):
    """Why value moves: who or what caused it, and the words for it."""

    by: Actor
    description: str
    event_id: UUID | None = None
    rule_id: UUID | None = None
    idempotency_key: str | None = None
    request: dict[str, Any] | None = None


class Entry(NamedTuple):
    """A journal entry that is yet to be written."""

    id: UUID
    sequence: int
    asset_id: UUID
    program_id: UUID
    source: str
    destination: str
    amount: Decimal
    after: Amounts
    reason: Reason
    created_at: datetime
    entry_hash: bytes


Mark = tuple[int, bytes, int, dict[UUID, Amounts], dict[UUID, Waiting], dict[UUID, Waiting]]


@dataclass(slots=True)
class Book:
    """`last_hash` is that of the entry numbered `sequence`, or the participant's salt before the first; `version` is the
    participant's `updated_at` when the book was opened.

    `amounts` and `waiting` hold what the movements to come need; an asset that is not there counts as zero.
    """

    participant_id: UUID
    version: datetime
    sequence: int
    last_hash: bytes
    amounts: dict[UUID, Amounts] = field(default_factory=dict)
    waiting: dict[UUID, Waiting] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    touched: dict[UUID, Waiting] = field(default_factory=dict)

    def enter(
        self,
        action: ActionType,
        amount: Decimal | None,
        *,
        terms: Terms,
        program_id: UUID,
        reason: Reason,
        at: datetime,
        bucket: str = Bucket.AVAILABLE,
        allow_negative: bool = False,
        matures_at: datetime | None = None,
    ) -> Entry:
        """Move the amount (None: all that the source has) and note the entry.

        `bucket` is the participant's side of a CREDIT, DEBIT or FORFEIT; a CREDIT with `matures_at` goes to DEFERRED.
        Raises InvalidScale, MaxTransactionExceeded, InsufficientBalance and AmountOutOfRange, and then nothing has
        changed; ValueError for what no caller should ask.
        """
        if amount is not None and amount <= 0:
            raise ValueError("An amount is above zero.")
        if bucket == Bucket.DEFERRED and action is not ActionType.FORFEIT:
            raise ValueError(
                "Only a credit that matures goes to DEFERRED, and only a forfeit takes from it."
            )
        if allow_negative and (action, bucket) != (ActionType.DEBIT, Bucket.AVAILABLE):
            raise ValueError("Only a DEBIT of AVAILABLE can overdraw.")
        if matures_at is not None:
            if (action, bucket) != (ActionType.CREDIT, Bucket.AVAILABLE):
                raise ValueError("Only a CREDIT to AVAILABLE can mature later.")
            bucket = Bucket.DEFERRED
        source = action.source or bucket
        destination = action.destination or bucket
        before = self.amounts.get(terms.asset_id, Amounts())
        if amount is None:
            amount = before.of(source)
            if amount <= 0:
                raise InsufficientBalance(f"{source} is empty.")
        terms.check(amount)
        after = before.moved(amount, source, destination, allow_negative=allow_negative)
        entry = self._noted(
            terms.asset_id, program_id, source, destination, amount, after, reason, at
        )
        if matures_at is not None:
            credit = Waiting(uuid7(), entry.id, terms.asset_id, program_id, amount, matures_at)
            self.waiting[credit.id] = self.touched[credit.id] = credit
        elif source == Account.DEFERRED:
            self._take_latest(terms.asset_id, amount)
        return entry

    def mature(self, credit: Waiting, *, reason: Reason, at: datetime) -> Entry:
        """Move what is left of a deferred credit to AVAILABLE. Raises AmountOutOfRange, and InsufficientBalance where
        DEFERRED has less than it should.
        """
        after = self.amounts.get(credit.asset_id, Amounts()).moved(
            credit.amount, Account.DEFERRED, Account.AVAILABLE, allow_negative=False
        )
        sides = (Account.DEFERRED, Account.AVAILABLE)
        entry = self._noted(
            credit.asset_id, credit.program_id, *sides, credit.amount, after, reason, at
        )
        self.touched[credit.id] = replace(credit, matured_at=at)
        self.waiting.pop(credit.id, None)
        return entry

    def mark(self) -> Mark:
        """Where the book stands now, to go back to."""
        return (
            *(self.sequence, self.last_hash, len(self.entries)),
            *(self.amounts.copy(), self.waiting.copy(), self.touched.copy()),
        )

    def back_to(self, mark: Mark) -> None:
        """Forget every movement since the mark."""
        self.sequence, self.last_hash, length, self.amounts, self.waiting, self.touched = mark
        del self.entries[length:]

    def _noted(
        self,
        asset_id: UUID,
        program_id: UUID,
        source: str,
        destination: str,
        amount: Decimal,
        after: Amounts,
        reason: Reason,
        at: datetime,
    ) -> Entry:
        sequence = self.sequence + 1
        digest = entry_hash(
            self.last_hash,
            sequence=sequence,
            event_id=reason.event_id,
            rule_id=reason.rule_id,
            program_id=program_id,
            asset_id=asset_id,
            source=source,
            destination=destination,
            amount=amount,
            balances=(after.available, after.held, after.deferred),
            created_at=at,
        )
        entry = Entry(
            *(uuid7(), sequence, asset_id, program_id, source, destination, amount),
            *(after, reason, at, digest),
        )
        self.entries.append(entry)
        self.sequence, self.last_hash = sequence, digest
        self.amounts[asset_id] = after
        return entry

    def _take_latest(self, asset_id: UUID, amount: Decimal) -> None:
        """What leaves DEFERRED before its time comes off the credits that would mature last."""
        for credit in self._latest_first(asset_id):
            taken = min(credit.amount, amount)
            left = replace(credit, amount=EXACT.subtract(credit.amount, taken))
            amount = EXACT.subtract(amount, taken)
            self.waiting[credit.id] = self.touched[credit.id] = left
            if left.amount == 0:
                del self.waiting[credit.id]
            if amount == 0:
                return
        raise AssertionError("DEFERRED holds more than its credits.")

    def _latest_first(self, asset_id: UUID) -> Iterable[Waiting]:
        mine = [each for each in self.waiting.values() if each.asset_id == asset_id]
        return sorted(mine, key=lambda each: (each.matures_at, each.id), reverse=True)
