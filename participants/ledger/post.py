"""Carrying out one movement: two statements without a lock in between or, where others interfere, under the lock."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from participants import locks
from participants.causes import Cause
from participants.exceptions import (
    AssetNotLinked,
    IdempotencyConflict,
    NotEnrolled,
    ParticipantInactive,
    ParticipantNotFound,
)
from participants.ledger.book import Amounts, Book, Terms
from participants.ledger.chain import Entry
from participants.ledger.reading import load_maturities
from participants.ledger.request import Movement, spellings, without_defaults
from participants.ledger.writing import write
from participants.models import ActionType, Bucket, EnrollmentStatus, ParticipantStatus
from programs.exceptions import AssetNotFound, ProgramNotFound
from programs.kernel import exact_json
from programs.kernel.actors import Actor
from programs.kernel.database import Statement, retried, run
from programs.kernel.exceptions import FieldError, ValidationFailed


@dataclass(frozen=True, slots=True)
class Posted:
    """What a movement did: the entry, what moved, and the balances after it."""

    movement: Movement
    entry_id: UUID
    amount: Decimal
    available: Decimal
    held: Decimal
    deferred: Decimal
    scale: int


@dataclass(frozen=True, slots=True)
class Preview:
    """The asset's amounts before and after a movement; equal where its idempotency key has moved value already."""

    before: Amounts
    after: Amounts
    is_posted: bool


def post(movement: Movement, *, of: str | UUID, by: Actor) -> Posted:
    """Move value of the participant with this external_id (a text) or id (a UUID): whole or not at all, and only once
    for one idempotency key, however many calls come at once.

    Raises ParticipantNotFound, ProgramNotFound, AssetNotFound, IdempotencyConflict, ParticipantInactive, NotEnrolled,
    AssetNotLinked, InvalidScale, MaxTransactionExceeded, InsufficientBalance, AmountOutOfRange, and ValidationFailed for a
    `matures_at` that has passed.
    """
    # Inside a caller's transaction a second look need not see what others have committed. And which credits a forfeit
    # takes, and what a whole bucket has, is better read once nobody can change it.
    best_locked = connection.in_atomic_block or movement.amount is None or _takes_credits(movement)
    posted = None if best_locked else _attempt(movement, of, by)
    return posted or _post_locked(movement, of, by)


def preview(movement: Movement, *, of: str | UUID, by: Actor) -> Preview:
    """Return what the movement would do now, without writing anything. Raises what `post` raises."""
    found = _look(movement, of)
    before = Amounts(*found["amounts"])
    if found["entry_id"]:
        return Preview(before, before, is_posted=True)
    book, _ = _entered(movement, found, by)
    return Preview(before, book.amounts[movement.asset_id], is_posted=False)


@retried
def _post_locked(movement: Movement, of: str | UUID, by: Actor) -> Posted:
    with transaction.atomic():
        locks.lock([of])
        posted = _attempt(movement, of, by)
        assert posted is not None, "Somebody moved this participant's value under our lock."
        return posted


def _takes_credits(movement: Movement) -> bool:
    return movement.action is ActionType.FORFEIT and movement.bucket == Bucket.DEFERRED


def _column(of: str | UUID) -> str:
    return "id" if isinstance(of, UUID) else "external_id"


@retried
def _attempt(movement: Movement, of: str | UUID, by: Actor) -> Posted | None:
    """None where somebody else moved this participant's value between our look and our write."""
    found = _look(movement, of)
    if found["entry_id"]:
        return _replayed(movement, found)
    book, entry = _entered(movement, found, by)
    return _posted(movement, entry, found["scale"]) if write([book]) else None


def _entered(movement: Movement, found: dict[str, Any], by: Actor) -> tuple[Book, Entry]:
    """Open the participant's book and enter the movement, without writing it."""
    _check(movement, found)
    book = Book(
        found["participant_id"],
        found["version"],
        found["sequence"],
        bytes(found["last_hash"]),
        {movement.asset_id: Amounts(*found["amounts"])},
    )
    if _takes_credits(movement):
        load_maturities([book])
    entry = book.enter(
        movement.action,
        movement.amount,
        terms=Terms(movement.asset_id, found["scale"], found["max_transaction_amount"]),
        program_id=movement.program_id,
        cause=Cause(by),
        description=movement.description,
        at=found["moment"],
        bucket=movement.bucket,
        allow_negative=movement.allow_negative,
        matures_at=movement.matures_at,
        idempotency_key=movement.idempotency_key,
        request=None if movement.idempotency_key is None else movement.meaning,
    )
    return book, entry


def _posted(movement: Movement, entry: Entry, scale: int) -> Posted:
    balance = (entry.available, entry.held, entry.deferred)
    return Posted(movement, entry.id, entry.amount, *balance, scale)


def _replayed(movement: Movement, found: dict[str, Any]) -> Posted:
    if without_defaults(exact_json.loads(found["request"])) != movement.meaning:
        raise IdempotencyConflict
    balance: tuple[Decimal, Decimal, Decimal] = found["after"]
    return Posted(movement, found["entry_id"], found["amount"], *balance, found["scale"])


def _check(movement: Movement, found: dict[str, Any]) -> None:
    if not found["is_program"]:
        raise ProgramNotFound
    if found["scale"] is None:
        raise AssetNotFound
    status = found["participant_status"]
    may_move = status == ParticipantStatus.ACTIVE or (
        status == ParticipantStatus.CLOSED and movement.action is ActionType.FORFEIT
    )
    if not may_move:
        raise ParticipantInactive
    if found["enrollment_status"] != EnrollmentStatus.ACTIVE:
        raise NotEnrolled
    if not found["is_linked"]:
        raise AssetNotLinked
    moment: datetime = found["moment"]
    if movement.matures_at is not None and movement.matures_at <= moment:
        message = "Give a time to come."
        raise ValidationFailed([FieldError("matures_at", "past", message)])


def _look(movement: Movement, of: str | UUID) -> dict[str, Any]:
    """Read everything around the movement in one query. Raises ParticipantNotFound."""
    key = movement.idempotency_key
    keys = (None, None) if key is None else spellings(key)
    parameters = [of, movement.program_id, movement.asset_id, *keys]
    rows = run(_LOOK[_column(of)], parameters, at=of)
    if not rows:
        raise ParticipantNotFound
    found = dict(zip(_FOUND, rows[0], strict=True))
    found["amounts"] = [found[name] for name in ("available", "held", "deferred", "overdrawn")]
    found["after"] = tuple(found[f"{name}_after"] for name in ("available", "held", "deferred"))
    return found


# What the look finds: each name and where it comes from.
_FOUND = {
    "participant_id": "participant.id",
    "participant_status": "participant.status",
    "version": "participant.updated_at",
    "moment": "clock_timestamp()",
    "is_program": "program.id IS NOT NULL",
    "enrollment_status": "enrollment.status",
    "scale": "asset.scale",
    "max_transaction_amount": "asset.max_transaction_amount",
    "is_linked": "link.id IS NOT NULL",
    "sequence": "coalesce(last.sequence, 0)",
    "last_hash": "coalesce(last.entry_hash, uuid_send(participant.ledger_salt))",
    "available": "coalesce(balance.available, 0)",
    "held": "coalesce(balance.held, 0)",
    "deferred": "coalesce(balance.deferred, 0)",
    "overdrawn": "coalesce(balance.overdrawn, false)",
    # The earlier entry of the same idempotency key, if there is one.
    "entry_id": "earlier.id",
    "request": "earlier.request::text",
    "amount": "earlier.amount",
    "available_after": "earlier.available",
    "held_after": "earlier.held",
    "deferred_after": "earlier.deferred",
}

_EARLIER = """SELECT id, request, amount, available, held, deferred FROM participants_journalentry
        WHERE participant_id = participant.id AND idempotency_key"""


def _look_by(column: str, kind: str) -> Statement:
    columns = ",\n    ".join(f"{source} AS {name}" for name, source in _FOUND.items())
    return Statement(f"""
WITH input AS (
    SELECT $1::{kind} AS participant, $2::uuid AS program_id, $3::uuid AS asset_id, $4::text AS key, $5::text AS quoted_key
)
SELECT {columns}
FROM input JOIN participants_participant AS participant ON participant.{column} = input.participant
    LEFT JOIN programs_program AS program ON program.id = input.program_id
    LEFT JOIN participants_enrollment AS enrollment
        ON enrollment.participant_id = participant.id AND enrollment.program_id = program.id
    LEFT JOIN programs_asset AS asset ON asset.id = input.asset_id
    LEFT JOIN programs_assetlink AS link ON link.program_id = program.id AND link.asset_id = asset.id
    LEFT JOIN participants_balance AS balance
        ON balance.participant_id = participant.id AND balance.asset_id = asset.id
    LEFT JOIN LATERAL (
        SELECT sequence, entry_hash FROM participants_journalentry
        WHERE participant_id = participant.id ORDER BY sequence DESC LIMIT 1
    ) AS last ON true
    LEFT JOIN LATERAL (
        {_EARLIER} = input.key UNION ALL {_EARLIER} = input.quoted_key LIMIT 1
    ) AS earlier ON true
""")


_LOOK = {"id": _look_by("id", "uuid"), "external_id": _look_by("external_id", "text")}
