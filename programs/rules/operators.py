"""The operators, as functions of two values and as closures over two closures."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from programs.rules import arithmetic
from programs.rules.arithmetic import CONTEXT
from programs.rules.budget import ABSORBED, CONTAINER, DURATION, REMAINDER, Run, charge, charge_made
from programs.rules.errors import BudgetExceeded, EvaluationError
from programs.rules.moments import in_range, moved
from programs.rules.paths import Closure, Facts
from programs.rules.shortcuts import ORDERS
from programs.rules.values import NUMBERS, Value, contains, equal, expect_order, in_words

Operate = Callable[[Value, Value, Run], Value]


def add(left: Value, right: Value, run: Run) -> Value:
    kind, other = type(left), type(right)
    if kind in NUMBERS and other in NUMBERS:
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
    if kind in NUMBERS and other in NUMBERS:
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
    if type(left) is Decimal or type(right) is Decimal:
        charge(run, REMAINDER)
    return _remainder(left, right, run)


def _of_numbers(word: str, operate: Callable[..., Value]) -> Operate:
    def apply(left: Value, right: Value, run: Run) -> Value:
        if type(left) in NUMBERS and type(right) in NUMBERS:
            return operate(left, right)
        raise _mismatch(word, left, right)

    return apply


_remainder: Final = _of_numbers("divide", arithmetic.remainder)


def _ordered(compare: Callable[[Value, Value], bool]) -> Operate:
    def apply(left: Value, right: Value, run: Run) -> Value:
        expect_order(left, right, run)
        return compare(left, right)

    return apply


def _differ(left: Value, right: Value, run: Run) -> bool:
    return not equal(left, right, run)


def _is_in(left: Value, right: Value, run: Run) -> bool:
    return contains(right, left, run)


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


def binary(sign: str, left: Closure, right: Closure) -> Closure:
    operate = OPERATORS[sign]

    def apply(facts: Facts, run: Run) -> Value:
        return operate(left(facts, run), right(facts, run), run)

    return apply


def with_constant(sign: str, left: Closure, constant: Value) -> Closure | None:
    """`left sign constant` without a call for the constant, where there is a short way."""
    kind = type(constant)
    if sign in ("==", "!="):
        return _equals_constant(left, constant, sign == "==")
    if kind is not int and kind is not Decimal:
        return None
    if sign in ORDERS:
        compare = ORDERS[sign]

        def order(facts: Facts, run: Run) -> Value:
            value = left(facts, run)
            if type(value) in NUMBERS:
                return compare(value, constant)
            expect_order(value, constant, run)
            return compare(value, constant)

        return order
    if sign == "*":
        multiply = CONTEXT.multiply

        def times(facts: Facts, run: Run) -> Value:
            value = left(facts, run)
            if type(value) is Decimal:
                try:
                    return multiply(value, constant) or _ZERO
                except ArithmeticError:
                    raise arithmetic.out_of_range() from None
            return OPERATORS["*"](value, constant, run)

        return times
    return None


_ZERO: Final = Decimal(0)


def _equals_constant(left: Closure, constant: Value, wanted: bool) -> Closure | None:
    kind = type(constant)
    if kind is str:

        def is_text(facts: Facts, run: Run) -> bool:
            value = left(facts, run)
            return (type(value) is str and value == constant) is wanted

        return is_text
    if kind is bool or constant is None:

        def is_same(facts: Facts, run: Run) -> bool:
            return (left(facts, run) is constant) is wanted

        return is_same
    if kind in NUMBERS:

        def is_number(facts: Facts, run: Run) -> bool:
            value = left(facts, run)
            return (type(value) in NUMBERS and bool(value == constant)) is wanted

        return is_number
    return None


def chain(first: Closure, rest: list[tuple[str, Closure]]) -> Closure:
    """Operators of one precedence, from left to right; a row of thousands takes no more of Python's stack than one."""
    steps = [(OPERATORS[sign], right) for sign, right in rest]

    def apply(facts: Facts, run: Run) -> Value:
        value = first(facts, run)
        for operate, right in steps:
            value = operate(value, right(facts, run), run)
        return value

    return apply


def not_bool(sign: str, value: Value) -> EvaluationError:
    return EvaluationError(f"{sign} takes true or false, not {in_words(value)}.")


def all_of(parts: list[Closure]) -> Closure:
    """&&: false if any part is, whatever the others; then the first error; else true."""
    return _logic(parts, "&&", False)


def any_of(parts: list[Closure]) -> Closure:
    """||: true if any part is, whatever the others; then the first error; else false."""
    return _logic(parts, "||", True)


def _logic(parts: list[Closure], sign: str, decisive: bool) -> Closure:
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
    """`!` so many times."""
    flips = times % 2 == 1

    def negate(facts: Facts, run: Run) -> bool:
        value = operand(facts, run)
        if value is True or value is False:
            return value is not flips
        raise not_bool("!", value)

    return negate


def minus(operand: Closure, times: int) -> Closure:
    """`-` so many times."""
    flips = times % 2 == 1

    def negate(facts: Facts, run: Run) -> Value:
        value = operand(facts, run)
        if type(value) not in NUMBERS:
            raise EvaluationError(f"There is no negative of {in_words(value)}.")
        # Even twice: the smallest int has no positive counterpart.
        opposite = arithmetic.negate(value)
        return opposite if flips else value

    return negate
