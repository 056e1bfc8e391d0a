"""Functions on numbers: rounding, minimum and maximum, and CEL's math extension."""

import decimal
import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from programs.rules.arithmetic import (
    ZERO,
    absolute,
    counted,
    rounded,
    square_root,
    to_integral,
)
from programs.rules.budget import Run, charge
from programs.rules.errors import EvaluationError, unfit
from programs.rules.functions.table import function
from programs.rules.values import Value, in_words

_BITS: Final = 2**64


@function("round(number) -> number", "round(number, whole) -> number")
def round_(run: Run, number: Decimal, digits: int = 0) -> Decimal:
    return rounded(number, digits)


def _least(run: Run, *numbers: Value) -> Decimal:
    return min(_numbers(run, numbers))


def _greatest(run: Run, *numbers: Value) -> Decimal:
    return max(_numbers(run, numbers))


def _numbers(run: Run, given: tuple[Value, ...]) -> list[Decimal]:
    numbers = given[0] if len(given) == 1 and type(given[0]) is list else list(given)
    charge(run, len(numbers))
    for number in numbers:
        if type(number) is not Decimal:
            raise unfit(
                f"math.least and math.greatest take numbers, not {in_words(number)}.", number
            )
    if not numbers:
        raise EvaluationError("An empty list has no minimum and no maximum.")
    return numbers


for _name, _implementation in (
    ("math.least", _least),
    ("math.greatest", _greatest),
):
    function(f"{_name}(list) -> number", f"{_name}(number, ...) -> number")(_implementation)


@function("math.abs(number) -> number")
def abs_(run: Run, number: Decimal) -> Decimal:
    return absolute(number)


def _whole(rounding: str) -> Callable[[Run, Decimal], Decimal]:
    return lambda run, number: to_integral(number, rounding)


for _name, _rounding in (
    ("ceil", decimal.ROUND_CEILING),
    ("floor", decimal.ROUND_FLOOR),
    ("round", decimal.ROUND_HALF_UP),
    ("trunc", decimal.ROUND_DOWN),
):
    function(f"math.{_name}(number) -> number")(_whole(_rounding))


@function("math.sign(number) -> number")
def sign(run: Run, number: Decimal) -> Decimal:
    return counted((number > 0) - (number < 0))


@function("math.sqrt(number) -> number")
def sqrt(run: Run, number: Decimal) -> Decimal:
    charge(run, 40)
    return square_root(number)


# Exact numbers are always finite; rules written for other engines may still ask.
for _name, _answer in (("isNaN", False), ("isInf", False), ("isFinite", True)):
    function(f"math.{_name}(number) -> bool")(lambda run, number, answer=_answer: answer)


for _name, _operate in (
    ("bitAnd", operator.and_),
    ("bitOr", operator.or_),
    ("bitXor", operator.xor),
):
    function(f"math.{_name}(whole, whole) -> number")(
        lambda run, one, other, operate=_operate: counted(operate(one, other))
    )


@function("math.bitNot(whole) -> number")
def bit_not(run: Run, number: int) -> Decimal:
    return counted(~number)


@function("math.bitShiftLeft(whole, whole) -> number")
def bit_shift_left(run: Run, number: int, by: int) -> Decimal:
    return _signed(number << by) if _moves(by) else ZERO


@function("math.bitShiftRight(whole, whole) -> number")
def bit_shift_right(run: Run, number: int, by: int) -> Decimal:
    return _signed((number % _BITS) >> by) if _moves(by) else ZERO


def _moves(by: int) -> bool:
    """Whether anything is left after a shift by this many bits."""
    if by < 0:
        raise EvaluationError("Bits cannot be shifted by a negative number.")
    return by < 64


def _signed(bits: int) -> Decimal:
    bits %= _BITS
    return counted(bits - _BITS if bits >= _BITS // 2 else bits)
