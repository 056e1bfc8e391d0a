"""Exact numbers: reading, computing and writing amounts, without floats and without implicit rounding."""

import re
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation
from typing import Any

from django.db import models

INTEGER_DIGITS = 20
DECIMAL_PLACES = 18
ZERO = Decimal(0)
SMALLEST = Decimal((0, (1,), -DECIMAL_PLACES))  # above zero
LARGEST = Decimal("9" * INTEGER_DIGITS + "." + "9" * DECIMAL_PLACES)

# For all arithmetic with money: wide enough for any sum or product of two stored numbers, and it raises instead of rounding.
EXACT = Context(prec=80, traps=[Inexact, InvalidOperation])
_ZEROS = ["0", *("0." + "0" * scale for scale in range(1, DECIMAL_PLACES + 1))]
# A rule may compute more decimals than can be stored.
_CUTTING = Context(prec=80, rounding=ROUND_DOWN, traps=[InvalidOperation])
_ROUNDING = Context(prec=80, rounding=ROUND_HALF_UP, traps=[InvalidOperation])

_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)


class ExactDecimalField(models.DecimalField[Any, Any]):
    """numeric(38, 18): twenty digits before the point and eighteen after it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_digits"] = INTEGER_DIGITS + DECIMAL_PLACES
        kwargs["decimal_places"] = DECIMAL_PLACES
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_digits"], kwargs["decimal_places"]
        return name, path, args, kwargs


class NotADecimal(ValueError):
    """The value is not an acceptable number: the message tells people why, `reason` tells machines."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


def read(value: object) -> Decimal:
    """Read a number from a string of plain digits, at most 20 before the point and 18 after it.

    Raises NotADecimal for a JSON number (which another parser may have rounded), exponents, "NaN", "-0", a leading plus or
    zero, white space, and too many digits.
    """
    if not isinstance(value, str):
        raise NotADecimal("type", 'Give the number as a string: "12.50".')
    # Checked before the Decimal is made.
    if len(value) > INTEGER_DIGITS + DECIMAL_PLACES + 2:
        raise NotADecimal("too_long", _limits())
    if not _PLAIN.fullmatch(value):
        raise NotADecimal("invalid", 'Give plain digits: "12.50"; no exponent, sign or space.')
    whole, _, places = value.lstrip("-").partition(".")
    if len(whole) > INTEGER_DIGITS or len(places) > DECIMAL_PLACES:
        raise NotADecimal("too_long", _limits())
    number = Decimal(value)
    if number == 0 and value.startswith("-"):
        raise NotADecimal("invalid", "Zero has no sign.")
    return number


def written(number: Decimal, scale: int | None = None) -> str:
    """Write a number in plain digits, with exactly `scale` decimals or without trailing zeros."""
    if scale is not None and number == 0:
        return _ZEROS[scale]
    if scale is not None:
        return f"{number.quantize(Decimal(1).scaleb(-scale), context=EXACT):f}"
    if number == 0:
        return "0"
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def places(number: Decimal) -> int:
    """Count the decimals that the number needs: 1.50 needs one."""
    exponent = number.normalize(EXACT).as_tuple().exponent
    assert isinstance(exponent, int)  # a letter only for NaN and infinities
    return max(-exponent, 0)


def rounded_down(number: Decimal, scale: int) -> Decimal:
    """Round toward zero to `scale` decimals. For numbers of at most 20 digits before the point."""
    if places(number) <= scale:
        return number
    return number.quantize(Decimal(1).scaleb(-scale), context=_CUTTING)


def rounded_to_digits(number: Decimal, digits: int) -> Decimal:
    """Round to at most this many digits written out, halves away from zero.

    A number with more digits before its point stays, and one of which nothing would remain.
    """
    decimals = digits - max(number.adjusted() + 1, 0)
    if decimals < 0:
        return number
    rounded = number.quantize(Decimal(1).scaleb(-decimals), context=_ROUNDING)
    return Decimal(written(rounded)) if rounded else number


def whole(value: object) -> int | None:
    """Return a JSON number as an int, 2.0 too, as in JSON Schema; None for a fraction or another type."""
    if isinstance(value, Decimal) and places(value) == 0:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _limits() -> str:
    return f"At most {INTEGER_DIGITS} digits before the point and {DECIMAL_PLACES} after it."
