"""Decisions: whether a condition holds, and if not, its false parts with the values they saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from programs.rules.budget import Run
from programs.rules.errors import BudgetExceeded, EvaluationError, MissingField, cut
from programs.rules.operators import not_bool
from programs.rules.reasons import Shown
from programs.rules.values import Closure, Facts

MAX_REASON: Final = 1000


class Decision(NamedTuple):
    """The outcome of a condition. `reason` says why it did not match ("" if it did). `failure` is set if no part was
    false but some had no value: MissingField for what the facts lack, BudgetExceeded, or another error.
    """

    matched: bool
    reason: str = ""
    failure: EvaluationError | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a top-level &&: its text, its closure, the paths that it reads, and what reasons show of it."""

    text: str
    evaluate: Closure
    reads: Sequence[str]
    shown: Sequence[Shown]


def decide(parts: Sequence[Part], facts: Facts, run: Run) -> Decision:
    false: list[Part] = []
    failed: list[tuple[Part, EvaluationError]] = []
    for part in parts:
        try:
            value = part.evaluate(facts, run)
        except BudgetExceeded as error:
            return Decision(False, str(error), error)
        except EvaluationError as error:
            failed.append((part, error))
            continue
        if value is False:
            false.append(part)
        elif value is not True:
            failed.append((part, not_bool("A condition", value, part.text)))
    if false:
        reasons = [f"{cut(part.text, 200)} is false{_why(part, facts, run)}" for part in false]
        return Decision(False, cut("; ".join(reasons), MAX_REASON))
    if failed:
        return Decision(False, cut(_failures(failed), MAX_REASON), failed[0][1])
    return Decision(True)


def _failures(failed: Sequence[tuple[Part, EvaluationError]]) -> str:
    return "; ".join(
        str(error).rstrip(".")
        if isinstance(error, MissingField)
        else f"{cut(part.text, 200)}: {str(error).rstrip('.')}"
        for part, error in failed
    )


def _why(part: Part, facts: Facts, run: Run) -> str:
    if not part.shown:
        return ""
    first, *others = part.shown
    seen = [*first.shown(facts, run)]
    for shown in others:
        seen += [text for text in shown.shown(facts, run) if text not in seen]
    return f": {', '.join(seen)}" if seen else ""
