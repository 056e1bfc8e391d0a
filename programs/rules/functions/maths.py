"""Functions on numbers: rounding, minimum and maximum, and CEL's math extension."""

import decimal
import operator
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Final

from programs.rules.arithmetic import (
    INT_MAX,
    Number,
    absolute,
    rounded,
    square_root,
    to_integral,
)
from programs.rules.budget import Run, charge
from programs.rules.errors import EvaluationError
from programs.rules.functions.table import RARE, function
from programs.rules.values import NUMBERS, Value, in_words

_function = partial(function, subject="Numbers")
_rare = partial(function, subject=RARE)

_BITS: Final = 2**64


@_function(
    "round(number) -> decimal",
    "round(number, int) -> decimal",
    says="The number rounded to this many decimals (0 by default). Halves round away from zero.",
    example="round(2.345, 2)",
    gives="2.35",
)
def round_(run: Run, number: Number, digits: int = 0) -> Decimal:
    return rounded(number, digits)


def _least(run: Run, *numbers: Value) -> Number:
    return min(_numbers(run, numbers))


def _greatest(run: Run, *numbers: Value) -> Number:
    return max(_numbers(run, numbers))


def _numbers(run: Run, given: tuple[Value, ...]) -> list[Number]:
    numbers = given[0] if len(given) == 1 and type(given[0]) is list else list(given)
    charge(run, len(numbers))
    for number in numbers:
        if type(number) not in NUMBERS:
            raise EvaluationError(f"min and max take numbers, not {in_words(number)}.")
    if not numbers:
        raise EvaluationError("An empty list has no minimum and no maximum.")
    return numbers


for _name, _implementation, _word, _gives in (
    ("min", _least, "smallest", "2"),
    ("max", _greatest, "largest", "5"),
    ("math.least", _least, "smallest", "2"),
    ("math.greatest", _greatest, "largest", "5"),
):
    _function(
        f"{_name}(list) -> number",
        f"{_name}(number, ...) -> number",
        says=f"The {_word} of the numbers or of a list of numbers.",
        example=f"{_name}(5, 2, 3.5)",
        gives=_gives,
    )(_implementation)


@_function(
    "math.abs(number) -> number",
    says="The absolute value.",
    example="math.abs(-2.5)",
    gives="2.5",
)
def abs_(run: Run, number: Number) -> Number:
    return absolute(number)


def _whole(rounding: str) -> Callable[[Run, Number], Decimal]:
    return lambda run, number: to_integral(number, rounding)


for _name, _rounding, _says, _example, _gives in (
    ("ceil", decimal.ROUND_CEILING, "The number rounded up to a whole number.", "1.2", "2"),
    ("floor", decimal.ROUND_FLOOR, "The number rounded down to a whole number.", "99.5", "99"),
    ("round", decimal.ROUND_HALF_UP, "The nearest whole number; halves round away from zero.", "-1.5", "-2"),
    ("trunc", decimal.ROUND_DOWN, "The whole part of the number.", "-1.7", "-1"),
):  # fmt: skip
    _function(
        f"math.{_name}(number) -> decimal",
        says=_says,
        example=f"math.{_name}({_example})",
        gives=_gives,
    )(_whole(_rounding))


@_function(
    "math.sign(number) -> number",
    says="-1, 0 or 1 for a number below, equal to or above zero.",
    example="math.sign(-42)",
    gives="-1",
)
def sign(run: Run, number: Number) -> Number:
    direction = (number > 0) - (number < 0)
    return direction if type(number) is int else Decimal(direction)


@_function(
    "math.sqrt(number) -> decimal",
    says="The square root.",
    example="math.sqrt(2.25)",
    gives="1.5",
)
def sqrt(run: Run, number: Number) -> Decimal:
    charge(run, 40)
    return square_root(number)


# Exact numbers are always finite; rules written for other engines may still ask.
for _name, _answer, _says in (
    ("isNaN", False, "Always false: every number is valid."),
    ("isInf", False, "Always false: there are no infinite numbers."),
    ("isFinite", True, "Always true: there are no infinite numbers."),
):
    _rare(
        f"math.{_name}(number) -> bool",
        says=_says,
        example=f"math.{_name}(1.5)",
        gives="true" if _answer else "false",
    )(lambda run, number, answer=_answer: answer)


for _name, _operate, _says, _gives in (
    ("bitAnd", operator.and_, "The bits that are set in both numbers.", "2"),
    ("bitOr", operator.or_, "The bits that are set in either number.", "7"),
    ("bitXor", operator.xor, "The bits that are set in exactly one of the numbers.", "5"),
):
    _rare(
        f"math.{_name}(int, int) -> int",
        says=_says,
        example=f"math.{_name}(6, 3)",
        gives=_gives,
    )(lambda run, one, other, operate=_operate: operate(one, other))


@_rare(
    "math.bitNot(int) -> int",
    says="All bits inverted.",
    example="math.bitNot(1)",
    gives="-2",
)
def bit_not(run: Run, number: int) -> int:
    return ~number


@_rare(
    "math.bitShiftLeft(int, int) -> int",
    says="The bits shifted left; those beyond 64 are lost.",
    example="math.bitShiftLeft(1, 3)",
    gives="8",
)
def bit_shift_left(run: Run, number: int, by: int) -> int:
    return _signed(number << by) if _moves(by) else 0


@_rare(
    "math.bitShiftRight(int, int) -> int",
    says="The bits shifted right, with zeros filled in on the left.",
    example="math.bitShiftRight(1024, 2)",
    gives="256",
)
def bit_shift_right(run: Run, number: int, by: int) -> int:
    return _signed((number % _BITS) >> by) if _moves(by) else 0


def _moves(by: int) -> bool:
    """Whether anything is left after a shift by this many bits."""
    if by < 0:
        raise EvaluationError("Bits cannot be shifted by a negative number.")
    return by < 64


def _signed(bits: int) -> int:
    bits %= _BITS
    return bits - _BITS if bits > INT_MAX else bits
