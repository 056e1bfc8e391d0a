"""The operators, as functions of two values and as closures over closures."""

import operator
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from programs.rules import arithmetic
from programs.rules.arithmetic import significant
from programs.rules.budget import ABSORBED, CONTAINER, DURATION, REMAINDER, Run, charge, charge_made
from programs.rules.errors import BudgetExceeded, EvaluationError
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
        expect_order(left, right, run)
        return compare(left, right)

    return apply


def _differ(left: Value, right: Value, run: Run) -> bool:
    return not equal(left, right, run)


def _is_in(left: Value, right: Value, run: Run) -> bool:
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


def _mismatch(word: str, left: Value, right: Value) -> EvaluationError:
    return EvaluationError(f"Cannot {word} {in_words(left)} and {in_words(right)}.")


def chain(first: Closure, rest: list[tuple[str, Closure]]) -> Closure:
    """Operators of one precedence, from left to right; a chain of thousands takes no more of Python's stack than one."""
    steps = [(OPERATORS[sign], right) for sign, right in rest]

    def apply(facts: Facts, run: Run) -> Value:
        value = first(facts, run)
        for operate, right in steps:
            value = operate(value, right(facts, run), run)
        return value

    return apply


def not_bool(sign: str, value: Value) -> EvaluationError:
    return EvaluationError(f"{sign} takes true or false, not {in_words(value)}.")


def logic(sign: str, parts: list[Closure]) -> Closure:
    """&& is false, and || true, if any part is, whatever the others; then comes the first error; else the opposite."""
    decisive = sign == "||"
    neutral = not decisive

    def decide(facts: Facts, run: Run) -> bool:
        failure: EvaluationError | None = None
        for part in parts:
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
            failure = failure or not_bool(sign, value)
        if failure is not None:
            raise failure
        return neutral

    return decide


def conditional(cases: list[tuple[Closure, Closure]], otherwise: Closure) -> Closure:
    def choose(facts: Facts, run: Run) -> Value:
        for test, value in cases:
            outcome = test(facts, run)
            if outcome is True:
                return value(facts, run)
            if outcome is not False:
                raise not_bool("?", outcome)
        return otherwise(facts, run)

    return choose


def negated(operand: Closure, times: int) -> Closure:
    """`!`, this many times."""
    flips = times % 2 == 1

    def negate(facts: Facts, run: Run) -> bool:
        value = operand(facts, run)
        if value is True or value is False:
            return value is not flips
        raise not_bool("!", value)

    return negate


def minus(operand: Closure, times: int) -> Closure:
    """`-`, this many times."""
    flips = times % 2 == 1

    def negate(facts: Facts, run: Run) -> Value:
        value = operand(facts, run)
        if type(value) is not Decimal:
            raise EvaluationError(f"{in_words(value).capitalize()} cannot be negated.")
        return arithmetic.negate(value) if flips else value

    return negate
