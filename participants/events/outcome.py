"""What an event led to, in the shape that the event stores, the API returns and the admin puts into words.

Whether a failing rule fails its event is decided in `apply`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NotRequired, Required, TypedDict
from uuid import UUID

from participants.models import Event, EventStatus
from programs.kernel import exact_json
from programs.rulebook.actions import SetTier
from programs.rulebook.compiled import CompiledRule

MATCHED, NOT_MATCHED, SKIPPED, FAILED = "matched", "not_matched", "skipped", "failed"
RULE_OUTCOMES = [MATCHED, NOT_MATCHED, SKIPPED, FAILED]

_WITHOUT_EFFECT = {"error", "undone", "ignored"}  # members of an effect of which nothing remains

MAX_STORED = 64_000  # bytes of JSON
_ESCAPED_NUL = b"\\u0000"


class ErrorDetail(TypedDict):
    """A refusal of the ledger, the state or the rule language."""

    code: str
    message: str


class Effect(TypedDict, total=False):
    """What one action did. The type of action decides which members there are; `before` and `after` always match."""

    type: Required[str]
    asset_id: str
    amount: str
    bucket: str
    tag: str
    key: str
    value: str
    tier: str
    level: str
    expires_at: str
    pinned: bool
    ignored: str  # why the action did nothing
    before: Any
    after: Any
    late: bool  # the event is from before the counter's window, which began at `last_reset_at`, and counts in it
    last_reset_at: str
    journal_entry_id: str | None
    error: ErrorDetail  # the action was refused, and its rule or the event failed
    undone: bool  # a later action of the rule was refused, or the event failed


class RuleEvaluation(TypedDict):
    """What one rule decided, and why, and what its actions did."""

    rule_id: str
    rule_name: str
    rule_version: int
    outcome: str  # one of RULE_OUTCOMES
    reason: str
    actions: list[Effect]
    omitted_actions: NotRequired[int]  # how many did not fit


class TierChange(TypedDict):
    """A rise on a track that counters brought about, by the keys of the levels; "" is the base.

    `earned_level` is there where a loan or a pin covers it, so that they stand where they stood.
    """

    tier: str
    before: str
    after: str
    earned_level: NotRequired[str]


class Failure(ErrorDetail):
    """Why all of the event was taken back. `action` counts from 0; None stands for the rule's condition."""

    rule_id: str | None
    rule_name: str
    action: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of processing an event; `omitted_rules` is how many evaluations did not fit into what is stored.

    `failed_rules` are those that a COMPLETED event may run again.
    """

    status: EventStatus
    rule_evaluations: list[RuleEvaluation] = field(default_factory=list)
    tier_changes: list[TierChange] = field(default_factory=list)
    failure: Failure | None = None
    omitted_rules: int = 0
    failed_rules: list[UUID] = field(default_factory=list)


def of(event: Event) -> Outcome:
    """The outcome that the event stores; an empty one while it is pending for the first time."""
    return read(EventStatus(event.status), event.outcome or {})


def read(status: EventStatus, stored: Mapping[str, Any]) -> Outcome:
    """The outcome that is stored as this document."""
    return Outcome(
        status,
        stored.get("rule_evaluations", []),
        stored.get("tier_changes", []),
        stored.get("failure"),
        stored.get("omitted_rules", 0),
    )


def merged(before: Outcome, again: Outcome, retried: Collection[UUID]) -> Outcome:
    """The outcome of an event whose rules `retried` ran again: their evaluations replace those from before."""
    new = {each["rule_id"]: each for each in again.rule_evaluations}
    gone = {str(rule_id) for rule_id in retried} - new.keys()
    evaluations: list[RuleEvaluation] = []
    for each in before.rule_evaluations:
        if each["rule_id"] in gone:
            each = _without_effects(each, SKIPPED, "The rule was archived before it was retried.")
        evaluations.append(new.pop(each["rule_id"], each))
    # The others had been omitted.
    evaluations.extend(new.values())
    return Outcome(
        again.status,
        evaluations,
        [*before.tier_changes, *again.tier_changes],
        omitted_rules=max(0, before.omitted_rules - len(new)),
        failed_rules=again.failed_rules,
    )


def still_failed(before: Outcome, retried: Collection[UUID], reason: str) -> Outcome:
    """The outcome of an event whose rules `retried` could not be run again."""
    failed = {str(rule_id) for rule_id in retried}
    evaluations = [
        _without_effects(each, FAILED, reason) if each["rule_id"] in failed else each
        for each in before.rule_evaluations
    ]
    return replace(before, rule_evaluations=evaluations, failed_rules=list(retried))


def _without_effects(evaluation: RuleEvaluation, ended: str, reason: str) -> RuleEvaluation:
    return {
        "rule_id": evaluation["rule_id"],
        "rule_name": evaluation["rule_name"],
        "rule_version": evaluation["rule_version"],
        "outcome": ended,
        "reason": reason,
        "actions": [],
    }


def skipped(rule: CompiledRule, reason: str = "") -> RuleEvaluation:
    """The evaluation of a rule that has not run, or not yet."""
    return {
        "rule_id": rule.id_text,
        "rule_name": rule.name,
        "rule_version": rule.version,
        "outcome": SKIPPED,
        "reason": reason,
        "actions": [],
    }


def set_tracks(evaluations: Iterable[RuleEvaluation]) -> set[str]:
    """The keys of the tracks on which a SET_TIER has put the participant, by these evaluations."""
    return {
        effect["tier"]
        for evaluation in evaluations
        for effect in evaluation["actions"]
        if effect["type"] == SetTier.type and not effect.keys() & _WITHOUT_EFFECT
    }


def mark_undone(evaluations: Iterable[RuleEvaluation]) -> None:
    """Mark the effects of a failed rule or event: none of them was written, nor were their journal entries."""
    for evaluation in evaluations:
        for effect in evaluation["actions"]:
            if "error" not in effect:
                effect["undone"] = True
                effect.pop("journal_entry_id", None)


def failure_of(
    rule: CompiledRule | None, code: str, message: str, action: int | None = None
) -> Failure:
    """Why an event failed; without a `rule`, for a reason that has to do with none."""
    return {
        "rule_id": rule.id_text if rule else None,
        "rule_name": rule.name if rule else "",
        "action": action,
        "code": code,
        "message": message,
    }


def unexpected(message: str) -> Outcome:
    """The outcome of an event that a mistake of ours, and not a refusal, has failed too often."""
    return Outcome(EventStatus.FAILED, failure=failure_of(None, "internal_error", message))


def dumps(outcome: Outcome) -> bytes:
    """The outcome as JSON of at most MAX_STORED bytes, for the event to store."""
    return stored(outcome)[0]


def stored(outcome: Outcome) -> tuple[bytes, list[RuleEvaluation]]:
    """The outcome as JSON of at most MAX_STORED bytes, and the evaluations that it has.

    What does not fit is counted. Rules that matched or failed are kept longest, if need be without their actions.
    """
    document = _document(outcome)
    written = exact_json.dumps(document)
    if _ESCAPED_NUL in written:  # a reason may quote it out of a rule
        document = _without_nul(document)
        written = exact_json.dumps(document)
    if len(written) <= MAX_STORED:
        return written, outcome.rule_evaluations
    evaluations = document["rule_evaluations"]
    rest = exact_json.dumps({**document, "rule_evaluations": []})
    kept = _fitting(evaluations, MAX_STORED - len(rest) - 100)
    document["rule_evaluations"] = kept
    if len(kept) < len(evaluations):
        document["omitted_rules"] = outcome.omitted_rules + len(evaluations) - len(kept)
    return exact_json.dumps(document), kept


def _document(outcome: Outcome) -> dict[str, Any]:
    document: dict[str, Any] = {"rule_evaluations": outcome.rule_evaluations}
    if outcome.tier_changes:
        document["tier_changes"] = outcome.tier_changes
    if outcome.failure:
        document["failure"] = outcome.failure
    if outcome.omitted_rules:
        document["omitted_rules"] = outcome.omitted_rules
    return document


def _fitting(evaluations: list[RuleEvaluation], room: int) -> list[RuleEvaluation]:
    """As many of the evaluations as fit into so many bytes, in their order."""
    kept: dict[int, RuleEvaluation] = {}
    ran = {index for index, each in enumerate(evaluations) if each["outcome"] in (MATCHED, FAILED)}
    for index in sorted(range(len(evaluations)), key=lambda index: index not in ran):
        evaluation = evaluations[index]
        size = len(exact_json.dumps(evaluation)) + 1
        if size > room and index in ran:
            omitted = len(evaluation["actions"])
            evaluation = {**evaluation, "actions": [], "omitted_actions": omitted}
            size = len(exact_json.dumps(evaluation)) + 1
        if size > room:
            break
        room -= size
        kept[index] = evaluation
    return [kept[index] for index in sorted(kept)]


def _without_nul(value: Any) -> Any:
    """The same JSON with a visible sign in the place of NUL, which jsonb cannot hold."""
    if isinstance(value, str):
        return value.replace("\0", "\N{SYMBOL FOR NULL}")
    if isinstance(value, dict):
        return {name: _without_nul(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_nul(part) for part in value]
    return value
