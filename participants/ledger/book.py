"""One participant's account book in memory: every rule about a movement, and nothing of the database.

`reading` fills a book, entries are made in it one after the other, and `writing` stores them, unless somebody moved
the participant's value meanwhile. Which accounts an action moves value between, such as HOLD, says ActionType in
`participants.models.ledger`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from participants.causes import Cause
from participants.exceptions import (
    AmountOutOfRange,
    InsufficientBalance,
    InvalidScale,
    MaxTransactionExceeded,
)
from participants.ledger.chain import HASH_VERSION, Entry, entry_hash
from participants.models import Account, ActionType, Bucket
from programs.kernel.database import uuid7
from programs.kernel.decimals import EXACT, LARGEST, ZERO, places, written


class Terms(NamedTuple):
    """The limits of an asset's amounts."""

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
        """Return the amounts after a movement. Raises InsufficientBalance and AmountOutOfRange."""
        # Spelled out, since iterating over Bucket builds its members again each time, and this is the hottest path.
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
                    f"{source} has {written(self.of(source))}, less than the {written(amount)} asked for."
                )
        if destination in amounts:
            amounts[destination] = EXACT.add(amounts[destination], amount)
        # Not abs(), which would round to the 28 digits of Python's own context.
        if any(each.copy_abs() > LARGEST for each in amounts.values()):
            raise AmountOutOfRange
        available, held, deferred = amounts.values()
        return Amounts(available, held, deferred, overdrawn=available < 0)


NOTHING = Amounts()


class Maturity(NamedTuple):
    """A deferred credit: what is left of it, and when it becomes available."""

    id: UUID
    entry_id: UUID
    asset_id: UUID
    program_id: UUID | None  # None where its entry is missing from the journal
    amount: Decimal
    matures_at: datetime
    matured_at: datetime | None = None


@dataclass(slots=True)
class Book:
    """The state of one participant's account: `last_hash` is the hash of the entry numbered `sequence`, or the salt before
    the first; `version` is the participant's `updated_at` when the book was opened.

    `amounts` and `maturities` hold what the coming movements need; an asset that is missing counts as zero.
    """

    participant_id: UUID
    version: datetime
    sequence: int
    last_hash: bytes
    amounts: dict[UUID, Amounts] = field(default_factory=dict)
    maturities: dict[UUID, Maturity] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    touched: dict[UUID, Maturity] = field(default_factory=dict)

    def enter(
        self,
        action: ActionType,
        amount: Decimal | None,
        *,
        terms: Terms,
        program_id: UUID,
        cause: Cause,
        description: str,
        at: datetime,
        effective_at: datetime | None = None,
        bucket: str = Bucket.AVAILABLE,
        allow_negative: bool = False,
        matures_at: datetime | None = None,
        idempotency_key: str | None = None,
        request: dict[str, Any] | None = None,
    ) -> Entry:
        """Move the amount (None: all that the source has) and add the entry.

        `bucket` is the participant's side of a CREDIT, DEBIT or FORFEIT; a CREDIT with `matures_at` goes to DEFERRED.
        `effective_at` is when it happened, if that is not `at`, the time of writing.
        Raises InvalidScale, MaxTransactionExceeded, InsufficientBalance and AmountOutOfRange, in which case
        nothing has changed; ValueError for a combination that no caller should request.
        """
        if amount is not None and amount <= 0:
            raise ValueError("An amount must be above zero.")
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
        sides = (action.source or bucket, action.destination or bucket)
        before = self.amounts.get(terms.asset_id, NOTHING)
        if amount is None:
            amount = before.of(sides[0])
            if amount <= 0:
                raise InsufficientBalance(f"{sides[0]} is empty.")
        terms.check(amount)
        entry = self._add(
            action,
            amount,
            terms.asset_id,
            program_id,
            sides,
            cause=cause,
            description=description,
            at=at,
            effective_at=effective_at,
            allow_negative=allow_negative,
            idempotency_key=idempotency_key,
            request=request,
        )
        if matures_at is not None:
            maturity = Maturity(uuid7(), entry.id, terms.asset_id, program_id, amount, matures_at)
            self.maturities[maturity.id] = self.touched[maturity.id] = maturity
        elif sides[0] == Account.DEFERRED:
            self._take_latest(terms.asset_id, amount)
        return entry

    def mature(self, maturity: Maturity, *, cause: Cause, description: str, at: datetime) -> Entry:
        """Move what is left of a deferred credit to AVAILABLE.

        Raises AmountOutOfRange, InsufficientBalance where DEFERRED has less than it should, and LookupError where the
        credit's entry is missing.
        """
        if maturity.program_id is None:
            raise LookupError("The entry of the credit is missing.")
        entry = self._add(
            ActionType.MATURE,
            maturity.amount,
            maturity.asset_id,
            maturity.program_id,
            (Account.DEFERRED, Account.AVAILABLE),
            cause=cause,
            description=description,
            at=at,
        )
        self.touched[maturity.id] = maturity._replace(matured_at=at)
        self.maturities.pop(maturity.id, None)
        return entry

    def copy(self) -> "Book":
        """A copy that later movements in this book do not change. Only `entries` is shared: it only grows, so its length is
        enough to go back to.
        """
        # Not `replace`, which takes four times as long, and this is done for each rule that acts.
        return Book(
            *(self.participant_id, self.version, self.sequence, self.last_hash),
            *(self.amounts.copy(), self.maturities.copy(), self.entries, self.touched.copy()),
        )

    def _add(
        self,
        action: ActionType,
        amount: Decimal,
        asset_id: UUID,
        program_id: UUID,
        sides: tuple[str, str],
        *,
        cause: Cause,
        description: str,
        at: datetime,
        effective_at: datetime | None = None,
        allow_negative: bool = False,
        idempotency_key: str | None = None,
        request: dict[str, Any] | None = None,
    ) -> Entry:
        before = self.amounts.get(asset_id, NOTHING)
        after = before.moved(amount, *sides, allow_negative=allow_negative)
        sequence = self.sequence + 1
        fields = (
            *(uuid7(), sequence, asset_id, program_id, *sides, amount, *after[:3]),
            *(description, cause.event_id, cause.rule_id, str(cause.by), at),
            *(idempotency_key, request, HASH_VERSION, effective_at, action),
        )
        digest = entry_hash(self.last_hash, Entry(*fields))
        entry = Entry(*fields, digest)
        self.entries.append(entry)
        self.sequence, self.last_hash = sequence, digest
        self.amounts[asset_id] = after
        return entry

    def _take_latest(self, asset_id: UUID, amount: Decimal) -> None:
        """Deduct a forfeit of DEFERRED from the credits that would mature last."""
        for maturity in self._latest_first(asset_id):
            taken = min(maturity.amount, amount)
            left = maturity._replace(amount=EXACT.subtract(maturity.amount, taken))
            amount = EXACT.subtract(amount, taken)
            self.maturities[maturity.id] = self.touched[maturity.id] = left
            if left.amount == 0:
                del self.maturities[maturity.id]
            if amount == 0:
                return
        raise AssertionError("DEFERRED holds more than its credits.")

    def _latest_first(self, asset_id: UUID) -> Iterable[Maturity]:
        own = [each for each in self.maturities.values() if each.asset_id == asset_id]
        return sorted(own, key=lambda each: (each.matures_at, each.id), reverse=True)
