"""What is wrong with a rule before it ever runs: unknown names, wrong arguments, a result of the wrong kind.

Gradual, as CEL's own checker: what comes out of an event is of any kind, and everything may be done with it.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from programs.rules import suggestions, tree
from programs.rules.arithmetic import divide, plain
from programs.rules.errors import RuleSyntaxError, cut, located
from programs.rules.functions import FUNCTIONS, Signature
from programs.rules.kinds import (
    ANY,
    BOOL,
    BY_NAME,
    BYTES,
    DECIMAL,
    DURATION,
    INT,
    LIST,
    MAP,
    NULL,
    NUMBER,
    ORDERED,
    STRING,
    TIMESTAMP,
    TYPE,
    Kind,
    either,
    fits,
    is_numeric,
    list_of,
    map_of,
)
from programs.rules.macros import MACRO_NAMES, MACROS
from programs.rules.tree import Node
from programs.rules.values import TYPE_NAMES

Scope = Mapping[str, Kind]

_LITERALS: Final = {
    int: INT,
    Decimal: DECIMAL,
    str: STRING,
    bytes: BYTES,
    bool: BOOL,
    type(None): NULL,
}
_MOMENTS: Final = {  # what + and - make of times
    ("+", "timestamp", "duration"): TIMESTAMP,
    ("+", "duration", "timestamp"): TIMESTAMP,
    ("+", "duration", "duration"): DURATION,
    ("-", "timestamp", "timestamp"): DURATION,
    ("-", "timestamp", "duration"): TIMESTAMP,
    ("-", "duration", "duration"): DURATION,
}
_NAMESPACES: Final = {name.partition(".")[0] for name in FUNCTIONS if "." in name} | {"cel"}
_WORDS: Final = {"+": "added", "-": "subtracted", "*": "multiplied", "/": "divided", "%": "divided"}


class Checker:
    def __init__(self, source: str, variables: Mapping[str, Kind]) -> None:
        self.source = source
        self.variables = variables

    def check(self, node: Node, scope: Scope) -> Kind:
        """The kind of the node's value. Raises RuleSyntaxError for what cannot have one."""
        return _CHECK[type(node)](self, node, scope)

    def expect(self, node: Node, scope: Scope, wanted: Kind, what: str) -> None:
        kind = self.check(node, scope)
        if not fits(kind, wanted):
            raise self._wrong(f"{what} must be {wanted.words}, not {kind.words}.", node)

    def literal(self, node: tree.Literal, scope: Scope) -> Kind:
        return _LITERALS[type(node.value)]

    def list_of(self, node: tree.ListOf, scope: Scope) -> Kind:
        kinds = [self.check(element, scope) for element in node.elements]
        if not kinds:
            return LIST
        common = kinds[0]
        for kind in kinds[1:]:
            common = either(common, kind)
        return list_of(common)

    def map_of(self, node: tree.MapOf, scope: Scope) -> Kind:
        for key, value in node.entries:
            kind = self.check(key, scope)
            if kind.name not in ("any", "string", "int", "number", "bool"):
                words = "text, a whole number or a bool"
                raise self._wrong(f"A map's key must be {words}, not {kind.words}.", key)
            self.check(value, scope)
        return MAP

    def prefixed(self, node: tree.Prefixed, scope: Scope) -> Kind:
        if node.operator == "!":
            self.expect(node.operand, scope, BOOL, "What ! turns around")
            return BOOL
        kind = self.check(node.operand, scope)
        if not fits(kind, NUMBER):
            raise self._wrong(f"There is no negative of {kind.words}.", node)
        return kind if is_numeric(kind) else NUMBER

    def all_of(self, node: tree.AllOf, scope: Scope) -> Kind:
        for part in node.parts:
            self.expect(part, scope, BOOL, "What stands beside &&")
        return BOOL

    def any_of(self, node: tree.AnyOf, scope: Scope) -> Kind:
        for part in node.parts:
            self.expect(part, scope, BOOL, "What stands beside ||")
        return BOOL

    def conditional(self, node: tree.Conditional, scope: Scope) -> Kind:
        kinds = []
        for test, value in node.cases:
            self.expect(test, scope, BOOL, "What stands before ?")
            kinds.append(self.check(value, scope))
        common = self.check(node.otherwise, scope)
        for kind in kinds:
            common = either(common, kind)
        return common

    def chain(self, node: tree.Chain, scope: Scope) -> Kind:
        left_node = node.first
        left = self.check(left_node, scope)
        for sign, right_node in node.rest:
            if sign == "-":
                self._expect_no_hyphenated_name(left_node, right_node, scope)
            right = self.check(right_node, scope)
            if sign == "/":
                self._expect_no_lost_remainder(left_node, right_node)
            left = self._operation(sign, left, right, node.start, right_node.end)
            left_node = right_node
        return left

    def _operation(self, sign: str, left: Kind, right: Kind, start: int, end: int) -> Kind:
        if sign == "in":
            if not fits(right, LIST) and not fits(right, MAP):
                message = f"`in` looks into a list or a map, not into {right.words}."
                raise located(message, self.source, start, end)
            return BOOL
        if sign in ("==", "!="):
            if not fits(left, right) and NULL not in (left, right):
                message = f"{_capital(left.words)} never equals {right.words}."
                raise located(message, self.source, start, end)
            return BOOL
        if sign in ("<", "<=", ">", ">="):
            orders = all(kind.name in ORDERED or kind is ANY for kind in (left, right))
            if not orders or not fits(left, right):
                message = f"{_capital(left.words)} cannot be compared with {right.words}."
                raise located(message, self.source, start, end)
            return BOOL
        result = _arithmetic(sign, left, right)
        if result is None:
            message = f"{_capital(left.words)} and {right.words} cannot be {_WORDS[sign]}."
            if {left.name, right.name} & {"string"} and sign == "+":
                message = f"{message} To make text of a number, write string(…)."
            raise located(message, self.source, start, end)
        return result

    def _expect_no_lost_remainder(self, left: Node, right: Node) -> None:
        """5 / 100 is 0 in CEL, which nobody who writes a rule means."""
        if type(left) is not tree.Literal or type(right) is not tree.Literal:
            return
        dividend, divisor = left.value, right.value
        if type(dividend) is int and type(divisor) is int and divisor and dividend % divisor:
            message = (
                f"Two whole numbers divide without a remainder: {plain(dividend)} / {plain(divisor)} "
                f"would be {divide(dividend, divisor)}; did you mean {plain(dividend)}.0 / {plain(divisor)}?"
            )
            raise located(message, self.source, left.start, right.end)

    def _expect_no_hyphenated_name(self, left: Node, right: Node, scope: Scope) -> None:
        """event.order-id is a subtraction to CEL."""
        if type(left) is not tree.Select or type(right) is not tree.Name:
            return
        if right.name in scope or right.name in self.variables or right.start != left.end + 1:
            return
        name = f"{left.field}-{right.name}"
        before = self.source[left.operand.start : left.operand.end]
        message = (
            f"{cut(name)} is read as a subtraction. For the field of that name write "
            f'{cut(before)}["{cut(name)}"] or {cut(before)}.`{cut(name)}`.'
        )
        raise located(message, self.source, left.start, right.end)

    def member(self, node: Node, scope: Scope) -> Kind:
        base, suffixes = tree.unrolled(node)
        if type(base) is tree.Name:
            first = suffixes[0] if suffixes else None
            is_local = base.name in scope and not base.is_absolute
            if (
                not is_local
                and type(first) is tree.Call
                and base.name not in self.variables
                and base.name in _NAMESPACES
            ):
                kind = self._call(first, f"{base.name}.{first.name}", scope)
                suffixes = suffixes[1:]
            elif is_local:
                kind = scope[base.name]
            elif base.name in self.variables:
                kind = self.variables[base.name]
            elif ".".join(tree.path_of(node) or [base.name]) in TYPE_NAMES:
                return TYPE
            else:
                raise self._unknown_variable(base)
        elif type(base) is tree.Call:
            kind = self._call(base, base.name, scope)
        else:
            kind = self.check(base, scope)
        for suffix in suffixes:
            kind = self._suffix(suffix, kind, scope)
        return kind

    def _suffix(self, node: Node, kind: Kind, scope: Scope) -> Kind:
        if type(node) is tree.Select:
            return self._field(node, kind, node.field)
        if type(node) is tree.Index:
            key = self.check(node.key, scope)
            if type(node.key) is tree.Literal and type(node.key.value) is str and fits(kind, MAP):
                return self._field(node, kind, node.key.value)
            return self._element(node, kind, key)
        assert type(node) is tree.Call
        if node.name in MACRO_NAMES and (node.name, len(node.arguments)) in MACROS:
            return self._macro(node, kind, scope)
        # Said before what stands in the brackets is looked at: that has no meaning outside of the macro.
        if node.name not in FUNCTIONS:
            raise self._unknown_function(node, node.name)
        return self._signature(node, node.name, [kind, *self._kinds(node, scope)], is_method=True)

    def _field(self, node: tree.Select | tree.Index, kind: Kind, field: str) -> Kind:
        if not fits(kind, MAP):
            message = f'{_capital(kind.words)} has no field "{cut(field)}".'
            raise self._wrong(message, node)
        if kind.fields is None:
            return kind.element or ANY
        if field in kind.fields:
            return kind.fields[field]
        path = self.source[node.operand.start : node.operand.end]
        message = f'{cut(path)} has no field "{cut(field)}".'
        if meant := suggestions.for_field(field, cut(path), kind.fields):
            message = f"{message[:-1]}; did you mean {meant}?"
        else:
            message = f"{message} It has {', '.join(kind.fields)}."
        raise self._wrong(message, node)

    def _element(self, node: tree.Index, kind: Kind, key: Kind) -> Kind:
        if kind.name == "list":
            if not fits(key, NUMBER):
                raise self._wrong(f"A list has positions, not {key.words}.", node.key)
        elif not fits(kind, MAP):
            raise self._wrong(f"{_capital(kind.words)} has no elements.", node)
        return kind.element or ANY

    def _macro(self, node: tree.Call, kind: Kind, scope: Scope) -> Kind:
        macro = MACROS[node.name, len(node.arguments)]
        if not fits(kind, LIST) and not fits(kind, MAP):
            message = f"{node.name} goes through a list or a map, not {kind.words}."
            raise self._wrong(message, node)
        element = (kind.element or ANY) if kind.name == "list" else ANY
        # Of a map, what is bound to one name are the keys.
        bound = [element if kind.name == "list" else ANY]
        if macro.variables == 2:
            bound = [INT if kind.name == "list" else ANY, kind.element or ANY]
        names = [
            each.name if type(each) is tree.Name else "" for each in node.arguments[: len(bound)]
        ]
        inner = {**scope, **dict(zip(names, bound, strict=True))}
        *tests, body = node.arguments[len(bound) :]
        for test in tests:
            self.expect(test, inner, BOOL, f"The condition of {node.name}")
        if macro.result == "bool" or node.name == "filter":
            self.expect(body, inner, BOOL, f"The condition of {node.name}")
            return (
                BOOL
                if macro.result == "bool"
                else list_of(element)
                if kind.name == "list"
                else LIST
            )
        made = self.check(body, inner)
        if macro.result == "list":
            return list_of(made)
        if node.name == "transformMapEntry" and not fits(made, MAP):
            raise self._wrong(f"{node.name} makes maps, not {made.words}.", body)
        return map_of(made) if node.name == "transformMap" else MAP

    def _call(self, node: tree.Call, name: str, scope: Scope) -> Kind:
        if name == "has":
            return self._has(node, scope)
        if name == "cel.bind" and len(node.arguments) == 3 and type(node.arguments[0]) is tree.Name:
            bound = self.check(node.arguments[1], scope)
            return self.check(node.arguments[2], {**scope, node.arguments[0].name: bound})
        if name == "cel.bind":
            raise self._wrong("cel.bind takes a name, its value and an expression.", node)
        return self._signature(node, name, self._kinds(node, scope), is_method=False)

    def _has(self, node: tree.Call, scope: Scope) -> Kind:
        field = node.arguments[0] if len(node.arguments) == 1 else node
        if type(field) is not tree.Select and type(field) is not tree.Index:
            raise self._wrong("has takes a field, as in has(event.coupon).", node)
        self.check(field, scope)
        return BOOL

    def _kinds(self, node: tree.Call, scope: Scope) -> list[Kind]:
        known = node.name in FUNCTIONS or node.target is not None
        # An unknown function is the better thing to complain of than what stands in its brackets.
        if not known:
            raise self._unknown_function(node, node.name)
        return [self.check(each, scope) for each in node.arguments]

    def _signature(self, node: tree.Call, name: str, kinds: list[Kind], *, is_method: bool) -> Kind:
        function = FUNCTIONS.get(name)
        if function is None:
            raise self._unknown_function(node, name)
        overloads = function.overloads(len(kinds), is_method=is_method)
        if not overloads:
            written = " or ".join(each.text.partition(" ->")[0] for each in function.signatures)
            count = len(node.arguments)
            message = f"{name} does not take {count} argument{'s' * (count != 1)} like this. Write {written}."
            raise self._wrong(message, node)
        fitting = [each for each in overloads if _takes(each, kinds)]
        if not fitting:
            raise self._misfit(node, name, kinds, overloads, is_method=is_method)
        if len(fitting) == 1 or len({each.result.name for each in fitting}) == 1:
            return fitting[0].result
        return ANY

    def _misfit(
        self,
        node: tree.Call,
        name: str,
        kinds: list[Kind],
        overloads: list[Signature],
        *,
        is_method: bool,
    ) -> RuleSyntaxError:
        nodes: list[Node] = [node.target or node, *node.arguments] if is_method else node.arguments
        for index, (kind, at) in enumerate(zip(kinds, nodes, strict=True)):
            wanted = [each.parameter(index) for each in overloads]
            if not any(fits(kind, each) for each in wanted):
                words = " or ".join(dict.fromkeys(each.words for each in wanted))
                what = f"{name} is for" if is_method and index == 0 else f"{name} takes"
                message = f"{what} {words}, not {kind.words}."
                if name == "contains" and kind.name == "list":
                    message = f"{message} Of a list, write x in list."
                return self._wrong(message, at)
        return self._wrong(f"{name} does not take these arguments together.", node)

    def _unknown_variable(self, node: tree.Name) -> RuleSyntaxError:
        message = f"There is no variable {cut(node.name)}."
        if meant := suggestions.for_variable(node.name, self.variables):
            message = f"{message[:-1]}; did you mean {meant}?"
        return self._wrong(message, node)

    def _unknown_function(self, node: tree.Call, name: str) -> RuleSyntaxError:
        if node.name in MACRO_NAMES:
            message = f"{node.name} is written like list.{node.name}(x, …)."
            return self._wrong(message, node)
        message = f"There is no function {cut(name)}."
        if meant := suggestions.for_function(name):
            message = f"{message[:-1]}; did you mean {meant}?"
        return self._wrong(message, node)

    def _wrong(self, message: str, node: Node) -> RuleSyntaxError:
        return located(message, self.source, node.start, node.end)


def _takes(signature: Signature, kinds: list[Kind]) -> bool:
    return all(fits(kind, signature.parameter(index)) for index, kind in enumerate(kinds))


def _arithmetic(sign: str, left: Kind, right: Kind) -> Kind | None:
    """The kind of `left sign right`; None where there is no such thing."""
    if is_numeric(left) and is_numeric(right):
        return left if left is right else NUMBER if NUMBER in (left, right) else DECIMAL
    if left.name == right.name and sign == "+" and left.name in ("string", "bytes", "list"):
        return either(left, right)
    if moment := _MOMENTS.get((sign, left.name, right.name)):
        return moment
    if ANY not in (left, right):
        return None
    known = right if left is ANY else left
    if sign in ("+", "-"):
        plausible = {"string", "bytes", "list"} if sign == "+" else set[str]()
        if known is ANY or known.name in ("timestamp", "duration"):
            return ANY
        if known.name in plausible:
            return BY_NAME[known.name]
    return NUMBER if fits(known, NUMBER) else None


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


_CHECK: Final[dict[type[Node], Callable[[Checker, Any, Scope], Kind]]] = {
    tree.Literal: Checker.literal,
    tree.ListOf: Checker.list_of,
    tree.MapOf: Checker.map_of,
    tree.Prefixed: Checker.prefixed,
    tree.Chain: Checker.chain,
    tree.AllOf: Checker.all_of,
    tree.AnyOf: Checker.any_of,
    tree.Conditional: Checker.conditional,
    tree.Name: Checker.member,
    tree.Select: Checker.member,
    tree.Index: Checker.member,
    tree.Call: Checker.member,
}
