"""Kinds: what is known of a value before there is one, for the checker and the table of functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from typing import Final

from programs.rules.values import ABSENT, WORDS, Optional, TypeName, Value


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value. `words` are for people; `types` are the Python types of such values, empty for any type."""

    name: str
    words: str
    types: frozenset[type] = frozenset()
    # Of a list's elements, a map's values or what an optional has, where it is known.
    element: "Kind | None" = None
    fields: "Mapping[str, Kind] | None" = None  # of a map that has these and no others
    absent: Value = ABSENT  # what a member that the map does not have counts as, where it is read


def _of(type_: type, name: str) -> Kind:
    return Kind(name, WORDS[type_], frozenset([type_]))


ANY: Final = Kind("any", "anything")
BOOL: Final = _of(bool, "bool")
NUMBER: Final = _of(Decimal, "number")
# Of a parameter only: a number without a fraction, which the implementation gets as an int of Python's.
WHOLE: Final = Kind("whole", "a whole number", frozenset([Decimal]))
STRING: Final = _of(str, "string")
BYTES: Final = _of(bytes, "bytes")
NULL: Final = _of(type(None), "null")
TIMESTAMP: Final = _of(datetime, "timestamp")
DURATION: Final = _of(timedelta, "duration")
TYPE: Final = _of(TypeName, "type")
LIST: Final = _of(list, "list")
MAP: Final = _of(dict, "map")
OPTIONAL: Final = _of(Optional, "optional_type")
# Of the elements of a list as a parameter: what can be sorted.
# Bools have an order in CEL, but nobody who sorts by one means it.
SORTABLE: Final = Kind(
    "ordered",
    "numbers, text, times or durations",
    frozenset([Decimal, str, bytes, datetime, timedelta]),
)
# Of a result: the elements of the list that the function got.
ELEMENT: Final = Kind("element", "an element of the list")

_KINDS: Final = (ANY, BOOL, NUMBER, WHOLE, STRING, BYTES, NULL, TIMESTAMP, DURATION, TYPE)
BY_NAME: Final = {kind.name: kind for kind in (*_KINDS, LIST, MAP, OPTIONAL, SORTABLE, ELEMENT)}
ORDERED: Final = frozenset(["number", "string", "bytes", "bool", "timestamp", "duration"])


def kind_of(value: Value) -> Kind:
    return _BY_TYPE.get(type(value), ANY)


_BY_TYPE: Final = {
    each: kind for kind in BY_NAME.values() for each in kind.types if kind not in (WHOLE, SORTABLE)
}


def list_of(element: Kind) -> Kind:
    return replace(LIST, element=element)


def map_of(element: Kind, *, absent: Value = ABSENT) -> Kind:
    return replace(MAP, element=element, absent=absent)


def record(fields: Mapping[str, Kind]) -> Kind:
    """A map that has these fields and no others."""
    return replace(MAP, fields=fields)


def optional_of(element: Kind) -> Kind:
    return replace(OPTIONAL, element=element)


def in_plural(kind: Kind) -> str:
    """The words for a list with its elements: "a list of numbers"."""
    element = kind.element or ANY
    return f"{kind.words} of {_PLURALS.get(element.name, element.words)}"


_PLURALS: Final = {
    "any": "anything",
    "number": "numbers",
    "timestamp": "times",
    "duration": "durations",
    "type": "types",
    "list": "lists",
    "map": "maps",
    "optional_type": "optional values",
}


def inside(kind: Kind) -> Kind:
    """The kind of what an optional has; any other kind as it is."""
    return kind.element or ANY if kind.name == OPTIONAL.name else kind


def fits(actual: Kind, wanted: Kind) -> bool:
    """Whether a value of the one kind may be of the other."""
    if actual.name == "any" or wanted.name == "any":
        return True
    if actual.name == wanted.name:
        return (
            actual.element is None or wanted.element is None or fits(actual.element, wanted.element)
        )
    if wanted is SORTABLE:
        return actual.types <= SORTABLE.types
    return actual.name == "number" and wanted.name == "whole"


def common(kinds: Sequence[Kind]) -> Kind:
    """The kind of a value that is of one of these kinds."""
    return reduce(_either, kinds)


def _either(one: Kind, other: Kind) -> Kind:
    if one == other:
        return one
    return BY_NAME[one.name] if one.name == other.name else ANY


_MOMENTS: Final = {  # what + and - make of times
    ("+", "timestamp", "duration"): TIMESTAMP,
    ("+", "duration", "timestamp"): TIMESTAMP,
    ("+", "duration", "duration"): DURATION,
    ("-", "timestamp", "timestamp"): DURATION,
    ("-", "timestamp", "duration"): TIMESTAMP,
    ("-", "duration", "duration"): DURATION,
}


def of_arithmetic(sign: str, left: Kind, right: Kind) -> Kind | None:
    """The kind of `left sign right`; None where there is no such thing."""
    if left.name == right.name == "number":
        return NUMBER
    if left.name == right.name and sign == "+" and left.name in ("string", "bytes", "list"):
        return common([left, right])
    if moment := _MOMENTS.get((sign, left.name, right.name)):
        return moment
    if ANY not in (left, right):
        return None
    known = right if left is ANY else left
    if sign in ("+", "-") and (known is ANY or known.name in ("timestamp", "duration")):
        return ANY
    if sign == "+" and known.name in ("string", "bytes", "list"):
        return BY_NAME[known.name]
    return NUMBER if fits(known, NUMBER) else None
