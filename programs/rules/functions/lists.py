"""Functions on lists: CEL's lists extension, sums and extremes."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial, reduce
from typing import Final

from programs.rules import arithmetic
from programs.rules.budget import CONTAINER, Run, charge
from programs.rules.elements import expect_one_kind, identity, in_order, sort_keys
from programs.rules.errors import EvaluationError, MissingField
from programs.rules.functions.table import Implementation, function
from programs.rules.moments import in_range
from programs.rules.values import NONE, Optional, Value

_SUMMED: Final = frozenset([Decimal, timedelta])


@function("list(number).sum() -> number", "list(duration).sum() -> duration")
def sum_(run: Run, elements: list[Value]) -> Value:
    charge(run, CONTAINER + 4 * len(elements))
    expect_one_kind(elements, _SUMMED, "sum", "numbers or durations")
    if elements and type(elements[0]) is timedelta:
        return reduce(lambda total, each: in_range(total + each), elements)
    return reduce(arithmetic.add, elements, arithmetic.ZERO)


def _extreme(
    choose: Callable[..., Value], words: str, run: Run, first: Value, *others: Value
) -> Value:
    if others or type(first) is not list:
        charge(run, 1 + len(others))
        return choose((first, *others))
    if not first:
        raise MissingField(f"An empty list has no {words} element.")
    keys = sort_keys(first, run, choose.__name__)
    return first[choose(range(len(first)), key=keys.__getitem__)]


for _choose, _words in ((min, "smallest"), (max, "largest")):
    function(
        f"{_choose.__name__}(number, ...) -> number",
        f"{_choose.__name__}(list(ordered)) -> element",
        f"list(ordered).{_choose.__name__}() -> element",
    )(partial(_extreme, _choose, _words))


@function("list(ordered).sort() -> list(element)")
def sort(run: Run, elements: list[Value]) -> list[Value]:
    return in_order(elements, sort_keys(elements, run, "sort"), run)


@function("list.distinct() -> list(element)")
def distinct(run: Run, elements: list[Value]) -> list[Value]:
    charge(run, CONTAINER + len(elements))
    first: dict[object, Value] = {}
    for element in elements:
        first.setdefault(identity(element, run), element)
    return list(first.values())


def _optional(place: int) -> Implementation:
    return lambda run, elements: Optional(elements[place]) if elements else NONE


@function("list.first() -> element", optional=_optional(0))
def first(run: Run, elements: list[Value]) -> Value:
    if elements:
        return elements[0]
    raise MissingField("An empty list has no first element.")


@function("list.last() -> element", optional=_optional(-1))
def last(run: Run, elements: list[Value]) -> Value:
    if elements:
        return elements[-1]
    raise MissingField("An empty list has no last element.")


@function("list.flatten() -> list", "list.flatten(whole) -> list")
def flatten(run: Run, elements: list[Value], depth: int = 1) -> list[Value]:
    if depth < 0:
        raise EvaluationError("flatten takes a depth from 0 up.")
    flat = elements
    while depth and any(type(each) is list for each in flat):
        charge(run, CONTAINER + len(flat) + sum(len(each) for each in flat if type(each) is list))
        flat = [part for each in flat for part in (each if type(each) is list else [each])]
        depth -= 1
    return flat


@function("list.slice(whole, whole) -> list(element)")
def slice_(run: Run, elements: list[Value], start: int, end: int) -> list[Value]:
    if not 0 <= start <= end:
        raise EvaluationError(
            f"slice takes positions from 0 up, in order, not {start} and {end}.",
            "slice takes positions from 0 up, in order.",
        )
    if end > len(elements):
        count = f"{len(elements):,} element{'s' * (len(elements) != 1)}"
        raise MissingField(
            f"slice cannot end at {end}: the list has {count}.",
            "slice cannot end there: the list has fewer elements.",
        )
    charge(run, CONTAINER + (end - start) // 4)
    return elements[start:end]
