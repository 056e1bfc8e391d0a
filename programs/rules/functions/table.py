"""The table of functions, which the checker, the evaluation and the reference share."""

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from programs.rules.kinds import ANY, BY_NAME, ELEMENT, Kind, list_of

Implementation = Callable[..., Any]  # (run, *arguments), the receiver first
AnyImplementation = TypeVar("AnyImplementation", bound=Implementation)


@dataclass(frozen=True, slots=True)
class Signature:
    """One way to call a function. `parameters` start with a method's receiver; the last of a variadic one may repeat."""

    text: str
    is_method: bool
    parameters: tuple[Kind, ...]
    is_variadic: bool
    result: Kind

    def takes(self, count: int) -> bool:
        return count >= len(self.parameters) if self.is_variadic else count == len(self.parameters)

    def result_for(self, arguments: Sequence[Kind]) -> Kind:
        """The kind of what a call with arguments of these kinds gives."""
        element = arguments[0].element or ANY if arguments else ANY
        if self.result is ELEMENT:
            return element
        if self.result.element is ELEMENT:
            return list_of(element)
        return self.result

    def parameter(self, index: int) -> Kind:
        return self.parameters[min(index, len(self.parameters) - 1)]


@dataclass(frozen=True, slots=True)
class Function:
    """An entry of the table, with its documentation: `example` is an expression and `gives` the text of its value.

    What a function `in_zone` gives depends on the time zone that the host hands in. `optional` stands in for the
    implementation where an optional value is wanted, as in list.first().orValue(0).
    """

    name: str
    subject: str
    signatures: tuple[Signature, ...]
    description: str
    example: str
    gives: str
    implementation: Implementation
    in_zone: bool = False
    optional: Implementation | None = None

    def overloads(self, count: int, *, is_method: bool) -> list[Signature]:
        """The signatures for a call of this style with `count` arguments, including the receiver."""
        return [
            each for each in self.signatures if each.is_method is is_method and each.takes(count)
        ]


# The subject of what only rules that come from elsewhere need. The reference beside the rule editor leaves it out.
RARE: Final = "Rarely needed"

FUNCTIONS: Final[dict[str, Function]] = {}

DOCUMENTATION: Final[dict[str, dict[str, str]]] = {
    name: {"subject": subject, **documentation}
    for subject, functions in tomllib.loads(
        Path(__file__).with_name("documentation.toml").read_text(encoding="utf-8")
    ).items()
    for name, documentation in functions.items()
}

_SIGNATURE = re.compile(r"(?:([\w()]+)\.)?(\w+)\((.*)\) -> ([\w()]+)")


def function(
    *signatures: str, in_zone: bool = False, optional: Implementation | None = None
) -> Callable[[AnyImplementation], AnyImplementation]:
    """Add the decorated implementation to the table. documentation.toml has to document it.

    Signatures read "string.indexOf(string, whole) -> number", "math.least(number, ...) -> number", "size(list) -> number",
    "list.first() -> element".
    """

    def add(implementation: AnyImplementation) -> AnyImplementation:
        read = [_read(text) for text in signatures]
        name = read[0][0]
        assert all(other == name for other, _ in read)
        FUNCTIONS[name] = Function(
            name=name,
            signatures=tuple(each for _, each in read),
            implementation=implementation,
            in_zone=in_zone,
            optional=optional,
            **DOCUMENTATION[name],
        )
        return implementation

    return add


def _read(text: str) -> tuple[str, Signature]:
    match = _SIGNATURE.fullmatch(text)
    assert match, text
    before, name, inside, result = match.groups()
    receiver = _kind(before) if before else None
    parameters = [part for part in inside.split(", ") if part]
    is_variadic = bool(parameters) and parameters[-1] == "..."
    kinds = [_known(part) for part in parameters if part != "..."]
    if before and receiver is None:
        name = f"{before}.{name}"
    elif receiver is not None:
        kinds.insert(0, receiver)
    return name, Signature(text, receiver is not None, tuple(kinds), is_variadic, _known(result))


def _kind(text: str) -> Kind | None:
    if text.startswith("list("):
        return list_of(_known(text[5:-1]))
    return BY_NAME.get(text)


def _known(text: str) -> Kind:
    kind = _kind(text)
    assert kind is not None, text
    return kind


def accepted(overloads: Sequence[Signature], index: int) -> frozenset[type]:
    """The Python types that the overloads accept at this position; empty if they accept all."""
    kinds = [each.parameter(index) for each in overloads]
    if any(kind.name == "any" for kind in kinds):
        return frozenset()
    return frozenset().union(*(kind.types for kind in kinds))
