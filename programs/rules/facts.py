"""Facts as values of the language: exact numbers, and only types that it knows.

Only what an expression reads is converted, when it is read: walking all facts of every event would take longer than
most rules do. A container that is read is converted as a whole, once per evaluation.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from programs.rules.arithmetic import LONG, as_given, decimal_of
from programs.rules.budget import CONTAINER, MAX_VALUE_DEPTH, Run, charge
from programs.rules.errors import EvaluationError, cut
from programs.rules.values import Optional, TypeName, Value, as_key, in_words

# What facts and the language have in common.
PLAIN: Final = frozenset([str, bool, type(None), bytes, timedelta, TypeName])


def settle(value: Any, run: Run, depth: int = 0) -> Value:
    """Convert a part of the facts to a value of the language; what is one already stays the same object.

    Raises EvaluationError for binary floats and whatever else is no value.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is Decimal or kind is int:
        return decimal_of(value)
    if kind is datetime:
        return _in_utc(value)
    if depth == MAX_VALUE_DEPTH:
        raise EvaluationError(f"The facts are more than {MAX_VALUE_DEPTH} levels deep.")
    if kind is list:
        return _settle_list(value, run, depth + 1)
    if kind is dict:
        return _settle_map(value, run, depth + 1)
    if kind is Optional:
        # Made by the rule, of a part of the facts.
        return Optional(settle(value.value, run)) if value.has_value else value
    if kind is float:
        raise EvaluationError(
            f"The facts contain the binary float {value!r}. Numbers must be int or Decimal."
        )
    raise EvaluationError(f"The facts contain {cut(in_words(value))}, which no rule can read.")


def _settle_list(value: list[Any], run: Run, depth: int) -> list[Value]:
    kinds = set(map(type, value))
    charge(run, CONTAINER + len(value))
    if kinds <= PLAIN:
        return value
    if kinds <= _DECIMALS or kinds <= _INTS:
        charge(run, len(value))
        return _decimals(value)
    charge(run, 5 * len(value))
    return [settle(part, run, depth) for part in value]


def _settle_map(value: dict[Any, Any], run: Run, depth: int) -> dict[Any, Value]:
    charge(run, 2 * CONTAINER + 2 * len(value))
    if not _TEXTS.issuperset(map(type, value)):
        charge(run, 10 * len(value))
        settled = [settle(part, run, depth) for part in value.values()]
        return dict(zip([as_key(key, run) for key in value], settled, strict=True))
    kinds = set(map(type, value.values()))
    if kinds <= PLAIN:
        return value
    if kinds <= _DECIMALS or kinds <= _INTS:
        charge(run, len(value))
        return dict(zip(value, _decimals(value.values()), strict=True))
    charge(run, 5 * len(value))
    return {key: settle(part, run, depth) for key, part in value.items()}


def _decimals(numbers: Collection[Any]) -> list[Value]:
    """Convert many numbers of one type at once: a vector of measurements, say."""
    if type(next(iter(numbers))) is int:
        # Converting a huge int alone would take long.
        is_readable = min(numbers) > -LONG and max(numbers) < LONG
    else:
        is_readable = all(map(Decimal.is_finite, numbers))
    if is_readable:
        try:
            return list(map(as_given, numbers))
        except ArithmeticError:
            pass
    return list(map(decimal_of, numbers))  # raises the error that says what is wrong


_TEXTS: Final = frozenset([str])
_DECIMALS: Final = frozenset([Decimal])
_INTS: Final = frozenset([int])


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise EvaluationError("The facts contain a time without a time zone.")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise EvaluationError("A time in the facts is outside the years 1 to 9999.") from None
