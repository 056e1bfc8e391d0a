"""What means something else since the language has one kind of number, found in a text that was written before.

A whole number that was written out, counted or converted used to be an integer. Dividing two of them dropped the
remainder, and `type()` told them from decimals, such as all numbers of the facts. `get()` gave a null as it was; now a
null is missing.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from programs.rules import tree
from programs.rules.arithmetic import is_whole
from programs.rules.errors import EvaluationError, RuleSyntaxError, located
from programs.rules.expression import compile  # noqa: A004
from programs.rules.functions import FUNCTIONS
from programs.rules.macros import MACROS
from programs.rules.parser import parse
from programs.rules.tree import Node
from programs.rules.values import TYPE_NAMES

Scope = Mapping[str, bool]  # whether what a macro bound to the name may have been an integer

DIVISION: Final = "Dividing two whole numbers dropped the remainder. Now it keeps it."
TYPE: Final = "Whole numbers and decimals were two types. Now every number is a double."
NULL: Final = "get() gave null for a field that is null. Now it gives its default."

_COUNTING: Final = frozenset(
    ["size", "int", "uint", "indexOf", "lastIndexOf"]
    + [name for name in FUNCTIONS if name.startswith(("math.bit", "get")) and name != "get"]
)
# What they give may be one of their arguments.
_PASSING: Final = frozenset(
    [
        *("math.abs", "math.sign", "min", "max", "math.least", "math.greatest", "get", "dyn"),
        *("optional.of", "optional.ofNonZeroValue", "value", "orValue", "or"),
    ]
)
_OTHER_TYPES: Final = frozenset(TYPE_NAMES) - {"int", "uint", "double"}


def changed_meanings(text: str) -> list[RuleSyntaxError]:
    """Find the parts of an expression that mean something else. Raises RuleSyntaxError if it cannot be read at all."""
    reader = _Reader(text)
    reader.read(parse(text), {})
    return reader.changes


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.changes: list[RuleSyntaxError] = []

    def read(self, node: Node, scope: Scope) -> bool:
        """Look for changes in the node. Returns whether its value, or a part of that, may have been an integer."""
        match node:
            case tree.Literal():
                return type(node.value) is Decimal and self._is_integer(node)
            case tree.Name():
                return scope.get(node.name, False)
            case tree.Call():
                return self._call(node, node.name, scope)
            case tree.Row():
                return self._row(node, scope)
            case tree.Chain():
                return self._chain(node, scope)
            case tree.Conditional():
                for test, _ in node.cases:
                    self.read(test, scope)
                return self._any([*(value for _, value in node.cases), node.otherwise], scope)
            case tree.Logic():
                self._any(node.parts, scope)
                return False
            case tree.Prefixed() | tree.Maybe():
                return self.read(node.operand, scope)
            case tree.ListOf():
                return self._any(node.elements, scope)
            case tree.MapOf():
                return self._any([each for entry in node.entries for each in entry], scope)
        raise AssertionError(node)

    def _any(self, nodes: list[Node], scope: Scope) -> bool:
        return True in [self.read(node, scope) for node in nodes]  # all of them are read

    def _is_integer(self, node: Node) -> bool:
        digits = self._text(node.start, node.end).lower()
        return "0x" in digits or not {".", "e"} & {*digits}

    def _row(self, node: tree.Row, scope: Scope) -> bool:
        suffixes = node.suffixes
        first = suffixes[0]
        if type(node.base) is tree.Name and type(first) is tree.Call:
            name = f"{node.base.name}.{first.name}"
            if name in FUNCTIONS or name == "cel.bind":
                value, suffixes = self._call(first, name, scope), suffixes[1:]
            else:
                value = self.read(node.base, scope)
        else:
            value = self.read(node.base, scope)
        for suffix in suffixes:
            if type(suffix) is tree.Index:
                self.read(suffix.key, scope)
            elif type(suffix) is tree.Call:
                value = self._call(suffix, suffix.name, scope, receiver=value)
        return value

    def _call(self, node: tree.Call, name: str, scope: Scope, *, receiver: bool = False) -> bool:
        arguments = node.arguments
        if name == "cel.bind" and len(arguments) == 3:
            return self.read(
                arguments[2], _bound(scope, arguments[0], self.read(arguments[1], scope))
            )
        macro = MACROS.get((name, len(arguments))) if node.before >= 0 else None
        if macro:
            # Of two variables the first is a position or a key.
            holds = [True, receiver][2 - macro.variables :]
            for variable, may_be in zip(arguments, holds, strict=False):
                scope = _bound(scope, variable, may_be)
            made = self._any(arguments[macro.variables :], scope)
            return receiver if macro.keeps_elements else made
        if name == "int" and len(arguments) == 1 and type(arguments[0]) is tree.Chain:
            # int() drops the remainder of the last division, as before.
            self._chain(arguments[0], scope, is_cut=True)
            return True
        passed = self._any(arguments, scope) or receiver
        return name in _COUNTING or (name in _PASSING and passed)

    def _chain(self, node: tree.Chain, scope: Scope, *, is_cut: bool = False) -> bool:
        left_node, left = node.first, self.read(node.first, scope)
        for place, (sign, right_node) in enumerate(node.rest, 1):
            right = self.read(right_node, scope)
            if sign in ("==", "!=", "in"):
                if self._tells_types(left_node, right_node, scope):
                    self._add(node.first.start, right_node.end, TYPE)
                if sign != "in" and _compares_default(left_node, right_node):
                    self._add(node.first.start, right_node.end, NULL)
                left = False
            else:
                is_last_cut = is_cut and place == len(node.rest)
                left = left and right and sign in "+-*/%"
                if left and sign == "/" and not is_last_cut:
                    self._add_division(node.first.start, right_node.end)
            left_node = right_node
        return left

    def _add_division(self, start: int, end: int) -> None:
        try:
            value = compile(self._text(start, end)).evaluate({})
            if type(value) is Decimal and is_whole(value):
                return  # without a remainder
        except (EvaluationError, RuleSyntaxError):
            pass
        self._add(start, end, DIVISION)

    def _tells_types(self, one: Node, other: Node, scope: Scope) -> bool:
        if not _is_type_call(one):
            one, other = other, one
        if not _is_type_call(one):
            return False
        assert isinstance(one, tree.Call)
        named = other.elements if type(other) is tree.ListOf else [other]
        names = {self._text(each.start, each.end) for each in named}
        # What came from the facts was a double before.
        was_double = not _Reader(self.source).read(one.arguments[0], scope)
        return not names <= (_OTHER_TYPES | {"double"} if was_double else _OTHER_TYPES)

    def _add(self, start: int, end: int, message: str) -> None:
        self.changes.append(located(message, self.source, start, end))

    def _text(self, start: int, end: int) -> str:
        return self.source[start:end]


def _bound(scope: Scope, variable: Node, may_be_integer: bool) -> Scope:
    return {**scope, variable.name: may_be_integer} if type(variable) is tree.Name else scope


def _compares_default(one: Node, other: Node) -> bool:
    """Whether null is compared with what get() gives, unless null is its default too."""
    if not _is_null(one):
        one, other = other, one
    if not _is_null(one) or type(other) is not tree.Call or other.name != "get":
        return False
    return len(other.arguments) == 3 and not _is_null(other.arguments[2])


def _is_null(node: Node) -> bool:
    return type(node) is tree.Literal and node.value is None


def _is_type_call(node: Node) -> bool:
    return type(node) is tree.Call and node.name == "type" and len(node.arguments) == 1
