"""The syntax tree. `start` and `end` are positions in the source, for error messages; chains and rows are flat.

The parser makes the nodes. The checker resolves each name and call once and writes its `meaning` on the node, from
which the compiler works.
"""

from dataclasses import dataclass
from decimal import Decimal

from programs.rules.meanings import CallMeaning, Fact, NameMeaning
from programs.rules.values import ABSENT, Value


@dataclass(slots=True)
class Node:
    start: int
    end: int


@dataclass(slots=True)
class Literal(Node):
    value: Decimal | str | bytes | bool | None


@dataclass(slots=True)
class Name(Node):
    name: str
    is_absolute: bool = False  # written `.name`: no variable of a macro hides it
    meaning: NameMeaning = None
    shown: Fact | None = None  # what the reasons tell instead of the fact that is read


@dataclass(slots=True)
class Call(Node):
    """`f(x)`, or as a suffix `.f(x)`."""

    name: str
    arguments: list[Node]
    before: int = -1  # where the receiver ends
    meaning: CallMeaning = None


@dataclass(slots=True)
class Select(Node):
    """The suffix `.field`, or `.?field`, which gives an optional value."""

    field: str
    before: int  # where the operand ends
    is_optional: bool = False
    absent: Value = ABSENT  # what a missing field counts as


@dataclass(slots=True)
class Index(Node):
    """The suffix `[key]`, or `[?key]`, which gives an optional value."""

    key: Node
    before: int
    is_optional: bool = False
    absent: Value = ABSENT


Suffix = Select | Index | Call


@dataclass(slots=True)
class Row(Node):
    """`base.a["b"].f(x)`. A suffix starts where the row does, so that its text is that of the row up to its end."""

    base: Node
    suffixes: list[Suffix]


@dataclass(slots=True)
class Maybe(Node):
    """`?x` in a list, or the value of `?k: x` in a map: what an optional value has, left out if it has none."""

    operand: Node


@dataclass(slots=True)
class ListOf(Node):
    elements: list[Node]


@dataclass(slots=True)
class MapOf(Node):
    entries: list[tuple[Node, Node]]


@dataclass(slots=True)
class Prefixed(Node):
    """`!!x` or `--x`: the operator, how many times it is written, and its operand."""

    operator: str
    times: int
    operand: Node


@dataclass(slots=True)
class Chain(Node):
    """`first op a op b ...`: operators of one precedence, from left to right."""

    first: Node
    rest: list[tuple[str, Node]]


@dataclass(slots=True)
class Logic(Node):
    """`a && b && ...` or `a || b || ...`"""

    sign: str
    parts: list[Node]


@dataclass(slots=True)
class Conditional(Node):
    """`test ? value : test ? value : otherwise`"""

    cases: list[tuple[Node, Node]]
    otherwise: Node


def key_of(suffix: Node) -> str | None:
    """The field that a suffix takes by a name that is written out, `.b` or `["b"]`, optional or not."""
    if type(suffix) is Select:
        return suffix.field
    return text_of(suffix.key) if type(suffix) is Index else None


def is_optional(suffix: Node) -> bool:
    return isinstance(suffix, Select | Index) and suffix.is_optional


def text_of(node: Node) -> str | None:
    """The text that a literal is."""
    return node.value if type(node) is Literal and type(node.value) is str else None


def fact_of(node: Node) -> Fact | None:
    """The fact that a checked node reads, if it does nothing else."""
    base, suffixes = (node.base, node.suffixes) if type(node) is Row else (node, [])
    fact = base.meaning if type(base) is Name else None
    return fact if type(fact) is Fact and len(fact.names) == len(suffixes) + 1 else None
