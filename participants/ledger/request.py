"""The body of a call that moves value, with the same limits for the API and the admin."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from participants.models import ActionType, Bucket
from programs.kernel import instants
from programs.kernel.cleaning import (
    Errors,
    amount_of,
    choice_of,
    flag_of,
    instant_of,
    members_of,
    refuse_unknown,
    text_of,
    uuid_of,
)
from programs.kernel.decimals import written

MAX_DESCRIPTION_LENGTH = 500
MAX_KEY_LENGTH = 255
# A string as RFC 8941 writes it, which the header Idempotency-Key may hold.
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


@dataclass(frozen=True, slots=True)
class Movement:
    """A request to move one asset of one participant.

    `amount` is None for all that the bucket has. `bucket` is the participant's side of a CREDIT, DEBIT or FORFEIT;
    `matures_at` defers a CREDIT; `allow_negative` lets a DEBIT overdraw.
    """

    action: ActionType
    program_id: UUID
    asset_id: UUID
    description: str
    amount: Decimal | None = None
    bucket: str = Bucket.AVAILABLE
    matures_at: datetime | None = None
    allow_negative: bool = False
    idempotency_key: str | None = None

    @property
    def changed_bucket(self) -> str:
        """The bucket of a CREDIT, DEBIT or FORFEIT that changes."""
        return Bucket.DEFERRED if self.matures_at else self.bucket

    @property
    def meaning(self) -> dict[str, Any]:
        """The request, spelled in one way and without defaults: two calls with one key must have the same."""
        return without_defaults(
            {
                "action": str(self.action),
                "program_id": str(self.program_id),
                "asset_id": str(self.asset_id),
                "description": self.description,
                "amount": None if self.amount is None else written(self.amount),
                "bucket": str(self.bucket),
                "matures_at": self.matures_at and instants.written(self.matures_at),
                "allow_negative": self.allow_negative,
            }
        )


# What an idempotency key remembers leaves these out, so that a field that is added later with its default here is no other
# request than the one before it. Earlier releases stored them, so what is stored is compared without them, too.
_DEFAULTS: Final = {
    "amount": None,
    "bucket": Bucket.AVAILABLE,
    "matures_at": None,
    "allow_negative": False,
}


def without_defaults(request: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in request.items()
        if name not in _DEFAULTS or value != _DEFAULTS[name]
    }


def unquoted(key: str) -> str:
    """Return the key that a quoted one stands for."""
    quoted = _QUOTED.fullmatch(key)
    return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else key


def spellings(key: str) -> tuple[str, str]:
    """Return the key without and with quotes. Earlier releases stored a quoted one with them."""
    key = unquoted(key)
    return key, '"' + re.sub(r'(["\\])', r"\\\1", key) + '"'


def clean_adjustment(body: object, *, key: str | None = None) -> Movement:
    """Read the body of an adjustment; `key` is what the header Idempotency-Key says. Raises ValidationFailed."""
    errors = Errors()
    members = members_of(body, errors)
    action = choice_of(members.pop("type", None), errors, "type", ["CREDIT", "DEBIT"])
    bucket = choice_of(members.pop("bucket", "AVAILABLE"), errors, "bucket", ["AVAILABLE", "HELD"])
    amount = amount_of(members.pop("amount", None), errors, "amount")
    matures_at = None
    if "matures_at" in members:
        matures_at = instant_of(members.pop("matures_at"), errors, "matures_at")
        if action == ActionType.DEBIT or bucket == Bucket.HELD:
            errors.add("matures_at", "invalid", "Only a CREDIT to AVAILABLE can mature later.")
    allow_negative = False
    if "allow_negative" in members:
        allow_negative = flag_of(members.pop("allow_negative"), errors, "allow_negative")
        if allow_negative and (action != ActionType.DEBIT or bucket == Bucket.HELD):
            errors.add("allow_negative", "invalid", "Only a DEBIT of AVAILABLE can overdraw.")
    return _movement(
        action,
        members,
        errors,
        key,
        amount=amount,
        bucket=bucket,
        matures_at=matures_at,
        allow_negative=allow_negative,
    )


def clean_transfer(body: object, action: ActionType, *, key: str | None = None) -> Movement:
    """Read the body of a HOLD, RELEASE or FORFEIT, whose amount may be left out. Raises ValidationFailed."""
    errors = Errors()
    members = members_of(body, errors)
    amount = amount_of(members.pop("amount"), errors, "amount") if "amount" in members else None
    bucket: str = Bucket.AVAILABLE
    if action is ActionType.FORFEIT and "bucket" in members:
        bucket = choice_of(members.pop("bucket"), errors, "bucket", Bucket.values)
    return _movement(action, members, errors, key, amount=amount, bucket=bucket)


def _movement(
    action: str, members: dict[str, Any], errors: Errors, header: str | None, **rest: Any
) -> Movement:
    program_id = uuid_of(members.pop("program_id", None), errors, "program_id")
    asset_id = uuid_of(members.pop("asset_id", None), errors, "asset_id")
    description = text_of(
        members.pop("description", None), errors, "description", longest=MAX_DESCRIPTION_LENGTH
    )
    key = _key(members, errors, header)
    refuse_unknown(members, errors)
    errors.raise_if_any()
    assert program_id is not None
    assert asset_id is not None
    return Movement(
        ActionType(action), program_id, asset_id, description, idempotency_key=key, **rest
    )


def _key(members: dict[str, Any], errors: Errors, header: str | None) -> str | None:
    header = None if header is None else unquoted(header)
    name, key = "idempotency_key", header
    if name in members:
        key = members.pop(name)
        key = unquoted(key) if isinstance(key, str) else key
        if header is not None and key != header:
            errors.add(name, "invalid", "The header Idempotency-Key says another one.")
    if key is None and header is None:
        return None
    return text_of(key, errors, name, longest=MAX_KEY_LENGTH)
