"""What an event led to, in the shape that the event stores, the API returns and the admin puts into words."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NotRequired, Required, TypedDict

from participants.models import Event, EventStatus
from programs.kernel import exact_json
from programs.rulebook.compiled import CompiledRule

MATCHED, NOT_MATCHED, SKIPPED, FAILED = "matched", "not_matched", "skipped", "failed"
RULE_OUTCOMES = [MATCHED, NOT_MATCHED, SKIPPED, FAILED]

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
    before: Any
    after: Any
    journal_entry_id: str | None
    error: ErrorDetail  # the action was refused, and the event failed
    undone: bool  # a later action or rule failed


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
    """A rise on a track that counters brought about, by the keys of the levels; "" is the base."""

    tier: str
    before: str
    after: str


class Failure(ErrorDetail):
    """Why all of the event was taken back. `action` counts from 0; None stands for the rule's condition."""

    rule_id: str | None
    rule_name: str
    action: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of processing an event; `omitted_rules` is how many evaluations did not fit into what is stored."""

    status: EventStatus
    rule_evaluations: list[RuleEvaluation] = field(default_factory=list)
    tier_changes: list[TierChange] = field(default_factory=list)
    failure: Failure | None = None
    omitted_rules: int = 0


def of(event: Event) -> Outcome:
    """The outcome that the event stores; an empty one while it is pending."""
    stored = event.outcome or {}
    return Outcome(
        EventStatus(event.status),
        stored.get("rule_evaluations", []),
        stored.get("tier_changes", []),
        stored.get("failure"),
        stored.get("omitted_rules", 0),
    )


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


def mark_undone(evaluations: Iterable[RuleEvaluation]) -> None:
    """Mark the effects of a failed event: none of them was written, nor were their journal entries."""
    for evaluation in evaluations:
        for effect in evaluation["actions"]:
            if "error" not in effect:
                effect["undone"] = True
                effect.pop("journal_entry_id", None)


def unexpected(error: BaseException, attempts: int) -> dict[str, Any]:
    """What an event stores that a mistake of ours, and not a refusal, has failed `attempts` times."""
    name = type(error).__name__
    failure: Failure = {
        "rule_id": None,
        "rule_name": "",
        "action": None,
        "code": "internal_error",
        "message": f"It failed {attempts} times unexpectedly ({name}); the log says more.",
    }
    return _document(Outcome(EventStatus.FAILED, failure=failure))


def dumps(outcome: Outcome) -> bytes:
    """The outcome as JSON of at most MAX_STORED bytes, for the event to store.

    What does not fit is counted. Rules that matched or failed are kept longest, if need be without their actions.
    """
    document = _document(outcome)
    written = exact_json.dumps(document)
    if _ESCAPED_NUL in written:  # a reason may quote it out of a rule
        document = _without_nul(document)
        written = exact_json.dumps(document)
    if len(written) <= MAX_STORED:
        return written
    evaluations = document["rule_evaluations"]
    rest = exact_json.dumps({**document, "rule_evaluations": []})
    kept = _fitting(evaluations, MAX_STORED - len(rest) - 100)
    document["rule_evaluations"] = kept
    if len(kept) < len(evaluations):
        document["omitted_rules"] = len(evaluations) - len(kept)
    return exact_json.dumps(document)


def _document(outcome: Outcome) -> dict[str, Any]:
    document: dict[str, Any] = {"rule_evaluations": outcome.rule_evaluations}
    if outcome.tier_changes:
        document["tier_changes"] = outcome.tier_changes
    if outcome.failure:
        document["failure"] = outcome.failure
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
