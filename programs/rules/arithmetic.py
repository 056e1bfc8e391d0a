"""Exact numbers: decimals of 50 digits, the language's one kind of number; halves round away from zero.

All arithmetic runs in this module's own contexts. The thread's decimal context, which any library may have changed,
decides nothing: comparing two Decimals is exact in every context, and nothing else happens outside of these.

What compares, cuts or counts looks at 40 `significant` digits. The other ten guard them: 100 / 3 * 3 is 100.
"""

import decimal
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from programs.rules.errors import EvaluationError, quoting

DIGITS: Final = 50
SIGNIFICANT_DIGITS: Final = 40
MAX_EXPONENT: Final = 1000
MAX_BITS: Final = 64  # of a position, or a number whose bits are looked at

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
_SHORT_AS_GIVEN: Final = _AS_GIVEN.copy()
_SHORT_AS_GIVEN.prec = SIGNIFICANT_DIGITS
# No number of the language leaves its range by rounding to fewer digits.
SIGNIFICANT: Final = decimal.Context(
    prec=SIGNIFICANT_DIGITS, rounding=decimal.ROUND_HALF_UP, Emin=-9999, Emax=9999, traps=_REFUSED
)
# Fits the longest quotient of two numbers of the language, and any of them written out.
_WIDE: Final = decimal.Context(
    prec=2 * MAX_EXPONENT + 2 * DIGITS, Emin=-9999, Emax=9999, traps=_REFUSED
)
# Bounds the text, so that no huge number is ever created: 50 digits, 1,000 zeros before them, an exponent.
_DECIMAL_TEXT = re.compile(
    r"[+-]?(\d{1,1100}\.?\d{0,1100}|\.\d{1,1100})([eE][+-]?0{0,9}\d{1,4})?", re.ASCII
)

as_given = _AS_GIVEN.plus  # a Decimal as the language has it; raises ArithmeticError
short_as_given = _SHORT_AS_GIVEN.plus  # one of at most 40 digits, ready to be compared
settled = CONTEXT.plus
significant = SIGNIFICANT.plus  # without the guard digits

ZERO: Final = Decimal(0)
# Most counts and positions are among these.
_FEW: Final = tuple(map(Decimal, range(256)))
_POSITIONS: Final = {number: position for position, number in enumerate(_FEW)}
_FARTHEST: Final = Decimal(2 ** (MAX_BITS - 1))
LONG: Final = 10**DIGITS  # an int that has too many digits


def counted(number: int) -> Decimal:
    """Convert a count or a position of Python's."""
    return _FEW[number] if 0 <= number < 256 else Decimal(number)


def decimal_of(number: int | Decimal) -> Decimal:
    """Convert the number of a fact, -0 to 0. Raises EvaluationError where a digit would be lost."""
    # A huge int is refused first: converting it alone would take long.
    if number.is_finite() if isinstance(number, Decimal) else -LONG < number < LONG:
        try:
            return as_given(number)
        except ArithmeticError:
            pass
    raise out_of_range()


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


def is_whole(number: Decimal) -> bool:
    number = significant(number)
    return number == number.to_integral_value()


def whole(number: Decimal, what: str = "A position must be") -> int:
    """Convert a number without a fraction to an int of Python's. Raises EvaluationError."""
    if (position := _POSITIONS.get(number)) is not None:
        return position
    if not is_whole(number):
        raise quoting(f"{what} a whole number, not {{}}.", plain(number))
    if -_FARTHEST <= number < _FARTHEST:
        return int(significant(number))
    raise quoting(f"{what} a whole number of {MAX_BITS} bits, not {{}}.", plain(number))


def normal(number: Decimal) -> Decimal:
    """The number as its plain digits have it: 50 for 50.0, 1300 for 1.3E+3."""
    integral = _WIDE.quantize(number, QUANTA[0])
    return (integral or ZERO) if integral == number else number.normalize(CONTEXT)


def _exact(
    operate: Callable[[Decimal, Decimal], Decimal],
) -> Callable[[Decimal, Decimal], Decimal]:
    def apply(left: Decimal, right: Decimal) -> Decimal:
        try:
            return operate(left, right) or ZERO  # and never -0
        except ArithmeticError:
            raise out_of_range() from None

    return apply


add: Final = _exact(CONTEXT.add)
subtract: Final = _exact(CONTEXT.subtract)
multiply: Final = _exact(CONTEXT.multiply)
_divide: Final = _exact(CONTEXT.divide)
# In a context of its own: the whole part of the quotient may be longer than 50 digits.
_remainder: Final = _exact(
    lambda left, right: settled(_WIDE.remainder(significant(left), significant(right)))
)


def divide(left: Decimal, right: Decimal) -> Decimal:
    """Divide exactly, or to 50 digits."""
    if not right:
        raise EvaluationError("Division by zero.")
    return _divide(left, right)


def remainder(left: Decimal, right: Decimal) -> Decimal:
    """The remainder of division toward zero; it has the sign of `left`."""
    if not right:
        raise EvaluationError("Division by zero.")
    return _remainder(left, right)


def negate(number: Decimal) -> Decimal:
    return CONTEXT.minus(number)


def absolute(number: Decimal) -> Decimal:
    return CONTEXT.abs(number)


def rounded(number: Decimal, digits: int) -> Decimal:
    """Round to `digits` decimals (negative: tens, hundreds), halves away from zero."""
    if not -DIGITS <= digits <= DIGITS:
        raise EvaluationError(f"round takes -{DIGITS} to {DIGITS} decimals.")
    return _quantized(number, QUANTA[digits], decimal.ROUND_HALF_UP)


def to_integral(number: Decimal, rounding: str) -> Decimal:
    return _quantized(number, QUANTA[0], rounding)


QUANTA: Final = {digits: Decimal((0, (1,), -digits)) for digits in range(-DIGITS, DIGITS + 1)}


def _quantized(number: Decimal, quantum: Decimal, rounding: str) -> Decimal:
    try:
        return significant(number).quantize(quantum, rounding, SIGNIFICANT) or ZERO
    except decimal.InvalidOperation:
        pass  # what remains reaches into the guard digits, so that all 50 count
    try:
        return number.quantize(quantum, rounding, CONTEXT) or ZERO
    except decimal.InvalidOperation:
        return number  # its 50 digits end before the position to round at


def square_root(number: Decimal) -> Decimal:
    if number < 0:
        raise EvaluationError("A negative number has no square root.")
    return CONTEXT.sqrt(number)


def plain(number: Decimal) -> str:
    """Plain digits: no exponent, no trailing zeros, no -0."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
