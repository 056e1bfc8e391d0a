"""What the parser makes of a text. `start` and `end` are places in the source, for errors; chains are flat."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(slots=True)
class Node:
    start: int
    end: int


@dataclass(slots=True)
class Literal(Node):
    value: int | Decimal | str | bytes | bool | None


@dataclass(slots=True)
class Name(Node):
    name: str
    is_absolute: bool = False  # written `.name`: no variable of a macro hides it


@dataclass(slots=True)
class Select(Node):
    operand: Node
    field: str


@dataclass(slots=True)
class Index(Node):
    operand: Node
    key: Node


@dataclass(slots=True)
class Call(Node):
    name: str
    target: Node | None
    arguments: list[Node]


@dataclass(slots=True)
class ListOf(Node):
    elements: list[Node]


@dataclass(slots=True)
class MapOf(Node):
    entries: list[tuple[Node, Node]]


@dataclass(slots=True)
class Prefixed(Node):
    """`!!x` or `--x`: the operator, how often it stands there, and what it is applied to."""

    operator: str
    times: int
    operand: Node


@dataclass(slots=True)
class Chain(Node):
    """`first op a op b ...`: operators of one precedence, from left to right."""

    first: Node
    rest: list[tuple[str, Node]]


@dataclass(slots=True)
class AllOf(Node):
    """`a && b && ...`"""

    parts: list[Node]


@dataclass(slots=True)
class AnyOf(Node):
    """`a || b || ...`"""

    parts: list[Node]


@dataclass(slots=True)
class Conditional(Node):
    """`test ? value : test ? value : otherwise`"""

    cases: list[tuple[Node, Node]]
    otherwise: Node


def path_of(node: Node) -> list[str] | None:
    """The names of `a.b.c`, or of `a["b"].c`; None for what is not such a path."""
    names: list[str] = []
    while True:
        if type(node) is Select:
            names.append(node.field)
            node = node.operand
        elif type(node) is Index and type(node.key) is Literal and type(node.key.value) is str:
            names.append(node.key.value)
            node = node.operand
        elif type(node) is Name:
            names.append(node.name)
            names.reverse()
            return names
        else:
            return None


def unrolled(node: Node) -> tuple[Node, list[Node]]:
    """What a row of suffixes begins with, and the suffixes in order; each still holds what comes before it."""
    suffixes: list[Node] = []
    while True:
        if type(node) is Select or type(node) is Index:
            suffixes.append(node)
            node = node.operand
        elif type(node) is Call and node.target is not None:
            suffixes.append(node)
            node = node.target
        else:
            suffixes.reverse()
            return node, suffixes
