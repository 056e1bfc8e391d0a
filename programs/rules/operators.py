"""The operators, as functions of two values and as closures over closures."""

import operator
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from programs.rules import arithmetic
from programs.rules.arithmetic import significant
from programs.rules.budget import ABSORBED, CONTAINER, DURATION, REMAINDER, Run, charge, charge_made
from programs.rules.errors import BudgetExceeded, EvaluationError, NullOperand, unfit
from programs.rules.moments import in_range, moved
from programs.rules.values import (
    Closure,
    Facts,
    Value,
    contains,
    equal,
    expect_order,
    in_words,
)

Operate = Callable[[Value, Value, Run], Value]


def add(left: Value, right: Value, run: Run) -> Value:
    kind, other = type(left), type(right)
    if kind is Decimal and other is Decimal:
        return arithmetic.add(left, right)
    if kind is other and (kind is str or kind is bytes):
        charge_made(run, len(left) + len(right))
        return left + right
    if kind is list and other is list:
        charge(run, CONTAINER + (len(left) + len(right)) // 2)
        return left + right
    charge(run, DURATION)
    if kind is timedelta and other is timedelta:
        return in_range(left + right)
    if kind is datetime and other is timedelta:
        return moved(left, right)
    if kind is timedelta and other is datetime:
        return moved(right, left)
    raise _mismatch("add", left, right)


def subtract(left: Value, right: Value, run: Run) -> Value:
    kind, other = type(left), type(right)
    if kind is Decimal and other is Decimal:
        return arithmetic.subtract(left, right)
    charge(run, DURATION)
    if kind is timedelta and other is timedelta:
        return in_range(left - right)
    if kind is datetime and other is timedelta:
        return moved(left, -right)
    if kind is datetime and other is datetime:
        return in_range(left - right)
    raise _mismatch("subtract", left, right)


def remainder(left: Value, right: Value, run: Run) -> Value:
    charge(run, REMAINDER)
    return _remainder(left, right, run)


def _of_numbers(word: str, operate: Callable[..., Value]) -> Operate:
    def apply(left: Value, right: Value, run: Run) -> Value:
        if type(left) is Decimal and type(right) is Decimal:
            return operate(left, right)
        raise _mismatch(word, left, right)

    return apply


_remainder: Final = _of_numbers("divide", arithmetic.remainder)


def _ordered(compare: Callable[[Value, Value], bool]) -> Operate:
    def apply(left: Value, right: Value, run: Run) -> Value:
        if type(left) is Decimal and type(right) is Decimal:
            return compare(significant(left), significant(right))
        if left is None or right is None:
            raise _null(left)
        expect_order(left, right, run)
        return compare(left, right)

    return apply


def _differ(left: Value, right: Value, run: Run) -> bool:
    return not equal(left, right, run)


def _is_in(left: Value, right: Value, run: Run) -> bool:
    if right is None or (left is None and type(right) is dict):
        raise NullOperand(0 if right is not None else 1)
    return contains(right, left, run)


ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
OPERATORS: Final[dict[str, Operate]] = {
    "+": add,
    "-": subtract,
    "*": _of_numbers("multiply", arithmetic.multiply),
    "/": _of_numbers("divide", arithmetic.divide),
    "%": remainder,
    "==": equal,
    "!=": _differ,
    "in": _is_in,
    **{sign: _ordered(compare) for sign, compare in ORDERS.items()},
}


def _null(left: Value) -> NullOperand:
    return NullOperand(0 if left is None else 1)


def _mismatch(word: str, left: Value, right: Value) -> EvaluationError:
    if left is None or right is None:
        return _null(left)
    return EvaluationError(f"Cannot {word} {in_words(left)} and {in_words(right)}.")


def naming(operate: Operate, texts: Sequence[str]) -> Operate:
    """The operator, naming a null operand by its source."""

    def apply(left: Value, right: Value, run: Run) -> Value:
        try:
            return operate(left, right, run)
        except NullOperand as null:
            raise null.named(texts) from None

    return apply


def chain(first: Closure, rest: list[tuple[str, Closure, Sequence[str]]]) -> Closure:
    """Operators of one precedence, from left to right; a chain of thousands takes no more of Python's stack than one."""
    steps = [(OPERATORS[sign], right, texts) for sign, right, texts in rest]

    def apply(facts: Facts, run: Run) -> Value:
        value = first(facts, run)
        for operate, right, texts in steps:
            try:
                value = operate(value, right(facts, run), run)
            except NullOperand as null:
                raise null.named(texts) from None
        return value

    return apply


def not_bool(sign: str, value: Value, text: str) -> EvaluationError:
    """The error for a value that is neither true nor false; `text` is its source."""
    return unfit(f"{sign} takes true or false, not {in_words(value)}.", value, text)


def logic(sign: str, parts: list[tuple[Closure, str]]) -> Closure:
    """&& is false, and || true, if any part is, whatever the others; then comes the first error; else the opposite.

    The parts come with their source.
    """
    decisive = sign == "||"
    neutral = not decisive
    closures = [part for part, _ in parts]  # without the texts, which only an error needs

    def decide(facts: Facts, run: Run) -> bool:
        failure: EvaluationError | None = None
        for part in closures:
            try:
                value = part(facts, run)
            except BudgetExceeded:
                raise
            except EvaluationError as error:
                charge(run, ABSORBED)
                failure = failure or error
                continue
            if value is neutral:
                continue
            if value is decisive:
                return not neutral
            charge(run, ABSORBED)
            failure = failure or not_bool(sign, value, dict(parts)[part])
        if failure is not None:
            raise failure
        return neutral

    return decide


def conditional(cases: list[tuple[Closure, Closure, str]], otherwise: Closure) -> Closure:
    """The value of the first case whose test holds. The cases come with the source of their tests."""

    def choose(facts: Facts, run: Run) -> Value:
        for test, value, text in cases:
            outcome = test(facts, run)
            if outcome is True:
                return value(facts, run)
            if outcome is not False:
                raise not_bool("?", outcome, text)
        return otherwise(facts, run)

    return choose


def negated(operand: Closure, times: int, text: str) -> Closure:
    """`!`, this many times."""
    flips = times % 2 == 1

    def negate(facts: Facts, run: Run) -> bool:
        value = operand(facts, run)
        if value is True or value is False:
            return value is not flips
        raise not_bool("!", value, text)

    return negate


def minus(operand: Closure, times: int, text: str) -> Closure:
    """`-`, this many times."""
    flips = times % 2 == 1

    def negate(facts: Facts, run: Run) -> Value:
        value = operand(facts, run)
        if type(value) is not Decimal:
            raise unfit(f"{in_words(value).capitalize()} cannot be negated.", value, text)
        return arithmetic.negate(value) if flips else value

    return negate
