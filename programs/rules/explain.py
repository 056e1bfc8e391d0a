"""Decisions: whether a condition holds, and if not, its false parts with the values they saw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from programs.rules.budget import Run
from programs.rules.errors import BudgetExceeded, EvaluationError, MissingField, cut
from programs.rules.operators import not_bool
from programs.rules.values import Closure, Facts, written

MAX_SHOWN: Final = 80  # characters of one value
MAX_REASON: Final = 1000


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of a condition. `reason` says why it did not match ("" if it did). `failure` is set if no part was
    false but some had no value: MissingField for what the facts lack, BudgetExceeded, or another error.
    """

    matched: bool
    reason: str = ""
    failure: EvaluationError | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a top-level &&: its text, its closure, and the paths that it reads, by their text."""

    text: str
    evaluate: Closure
    reads: Mapping[str, Closure]


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
        reasons = [f"{cut(part.text, 200)} is false{_seen(part, facts, run)}" for part in false]
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


def _seen(part: Part, facts: Facts, run: Run) -> str:
    values = [f"{text} is {_value(read, facts, run)}" for text, read in part.reads.items()]
    return f" ({', '.join(values)})" if values else ""


def _value(read: Closure, facts: Facts, run: Run) -> str:
    try:
        return written(read(facts, run), MAX_SHOWN)
    except MissingField:
        return "missing"
    except EvaluationError:
        return "unreadable"
