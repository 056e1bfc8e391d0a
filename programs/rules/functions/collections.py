"""Functions on lists and maps."""

from decimal import Decimal
from typing import Any

from programs.rules.arithmetic import counted
from programs.rules.budget import CONTAINER, Run, charge
from programs.rules.functions.table import function
from programs.rules.values import Value, equal, is_absent, lookup


@function(
    "size(string) -> number",
    "size(bytes) -> number",
    "size(list) -> number",
    "size(map) -> number",
    "string.size() -> number",
    "bytes.size() -> number",
    "list.size() -> number",
    "map.size() -> number",
)
def size(run: Run, value: Value) -> Decimal:
    return counted(len(value))


@function("get(map, any, any) -> any")
def get(run: Run, container: dict[Any, Value], key: Value, default: Value) -> Value:
    found = lookup(container, key, run)
    return default if found is None or is_absent(found) else found


@function("sets.contains(list, list) -> bool")
def sets_contains(run: Run, elements: list[Value], others: list[Value]) -> bool:
    return all(_has(run, elements, other) for other in others)


@function("sets.intersects(list, list) -> bool")
def sets_intersects(run: Run, elements: list[Value], others: list[Value]) -> bool:
    return any(_has(run, elements, other) for other in others)


@function("sets.equivalent(list, list) -> bool")
def sets_equivalent(run: Run, elements: list[Value], others: list[Value]) -> bool:
    return sets_contains(run, elements, others) and sets_contains(run, others, elements)


def _has(run: Run, elements: list[Value], sought: Value) -> bool:
    charge(run, CONTAINER)
    for element in elements:
        charge(run, 3)
        if equal(element, sought, run):
            return True
    return False
