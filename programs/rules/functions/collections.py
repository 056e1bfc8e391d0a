"""Functions on lists and maps."""

from functools import partial
from typing import Any

from programs.rules.budget import CONTAINER, Run, charge
from programs.rules.functions.table import function
from programs.rules.values import Value, equal, is_absent, lookup

_function = partial(function, subject="Lists and maps")


@_function(
    "size(string) -> int",
    "size(bytes) -> int",
    "size(list) -> int",
    "size(map) -> int",
    "string.size() -> int",
    "bytes.size() -> int",
    "list.size() -> int",
    "map.size() -> int",
    says="The number of characters, bytes, elements or entries.",
    example='size(["new", "vip"])',
    gives="2",
)
def size(run: Run, value: Value) -> int:
    return len(value)


@_function(
    "get(map, any, any) -> any",
    says="The map's value for the key, or the default if the key is missing.",
    example='get({"price": 5}, "discount", 0)',
    gives="0",
)
def get(run: Run, container: dict[Any, Value], key: Value, default: Value) -> Value:
    found = lookup(container, key, run)
    return default if is_absent(found) else found


@_function(
    "sets.contains(list, list) -> bool",
    says="Whether the first list contains every element of the second.",
    example='sets.contains(["new", "vip"], ["vip"])',
    gives="true",
)
def sets_contains(run: Run, elements: list[Value], others: list[Value]) -> bool:
    return all(_has(run, elements, other) for other in others)


@_function(
    "sets.intersects(list, list) -> bool",
    says="Whether the two lists have an element in common.",
    example='sets.intersects(["new", "vip"], ["gold", "vip"])',
    gives="true",
)
def sets_intersects(run: Run, elements: list[Value], others: list[Value]) -> bool:
    return any(_has(run, elements, other) for other in others)


@_function(
    "sets.equivalent(list, list) -> bool",
    says="Whether both lists contain the same elements, in any order and any number.",
    example="sets.equivalent([1, 2, 2], [2, 1])",
    gives="true",
)
def sets_equivalent(run: Run, elements: list[Value], others: list[Value]) -> bool:
    return sets_contains(run, elements, others) and sets_contains(run, others, elements)


def _has(run: Run, elements: list[Value], sought: Value) -> bool:
    charge(run, CONTAINER)
    for element in elements:
        charge(run, 3)
        if equal(element, sought, run):
            return True
    return False
