"""What each type of action does to a participant in memory: one function per type, registered for its class.

Which accounts a movement joins is said by `participants.models.ledger.ActionType`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar
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
from participants.ledger.book import Amounts, Terms
from participants.models import ActionType, Bucket
from participants.state.standing import has_expired, is_held
from participants.state.windows import Window
from programs.exceptions import TierTrackNotFound
from programs.kernel import instants, periods
from programs.kernel.decimals import LARGEST, SMALLEST, rounded_down, rounded_to_digits, written
from programs.kernel.exact_json import MAX_DIGITS
from programs.rulebook.actions import (
    Action,
    Counter,
    Credit,
    Debit,
    Forfeit,
    Hold,
    Movement,
    Release,
    SetAttribute,
    SetTier,
    Tag,
    Untag,
)
from programs.rulebook.compiled import CompiledRule, LinkedAsset, Rulebook
from programs.rulebook.expressions import Number
from programs.rules.arithmetic import significant

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """The rule that an action belongs to, and the event that triggered it."""

    rulebook: Rulebook
    rule: CompiledRule
    event_id: UUID | None

    @property
    def cause(self) -> Cause:
        return Cause(self.rule.actor, self.event_id, self.rule.id, self.rulebook.program_id)


A = TypeVar("A", bound=Action)
CarryOut = Callable[[A, Subject, Facts, Context], Effect]
_EFFECTS: Final[dict[type[Action], CarryOut[Any]]] = {}


def effect_of(*types: type[A]) -> Callable[[CarryOut[A]], CarryOut[A]]:
    """Register a function as what actions of these types do: it changes the subject and returns the effect."""

    def register(function: CarryOut[A]) -> CarryOut[A]:
        _EFFECTS.update(dict.fromkeys(types, function))
        return function

    return register


def carry_out(action: Action, subject: Subject, facts: Facts, context: Context) -> Effect:
    """Carry out the action and return its effect, with the values before and after.

    Raises EvaluationError if its expression has no value, and the refusals of ledger and state.
    """
    if action.needs_active and not subject.person.is_active:
        raise ParticipantInactive
    return _EFFECTS[type(action)](action, subject, facts, context)


@effect_of(Credit)
def credit(action: Credit, subject: Subject, facts: Facts, context: Context) -> Effect:
    at = action.matures_at
    if isinstance(at, timedelta):
        at = periods.later(facts["now"], at)
    # A time that has passed defers nothing.
    matures_at = at if at is not None and at > subject.moment else None
    return _move(
        action,
        subject,
        facts,
        context,
        bucket=Bucket(action.bucket),
        matures_at=matures_at,
    )


@effect_of(Debit)
def debit(action: Debit, subject: Subject, facts: Facts, context: Context) -> Effect:
    return _move(action, subject, facts, context, allow_negative=action.allow_negative)


@effect_of(Hold, Release)
def hold_or_release(action: Movement, subject: Subject, facts: Facts, context: Context) -> Effect:
    return _move(action, subject, facts, context)


@effect_of(Forfeit)
def forfeit(action: Forfeit, subject: Subject, facts: Facts, context: Context) -> Effect:
    bucket = Bucket(action.bucket)
    return _move(action, subject, facts, context, bucket=bucket)


@effect_of(Tag)
def tag(action: Tag, subject: Subject, facts: Facts, context: Context) -> Effect:
    before = subject.changes_person().add_tag(action.tag, context.cause)
    return {"type": action.type, "tag": action.tag, "before": before, "after": True}


@effect_of(Untag)
def untag(action: Untag, subject: Subject, facts: Facts, context: Context) -> Effect:
    before = subject.changes_person().remove_tag(action.tag, context.cause)
    return {"type": action.type, "tag": action.tag, "before": before, "after": False}


@effect_of(Counter)
def count(action: Counter, subject: Subject, facts: Facts, context: Context) -> Effect:
    value = _number(action.value, facts)
    added = subject.changes_person().add_to_counter(
        action.key,
        value,
        window=_window(action, context.rulebook),
        at=facts["now"],
        cause=context.cause,
    )
    effect: Effect = {
        "type": action.type,
        "key": action.key,
        "value": written(value),
        "before": None if added.before is None else written(added.before),
        "after": written(added.after),
    }
    if added.late_for is not None:
        effect["late"] = True
        effect["last_reset_at"] = instants.written(added.late_for)
    return effect


def _window(action: Counter, rulebook: Rulebook) -> Window | None:
    if action.reset:
        return Window(None, action.reset, rulebook.time_zone)
    return Window(action.reset_after) if action.reset_after else None


@effect_of(SetAttribute)
def set_attribute(action: SetAttribute, subject: Subject, facts: Facts, context: Context) -> Effect:
    value: Any = action.value if action.expression is None else action.expression.evaluate(facts)
    if isinstance(value, Decimal):
        value = rounded_to_digits(value, MAX_DIGITS)
    before = subject.changes_person().set_attribute(action.key, value, context.cause)
    return {"type": action.type, "key": action.key, "before": before, "after": value}


@effect_of(SetTier)
def set_tier(action: SetTier, subject: Subject, facts: Facts, context: Context) -> Effect:
    track, level = context.rulebook.track(action.tier), action.level
    if track is None or (level and track.level(level) is None):
        raise TierTrackNotFound("The program has no such track, or the track no such level.")
    before, _ = subject.level_on(track)
    moment = subject.moment
    effect: Effect = {"type": action.type, "tier": track.key, "level": level}
    expires_at = action.expires_at
    if isinstance(expires_at, timedelta):
        expires_at = periods.later(facts["now"], expires_at)
    if expires_at is not None:
        effect["expires_at"] = instants.written(expires_at)
    if action.pinned:
        effect["pinned"] = True
    if is_held(subject.person.standings.get(track.id), track, moment):
        effect["ignored"] = "Their level on this track is pinned."
    elif has_expired(expires_at, moment):
        effect["ignored"] = "It would have ended before the event was processed."
    else:
        subject.changes_person().set_level(
            track,
            level,
            at=moment,
            cause=context.cause,
            expires_at=expires_at,
            pinned=action.pinned,
        )
    effect["before"], effect["after"] = before, subject.level_on(track)[0]
    return effect


def _move(
    action: Movement,
    subject: Subject,
    facts: Facts,
    context: Context,
    *,
    bucket: Bucket | None = None,
    allow_negative: bool = False,
    matures_at: datetime | None = None,
) -> Effect:
    """Enter the movement in the book. `bucket` is the participant's one where the type leaves a choice."""
    asset = context.rulebook.assets.get(action.asset_id)
    if asset is None:
        raise AssetNotLinked
    before = subject.amounts_of(asset.id)
    amount = _amount(action, facts, asset)
    entry_id = None
    if amount:
        entry = subject.changes_book().enter(
            ActionType(action.type),
            amount,
            terms=Terms(asset.id, asset.scale, asset.max_transaction_amount),
            program_id=context.rulebook.program_id,
            cause=context.cause,
            description=action.description or context.rule.name,
            at=subject.moment,
            effective_at=facts["now"],
            bucket=bucket or Bucket.AVAILABLE,
            allow_negative=allow_negative,
            matures_at=matures_at,
        )
        entry_id = str(entry.id)
    effect: Effect = {
        "type": action.type,
        "asset_id": str(asset.id),
        "amount": written(amount, asset.scale),
    }
    if bucket is not None:
        effect["bucket"] = Bucket.DEFERRED if matures_at else bucket
    effect["before"] = _buckets(before, asset)
    effect["after"] = _buckets(subject.amounts_of(asset.id), asset)
    effect["journal_entry_id"] = entry_id
    return effect


def _amount(action: Movement, facts: Facts, asset: LinkedAsset) -> Decimal:
    amount = _number(action.amount, facts)
    # A difference that is zero on paper may be below it by less than can be booked.
    if amount <= -SMALLEST:
        raise InvalidAmount(f"The amount is {written(amount)}; it cannot be below zero.")
    if amount > LARGEST:
        raise AmountOutOfRange
    return rounded_down(amount, asset.scale)


def _number(number: Number, facts: Facts) -> Decimal:
    # Cut without the language's guard digits: 100 / 3 * 3 pays 100.
    return significant(number.evaluate(facts))


def _buckets(amounts: Amounts, asset: LinkedAsset) -> dict[str, str]:
    scale = asset.scale
    return {
        "available": written(amounts.available, scale),
        "held": written(amounts.held, scale),
        "deferred": written(amounts.deferred, scale),
    }
