"""What most rules say, `event.type == "purchase"`, without a call for each word of it.

Each shortcut serves the facts that one expects and leaves all others, errors too, to the closure that it stands before.
"""

import operator
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from programs.rules.arithmetic import as_given
from programs.rules.budget import Run, charge
from programs.rules.paths import LOST, Closure, Facts

ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

FEW: Final = 16  # elements


def text_is(names: Sequence[str], constant: str, usual: Closure) -> Closure:
    """`names == constant`"""
    if len(names) == 2:
        first, second = names

        def is_text(facts: Facts, run: Run) -> Any:
            try:
                value = facts[first][second]
            except LOST:
                return usual(facts, run)
            return value == constant if type(value) is str else usual(facts, run)

        return is_text
    if len(names) == 3:
        first, second, third = names

        def is_inner_text(facts: Facts, run: Run) -> Any:
            try:
                value = facts[first][second][third]
            except LOST:
                return usual(facts, run)
            return value == constant if type(value) is str else usual(facts, run)

        return is_inner_text
    return usual


def number_is(names: Sequence[str], sign: str, constant: int | Decimal, usual: Closure) -> Closure:
    """`names < constant` and its like"""
    if len(names) != 2:
        return usual
    first, second = names
    compare = ORDERS[sign]

    def is_ordered(facts: Facts, run: Run) -> Any:
        try:
            value = facts[first][second]
            if type(value) is Decimal and value.is_finite():
                return compare(as_given(value), constant)
        except (*LOST, ArithmeticError):
            pass
        return usual(facts, run)

    return is_ordered


def text_in(constant: str, names: Sequence[str], usual: Closure) -> Closure:
    """`constant in names`: nothing but a text equals a text, so what else the list holds does not matter."""
    if len(names) != 2:
        return usual
    first, second = names

    def is_in(facts: Facts, run: Run) -> Any:
        try:
            value = facts[first][second]
        except LOST:
            return usual(facts, run)
        if type(value) is not list:
            return usual(facts, run)
        # A few are no more work than the node itself.
        if len(value) > FEW:
            charge(run, len(value))
        return constant in value

    return is_in
