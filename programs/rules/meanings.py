"""Meanings of names and calls, which the checker resolves and the compiler uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from programs.rules.functions import Function, Signature
from programs.rules.kinds import Kind
from programs.rules.macros import Macro
from programs.rules.values import ABSENT, TypeName, Value

if TYPE_CHECKING:
    from programs.rules.tree import Node


@dataclass(frozen=True, slots=True)
class Fact:
    """A path into the facts. The run's `slot` keeps its value once that is settled.

    In an open environment an undeclared path begins with the longest dotted name that the facts turn out to have.
    """

    names: tuple[str, ...]
    slot: int
    is_declared: bool
    absent: Value = ABSENT  # what it counts as where the facts lack it, instead of an error


@dataclass(slots=True)
class Local:
    """A variable that a macro binds, in a slot of the run. The compiler sets whether it holds raw parts of the facts."""

    slot: int
    kind: Kind
    may_fail: bool = False  # the slot may hold the error that came instead of a value
    is_raw: bool = False


# None means a namespace, such as `math`; the call that follows has the meaning.
NameMeaning = Fact | Local | TypeName | None


@dataclass(frozen=True, slots=True)
class FunctionCall:
    name: str
    function: Function
    overloads: Sequence[Signature]


@dataclass(frozen=True, slots=True)
class PatternCall:
    """`matches` with a pattern that is written out, compiled, or the error from compiling it."""

    pattern: Any


@dataclass(frozen=True, slots=True)
class MacroCall:
    macro: Macro
    bound: Sequence[Local]


@dataclass(frozen=True, slots=True)
class BindCall:
    bound: Local


@dataclass(frozen=True, slots=True)
class HasCall:
    """`has(container.key)`; `fact` is the field, where the container is a fact."""

    container: "Node"
    key: str
    fact: Fact | None


@dataclass(frozen=True, slots=True)
class GetCall:
    """`get(container, key, default)`; `fact` is the entry, where the container is a fact and the key is written out."""

    fact: Fact | None


# None means a call of something unknown, which fails when it is evaluated.
CallMeaning = FunctionCall | PatternCall | MacroCall | BindCall | HasCall | GetCall | None
