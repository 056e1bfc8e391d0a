"""The elements of a list as a whole: of one kind, in order, told from each other."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any, Final

from programs.rules.arithmetic import significant
from programs.rules.budget import Run, charge, charge_scanned
from programs.rules.errors import EvaluationError, MissingField
from programs.rules.kinds import SORTABLE
from programs.rules.values import Optional, Value, in_words


def expect_one_kind(
    elements: Sequence[Value], kinds: Collection[type], name: str, words: str
) -> None:
    """Raise MissingField for a null, and EvaluationError unless all elements are of the same one of these kinds."""
    found = set(map(type, elements))
    if not found or (len(found) == 1 and found <= {*kinds}):
        return
    for position, element in enumerate(elements):
        if element is None:
            raise MissingField(f"{name}: the list has null at position {position}.")
    wrong = next((each for each in elements if type(each) not in kinds), None)
    if wrong is not None:
        raise EvaluationError(f"{name} takes {words}, not {in_words(wrong)}.")
    first, *others = dict.fromkeys(map(in_words, elements))
    raise EvaluationError(
        f"{name} takes values of one kind. This list has {first} and {others[0]}."
    )


def sort_keys(elements: Sequence[Value], run: Run, name: str) -> list[Any]:
    """The values as Python orders them. Raises MissingField and EvaluationError for what has no order."""
    charge(run, 2 * len(elements))
    expect_one_kind(elements, SORTABLE.types, name, SORTABLE.words)
    if elements and type(elements[0]) in _TEXTS:
        charge_scanned(run, sum(map(len, elements)))
        return list(elements)
    if elements and type(elements[0]) is Decimal:
        charge(run, 2 * len(elements))
        return list(map(significant, elements))
    return list(elements)


_TEXTS: Final = frozenset([str, bytes])


def in_order(elements: Sequence[Value], keys: Sequence[Any], run: Run) -> list[Value]:
    """Sort the elements by their keys; those with equal keys stay as they are to each other."""
    rounds = len(elements).bit_length()
    charge(run, len(elements) * rounds)
    if keys and type(keys[0]) in _TEXTS:
        charge_scanned(run, sum(map(len, keys)) * rounds)
    return [elements[place] for place in sorted(range(len(elements)), key=keys.__getitem__)]


def identity(value: Value, run: Run) -> Any:
    """Make a hashable of the value, equal for two values where `values.equal` says so."""
    kind = type(value)
    charge(run, 5)
    if kind is Decimal:
        return significant(value)
    if kind in _TEXTS:
        charge_scanned(run, len(value))
        return value
    if kind is list:
        return list, tuple([identity(each, run) for each in value])
    if kind is dict:
        return dict, frozenset([(key, identity(each, run)) for key, each in value.items()])
    if kind is Optional:
        return Optional, identity(value.value, run) if value.has_value else Optional
    return kind, value
