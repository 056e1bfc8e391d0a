"""Carrying out one movement: two statements and no lock held between them, or, where others are at it too, under the lock."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from participants.exceptions import (
    AssetNotLinked,
    IdempotencyConflict,
    NotEnrolled,
    ParticipantInactive,
    ParticipantNotFound,
)
from participants.ledger import store
from participants.ledger.book import Amounts, Book, Entry, Reason, Terms
from participants.ledger.request import Movement
from participants.models import (
    ActionType,
    Balance,
    Bucket,
    Enrollment,
    EnrollmentStatus,
    JournalEntry,
    Maturity,
    Participant,
    ParticipantStatus,
)
from programs.kernel import exact_json
from programs.kernel.actors import Actor
from programs.kernel.database import prepared_cursor, retried
from programs.kernel.exceptions import AssetNotFound, FieldError, ProgramNotFound, ValidationFailed
from programs.models import Asset, AssetLink, Program


@dataclass(frozen=True, slots=True)
class Posted:
    """What a movement did: the entry, what moved, and the balances after it."""

    entry_id: UUID
    amount: Decimal
    available: Decimal
    held: Decimal
    deferred: Decimal
    scale: int


def post(movement: Movement, *, of: str | UUID, by: Actor) -> Posted:
    """Move value of the participant with this external_id (a text) or id (a UUID): whole or not at all, and only once
    for one idempotency key, however many calls come at once.

    Raises ParticipantNotFound, ProgramNotFound, AssetNotFound, IdempotencyConflict, ParticipantInactive, NotEnrolled,
    AssetNotLinked, InvalidScale, MaxTransactionExceeded, InsufficientBalance, AmountOutOfRange, and ValidationFailed for a
    `matures_at` that has passed.
    """
    # Somebody's transaction would not see what others commit meanwhile; and which credits a forfeit takes, and what a
    # whole bucket has, is better known once nobody can change it.
    best_locked = connection.in_atomic_block or movement.amount is None or _takes_credits(movement)
    posted = None if best_locked else _attempt(movement, of, by)
    return posted or _post_locked(movement, of, by)


@retried
def _post_locked(movement: Movement, of: str | UUID, by: Actor) -> Posted:
    with transaction.atomic():
        holder = Participant.objects.filter(**{_column(of): of}).select_for_update(no_key=True)
        list(holder.values_list("pk"))
        posted = _attempt(movement, of, by)
        assert posted is not None, "Nobody overtakes us under the lock."
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
    _check(movement, found)
    book = Book(
        found["participant_id"],
        found["version"],
        found["sequence"],
        bytes(found["last_hash"]),
        {movement.asset_id: Amounts(*found["amounts"])},
    )
    if _takes_credits(movement):
        rows = Maturity.objects.filter(
            participant=book.participant_id, asset=movement.asset_id, matured_at=None, amount__gt=0
        )
        book.waiting = {row.pk: store.waiting(row, movement.program_id) for row in rows}
    keyed = movement.idempotency_key is not None
    entry = book.enter(
        movement.action,
        movement.amount,
        terms=Terms(movement.asset_id, found["scale"], found["max_transaction_amount"]),
        program_id=movement.program_id,
        reason=Reason(
            by,
            movement.description,
            idempotency_key=movement.idempotency_key,
            request=movement.meaning if keyed else None,
        ),
        at=found["moment"],
        bucket=movement.bucket,
        allow_negative=movement.allow_negative,
        matures_at=movement.matures_at,
    )
    return _posted(entry, found["scale"]) if store.write([book]) else None


def _posted(entry: Entry, scale: int) -> Posted:
    after = entry.after
    return Posted(entry.id, entry.amount, after.available, after.held, after.deferred, scale)


def _replayed(movement: Movement, found: dict[str, Any]) -> Posted:
    if exact_json.loads(found["request"]) != movement.meaning:
        raise IdempotencyConflict
    available, held, deferred = found["after"]
    return Posted(found["entry_id"], found["amount"], available, held, deferred, found["scale"])


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
    """Everything around the movement, in one query. Raises ParticipantNotFound."""
    with prepared_cursor() as cursor:
        parameters = [of, movement.program_id, movement.asset_id, movement.idempotency_key]
        cursor.execute(_LOOK[_column(of)], parameters)
        row = cursor.fetchone()
    if row is None:
        raise ParticipantNotFound
    found = dict(zip(_COLUMNS, row, strict=True))
    found["amounts"] = row[-8:-4]
    found["after"] = row[-3:]
    return found


# Under the name of each column in the text below, in its order.
_COLUMNS = (
    *(
        "participant_id",
        "participant_status",
        "version",
        "moment",
        "is_program",
        "enrollment_status",
    ),
    *("scale", "max_transaction_amount", "is_linked", "sequence", "last_hash"),
    *("entry_id", "request", "available", "held", "deferred", "overdrawn"),
    *("amount", "available_after", "held_after", "deferred_after"),
)
_LOOK = {
    address: f"""
SELECT participant.id, participant.status, participant.updated_at, clock_timestamp(), program.id IS NOT NULL, enrollment.status,
    asset.scale, asset.max_transaction_amount, link.id IS NOT NULL,
    coalesce(last.sequence, 0), coalesce(last.entry_hash, uuid_send(participant.ledger_salt)),
    earlier.id, earlier.request::text,
    coalesce(balance.available, 0), coalesce(balance.held, 0), coalesce(balance.deferred, 0),
    coalesce(balance.overdrawn, false),
    earlier.amount, earlier.available, earlier.held, earlier.deferred
FROM {Participant._meta.db_table} AS participant
    LEFT JOIN {Program._meta.db_table} AS program ON program.id = $2
    LEFT JOIN {Enrollment._meta.db_table} AS enrollment
        ON enrollment.participant_id = participant.id AND enrollment.program_id = program.id
    LEFT JOIN {Asset._meta.db_table} AS asset ON asset.id = $3
    LEFT JOIN {AssetLink._meta.db_table} AS link ON link.program_id = program.id AND link.asset_id = asset.id
    LEFT JOIN {Balance._meta.db_table} AS balance
        ON balance.participant_id = participant.id AND balance.asset_id = asset.id
    LEFT JOIN LATERAL (
        SELECT sequence, entry_hash FROM {JournalEntry._meta.db_table}
        WHERE participant_id = participant.id ORDER BY sequence DESC LIMIT 1
    ) AS last ON true
    LEFT JOIN {JournalEntry._meta.db_table} AS earlier
        ON earlier.participant_id = participant.id AND earlier.idempotency_key = $4
WHERE participant.{address} = $1
"""
    for address in ("id", "external_id")
}
