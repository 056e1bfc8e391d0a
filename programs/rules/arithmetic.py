"""Exact numbers: 64-bit ints and decimals of 50 digits, mixed freely; half away from zero where something must go.

All of it runs in contexts of this module's. The thread's own decimal context, which any library may have changed,
decides nothing: comparing two Decimals is exact in every context, and nothing else is done outside of these.
"""

import decimal
import operator
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from programs.rules.errors import EvaluationError

DIGITS: Final = 50
MAX_EXPONENT: Final = 1000
INT_MAX: Final = 2**63 - 1
INT_MIN: Final = -(2**63)
TOO_LARGE: Final = "The whole number is too large. Write it with .0 to make it a decimal."

Number = int | Decimal

_REFUSED = [
    decimal.InvalidOperation,
    decimal.DivisionByZero,
    decimal.Overflow,
    decimal.Underflow,
    decimal.FloatOperation,
]
CONTEXT: Final = decimal.Context(
    prec=DIGITS,
    rounding=decimal.ROUND_HALF_UP,  # in this module's words: half away from zero
    Emin=-MAX_EXPONENT,
    Emax=MAX_EXPONENT,
    traps=_REFUSED,
)
# For numbers that come from outside, of which no digit may be lost.
_AS_GIVEN: Final = decimal.Context(
    prec=DIGITS, Emin=-MAX_EXPONENT, Emax=MAX_EXPONENT, traps=[*_REFUSED, decimal.Inexact]
)
# A bound on the text, so that no huge number is ever made: 50 digits, 1,000 zeros before them, an exponent.
_DECIMAL_TEXT = re.compile(
    r"[+-]?(\d{1,1100}\.?\d{0,1100}|\.\d{1,1100})([eE][+-]?0{0,9}\d{1,4})?", re.ASCII
)

as_given = _AS_GIVEN.plus  # a Decimal as the language has it; raises ArithmeticError
settled = CONTEXT.plus


def decimal_of(number: Number) -> Decimal:
    """A fact's or a literal's number as a decimal, -0 as 0. Raises EvaluationError where a digit would be lost."""
    # A huge int is refused before the Decimal is made: that alone takes long.
    if number.bit_length() > 200 if type(number) is int else not number.is_finite():  # type: ignore[union-attr]
        raise out_of_range()
    try:
        return as_given(number)
    except ArithmeticError:
        raise out_of_range() from None


def decimal_from_text(text: str) -> Decimal | None:
    """Read a decimal; None where the text is no number. Raises EvaluationError for one out of range."""
    if not _DECIMAL_TEXT.fullmatch(text):
        return None
    try:
        return settled(_AS_GIVEN.create_decimal(text))
    except ArithmeticError:
        raise out_of_range() from None


def out_of_range() -> EvaluationError:
    return EvaluationError(
        f"A number has more than {DIGITS} digits or an exponent beyond {MAX_EXPONENT:,}."
    )


def int64(number: int) -> int:
    if INT_MIN <= number <= INT_MAX:
        return number
    raise EvaluationError(
        "The whole number does not fit in 64 bits. Write it with .0 to make it a decimal."
    )


def whole(number: Number, what: str = "A position") -> int:
    """The number as an int: a decimal without a fraction serves as one. Raises EvaluationError."""
    if isinstance(number, int):
        return number
    if number == number.to_integral_value(context=CONTEXT):
        # A number of a thousand digits is not made an int only to be refused.
        return int64(int(number) if -(10**19) < number < 10**19 else INT_MAX + 1)
    raise EvaluationError(f"{what} must be a whole number, not {plain(number)}.")


def _exact(
    of_ints: Callable[[int, int], int], of_decimals: Callable[[Number, Number], Decimal]
) -> Callable[[Number, Number], Number]:
    def operate(left: Number, right: Number) -> Number:
        if type(left) is int and type(right) is int:
            return int64(of_ints(left, right))
        try:
            return of_decimals(left, right) or _ZERO  # and never -0
        except ArithmeticError:
            raise out_of_range() from None

    return operate


_ZERO: Final = Decimal(0)

add: Final = _exact(operator.add, CONTEXT.add)
subtract: Final = _exact(operator.sub, CONTEXT.subtract)
multiply: Final = _exact(operator.mul, CONTEXT.multiply)


def divide(left: Number, right: Number) -> Number:
    """Two ints divide towards zero, as CEL has it; decimals exactly, or to 50 digits."""
    if not right:
        raise EvaluationError("Division by zero.")
    if type(left) is int and type(right) is int:
        quotient = abs(left) // abs(right)
        return int64(quotient if (left < 0) is (right < 0) else -quotient)
    try:
        return settled(CONTEXT.divide(left, right))
    except ArithmeticError:
        raise out_of_range() from None


def remainder(left: Number, right: Number) -> Number:
    """What division towards zero leaves: it has the sign of `left`."""
    if not right:
        raise EvaluationError("Division by zero.")
    if type(left) is int and type(right) is int:
        int64(left // right)  # the smallest int by -1 overflows here too
        rest = abs(left) % abs(right)
        return -rest if left < 0 else rest
    # A context of its own: the quotient's whole part may be longer than 50 digits.
    try:
        return settled(_WIDE.remainder(left, right))
    except ArithmeticError:
        raise out_of_range() from None


# The longest quotient of two numbers that the language has.
_WIDE: Final = decimal.Context(
    prec=2 * MAX_EXPONENT + 2 * DIGITS, Emin=-9999, Emax=9999, traps=_REFUSED
)


def negate(number: Number) -> Number:
    return int64(-number) if type(number) is int else CONTEXT.minus(number)


def absolute(number: Number) -> Number:
    return int64(abs(number)) if type(number) is int else CONTEXT.abs(number)


def rounded(number: Number, digits: int) -> Decimal:
    """`number` with `digits` decimals (negative: tens, hundreds), half away from zero."""
    if not -DIGITS <= digits <= DIGITS:
        raise EvaluationError(f"round takes -{DIGITS} to {DIGITS} decimals.")
    exact = settled(number)
    try:
        return settled(CONTEXT.quantize(exact, QUANTA[digits]))
    except decimal.InvalidOperation:
        return exact  # so large that its 50 digits end before the place to round at


QUANTA: Final = {digits: Decimal((0, (1,), -digits)) for digits in range(-DIGITS, DIGITS + 1)}


def to_integral(number: Number, rounding: str) -> Decimal:
    exact = settled(number)
    return settled(exact.to_integral_value(rounding=rounding, context=CONTEXT))


def square_root(number: Number) -> Decimal:
    if number < 0:
        raise EvaluationError("A negative number has no square root.")
    return CONTEXT.sqrt(number)


def plain(number: Number) -> str:
    """Plain digits: no exponent, no trailing zeros, no -0."""
    if type(number) is int:
        return str(number)
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
