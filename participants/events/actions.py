"""What each action of a rule does to a participant in memory, and how it tells of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from participants.causes import Cause
from participants.events.outcome import Effect
from participants.events.subject import Subject
from participants.exceptions import (
    AmountOutOfRange,
    AssetNotLinked,
    InvalidAmount,
    ParticipantInactive,
)
from participants.ledger.book import Amounts, Reason, Terms
from participants.models import ActionType, Bucket
from programs.kernel.decimals import LARGEST, rounded_down, written
from programs.kernel.exceptions import TierTrackNotFound
from programs.rulebook.compiled import Action, CompiledRule, LinkedAsset, Rulebook

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """Where an action stands: the rule it belongs to, and the event that brought it about."""

    rulebook: Rulebook
    rule: CompiledRule
    event_id: UUID | None

    @property
    def cause(self) -> Cause:
        return Cause(self.rule.actor, self.event_id, self.rule.id, self.rulebook.program_id)


def carry_out(action: Action, subject: Subject, facts: Facts, context: Context) -> Effect:
    """Do what the action says, and tell what was there before and after.

    Raises EvaluationError where its expression has no value, and the refusals of ledger and state.
    """
    if action.type in _NEEDS_ACTIVE and not subject.person.is_active:
        raise ParticipantInactive
    effect = _VERBS[action.type](action, subject, facts, context)
    subject.changed()
    return effect


def _move(action: Action, subject: Subject, facts: Facts, context: Context) -> Effect:
    asset = context.rulebook.assets.get(action.asset_id) if action.asset_id else None
    if asset is None:
        raise AssetNotLinked
    kind = ActionType(action.type)
    before = subject.amounts_of(asset.id)
    amount = _amount(action, facts, asset)
    bucket = action.given.get("bucket", Bucket.AVAILABLE)
    matures_at = _maturity(action, subject.moment)
    entry_id = None
    if amount:
        entry = subject.book.enter(
            kind,
            amount,
            terms=Terms(asset.id, asset.scale, asset.max_transaction_amount),
            program_id=context.rulebook.program_id,
            reason=Reason(
                context.rule.actor,
                action.given.get("description") or context.rule.name,
                context.event_id,
                context.rule.id,
            ),
            at=subject.moment,
            bucket=bucket if kind.source is None or kind.destination is None else Bucket.AVAILABLE,
            allow_negative=action.given.get("allow_negative", False),
            matures_at=matures_at,
        )
        entry_id = str(entry.id)
    effect: Effect = {
        "type": action.type,
        "asset_id": str(asset.id),
        "amount": written(amount, asset.scale),
    }
    if kind in _HAS_BUCKET:
        effect["bucket"] = Bucket.DEFERRED if matures_at else bucket
    effect["before"] = _buckets(before, asset)
    effect["after"] = _buckets(subject.amounts_of(asset.id), asset)
    effect["journal_entry_id"] = entry_id
    return effect


def _amount(action: Action, facts: Facts, asset: LinkedAsset) -> Decimal:
    amount = _number(action, facts)
    if amount < 0:
        raise InvalidAmount(f"The amount is {written(amount)}; it cannot be below zero.")
    if amount > LARGEST:
        raise AmountOutOfRange
    return rounded_down(amount, asset.scale)


def _number(action: Action, facts: Facts) -> Decimal:
    assert action.amount is not None, "Checked when the rule was written."
    return Decimal(action.amount.evaluate(facts))


def _maturity(action: Action, moment: datetime) -> datetime | None:
    """When the credit matures; a time that has passed holds nothing back."""
    at = action.matures_at
    if action.matures_after is not None:
        at = moment + action.matures_after
    return at if at is not None and at > moment else None


def _buckets(amounts: Amounts, asset: LinkedAsset) -> dict[str, str]:
    scale = asset.scale
    return {
        "available": written(amounts.available, scale),
        "held": written(amounts.held, scale),
        "deferred": written(amounts.deferred, scale),
    }


def _tag(action: Action, subject: Subject, facts: Facts, context: Context) -> Effect:
    tag = action.given["tag"]
    before = subject.person.add_tag(tag, context.cause)
    return {"type": action.type, "tag": tag, "before": before, "after": True}


def _untag(action: Action, subject: Subject, facts: Facts, context: Context) -> Effect:
    tag = action.given["tag"]
    before = subject.person.remove_tag(tag, context.cause)
    return {"type": action.type, "tag": tag, "before": before, "after": False}


def _count(action: Action, subject: Subject, facts: Facts, context: Context) -> Effect:
    key = action.given["key"]
    amount = _number(action, facts)
    before, after = subject.person.add_to_counter(
        key, amount, reset_after=action.reset_after, at=subject.moment, cause=context.cause
    )
    return {
        "type": action.type,
        "key": key,
        "value": written(amount),
        "before": None if before is None else written(before),
        "after": written(after),
    }


def _set_attribute(action: Action, subject: Subject, facts: Facts, context: Context) -> Effect:
    key = action.given["key"]
    value = action.given.get("value") if action.amount is None else action.amount.evaluate(facts)
    before = subject.person.set_attribute(key, value, context.cause)
    return {"type": action.type, "key": key, "before": before, "after": value}


def _set_tier(action: Action, subject: Subject, facts: Facts, context: Context) -> Effect:
    track = context.rulebook.track(action.given["tier"])
    level = action.given["level"]
    if track is None or (level and track.level(level) is None):
        raise TierTrackNotFound("The program has no such track, or the track no such level.")
    before, _ = subject.level_on(track)
    subject.person.set_level(
        track.id, track.key, level, old_level=before, at=subject.moment, cause=context.cause
    )
    return {
        "type": action.type,
        "tier": track.key,
        "level": level,
        "before": before,
        "after": level,
    }


_HAS_BUCKET: Final = (ActionType.CREDIT, ActionType.FORFEIT)
_NEEDS_ACTIVE: Final = frozenset(["CREDIT", "DEBIT", "HOLD", "RELEASE", "FORFEIT", "COUNTER"])
_VERBS: Final[Mapping[str, Callable[[Action, Subject, Facts, Context], Effect]]] = {
    "CREDIT": _move,
    "DEBIT": _move,
    "HOLD": _move,
    "RELEASE": _move,
    "FORFEIT": _move,
    "TAG": _tag,
    "UNTAG": _untag,
    "COUNTER": _count,
    "SET_ATTRIBUTE": _set_attribute,
    "SET_TIER": _set_tier,
}
