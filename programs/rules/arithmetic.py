"""Exact numbers: 64-bit ints and decimals of 50 digits, mixed freely; halves round away from zero.

All arithmetic runs in this module's own contexts. The thread's decimal context, which any library may have changed,
decides nothing: comparing two Decimals is exact in every context, and nothing else happens outside of these.
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
    rounding=decimal.ROUND_HALF_UP,  # halves away from zero
    Emin=-MAX_EXPONENT,
    Emax=MAX_EXPONENT,
    traps=_REFUSED,
)
# For numbers from outside, which may not lose a digit.
_AS_GIVEN: Final = decimal.Context(
    prec=DIGITS, Emin=-MAX_EXPONENT, Emax=MAX_EXPONENT, traps=[*_REFUSED, decimal.Inexact]
)
# Bounds the text, so that no huge number is ever created: 50 digits, 1,000 zeros before them, an exponent.
_DECIMAL_TEXT = re.compile(
    r"[+-]?(\d{1,1100}\.?\d{0,1100}|\.\d{1,1100})([eE][+-]?0{0,9}\d{1,4})?", re.ASCII
)

as_given = _AS_GIVEN.plus  # a Decimal as the language has it; raises ArithmeticError
settled = CONTEXT.plus


def decimal_of(number: Number) -> Decimal:
    """Convert the number of a fact or a literal, -0 to 0. Raises EvaluationError where a digit would be lost."""
    # A huge int is refused first: converting it alone would take long.
    if number.bit_length() > 200 if type(number) is int else not number.is_finite():  # type: ignore[union-attr]
        raise out_of_range()
    try:
        return as_given(number)
    except ArithmeticError:
        raise out_of_range() from None


def decimal_from_text(text: str) -> Decimal | None:
    """Read a decimal; None if the text is not a number. Raises EvaluationError for one out of range."""
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
    """Convert the number to an int, which a decimal with a fraction is not. Raises EvaluationError."""
    if isinstance(number, int):
        return number
    if number == number.to_integral_value(context=CONTEXT):
        # A number of a thousand digits is not converted only to be refused.
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
    """Divide two ints toward zero, as CEL does; decimals exactly, or to 50 digits."""
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
    """The remainder of division toward zero; it has the sign of `left`."""
    if not right:
        raise EvaluationError("Division by zero.")
    if type(left) is int and type(right) is int:
        int64(left // right)  # the smallest int by -1 overflows here too
        rest = abs(left) % abs(right)
        return -rest if left < 0 else rest
    # In a context of its own: the whole part of the quotient may be longer than 50 digits.
    try:
        return settled(_WIDE.remainder(left, right))
    except ArithmeticError:
        raise out_of_range() from None


# Fits the longest quotient of two numbers of the language.
_WIDE: Final = decimal.Context(
    prec=2 * MAX_EXPONENT + 2 * DIGITS, Emin=-9999, Emax=9999, traps=_REFUSED
)


def negate(number: Number) -> Number:
    return int64(-number) if type(number) is int else CONTEXT.minus(number)


def absolute(number: Number) -> Number:
    return int64(abs(number)) if type(number) is int else CONTEXT.abs(number)


def rounded(number: Number, digits: int) -> Decimal:
    """Round to `digits` decimals (negative: tens, hundreds), halves away from zero."""
    if not -DIGITS <= digits <= DIGITS:
        raise EvaluationError(f"round takes -{DIGITS} to {DIGITS} decimals.")
    exact = settled(number)
    try:
        return settled(CONTEXT.quantize(exact, QUANTA[digits]))
    except decimal.InvalidOperation:
        return exact  # its 50 digits end before the position to round at


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
