"""The one pass that resolves names and calls and finds what is wrong with an expression before it ever runs.

Gradual, like CEL's own checker: a value from outside may be of any kind, so everything may be done with it. After
an error the checker goes on with a value of any kind, so that one mistake is reported once and the next ones too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import takewhile
from typing import Any, Final

from programs.rules import constants, hints, suggestions, tree
from programs.rules.arithmetic import is_whole
from programs.rules.budget import FIRST_SLOT
from programs.rules.environment import Environment
from programs.rules.errors import EvaluationError, RuleSyntaxError, cut
from programs.rules.functions import Signature
from programs.rules.functions.patterns import MAX_LENGTH, compiled
from programs.rules.hints import BINDS, LONGEST, Advice, Operand, Use, advised
from programs.rules.kinds import (
    ANY,
    BOOL,
    BYTES,
    LIST,
    MAP,
    NULL,
    NUMBER,
    OPTIONAL,
    ORDERED,
    SORTABLE,
    STRING,
    TYPE,
    Kind,
    common,
    fits,
    in_plural,
    inside,
    list_of,
    map_of,
    of_arithmetic,
    optional_of,
)
from programs.rules.macros import MACRO_NAMES, MACROS, Macro
from programs.rules.meanings import (
    BindCall,
    Fact,
    FunctionCall,
    GetCall,
    HasCall,
    Local,
    MacroCall,
    PatternCall,
)
from programs.rules.tree import Node
from programs.rules.values import ABSENT, TYPE_NAMES, TypeName, Value

Scope = Mapping[str, Local]

MAX_ERRORS: Final = 10  # of one expression; to suggest a name takes a millisecond

_LITERALS: Final = {
    Decimal: NUMBER,
    str: STRING,
    bytes: BYTES,
    bool: BOOL,
    type(None): NULL,
}
UNWRAP: Final = "Write .orValue(…) to say what counts where an optional value is missing."
# Of other languages.
_FOREIGN_NAMESPACES: Final = frozenset(
    ["math", "number", "string", "object", "array", "date", "datetime", "json", "re", "np"]
)
_UNWRAPPING: Final = frozenset(["hasValue", "value", "or", "orValue", "optMap", "optFlatMap"])
_OF_OPTIONALS: Final = frozenset(["orValue", "hasValue", "optMap", "optFlatMap"])
_COMPARISONS: Final = frozenset(["<", "<=", ">", ">="])
_WORDS: Final = {"+": "added", "-": "subtracted", "*": "multiplied", "/": "divided", "%": "divided"}


class _Enough(Exception):
    """MAX_ERRORS errors have been found."""


class Checker:
    """Checks one source. Afterwards `errors` holds what is wrong, `slots` how many places a run needs, and `is_in_zone`
    whether it needs the host's time zone.

    In an open environment only what can have no meaning at all is an error: anything else may be absorbed by && or ||.
    `strict_errors` holds what is refused only where a rule is written: earlier versions of the language took it, and what
    is stored goes on running.
    """

    def __init__(self, source: str, environment: Environment) -> None:
        self.source = source
        self.environment = environment
        self.errors: list[RuleSyntaxError] = []
        self.strict_errors: list[RuleSyntaxError] = []
        self.slots = FIRST_SLOT
        self.kind: Kind = ANY  # of the whole expression
        self.is_in_zone = False
        self._facts: dict[tuple[tuple[str, ...], bool], Fact] = {}
        self._namespaces = {name.partition(".")[0] for name in environment.functions if "." in name}
        self._namespaces.add("cel")
        self._pattern_characters = 0

    def run(self, node: Node, wanted: Kind, what: str, *, is_strict: bool) -> None:
        """Check the whole expression, whose value must be of the wanted kind. Raises RuleSyntaxError."""
        for trap in hints.traps(self.source) if is_strict else ():
            self._add_if_strict("", trap.start, trap.end, trap)
        try:
            self.kind = kind = self.check(node, {})
            if kind.name == OPTIONAL.name:
                self._complain(
                    f"{what or 'A rule needs a value'}, not {kind.words}. {UNWRAP}", node
                )
            elif not fits(kind, wanted):
                self._complain(f"{what}, not {kind.words}.", node)
            if is_strict and not self.errors and not self.environment.is_open:
                for wrong in constants.wrong(node, self.source):
                    self._add_if_strict(wrong.message, wrong.start, wrong.end)
        except _Enough:
            pass
        if is_strict:
            self.errors += self.strict_errors
        if self.errors and self.strict_errors:
            self.errors.sort(key=lambda each: (each.line, each.column))
        if self.errors:
            first, *others = self.errors
            first.others = tuple(others)
            raise first

    def check(self, node: Node, scope: Scope) -> Kind:
        """The kind of the node's value."""
        return _CHECK[type(node)](self, node, scope)

    def expect(self, node: Node, scope: Scope, wanted: Kind, what: str) -> None:
        kind = self.check(node, scope)
        if not fits(kind, wanted):
            message = f"{what} must be {wanted.words}, not {kind.words}."
            self._complain(_with_hint(message, kind), node)

    def literal(self, node: tree.Literal, scope: Scope) -> Kind:
        return _LITERALS[type(node.value)]

    def list_of(self, node: tree.ListOf, scope: Scope) -> Kind:
        kinds = [self.check(element, scope) for element in node.elements]
        return list_of(common(kinds)) if kinds else LIST

    def maybe(self, node: tree.Maybe, scope: Scope) -> Kind:
        kind = self.check(node.operand, scope)
        if not fits(kind, OPTIONAL):
            message = f"? takes an optional value, such as event.?price, not {kind.words}."
            self._complain(message, node)
        return inside(kind)

    def map_of(self, node: tree.MapOf, scope: Scope) -> Kind:
        for key, value in node.entries:
            kind = self.check(key, scope)
            if kind.name not in ("any", "string", "number", "bool") or _has_fraction(key):
                words = "text, a whole number, or true or false"
                self._complain(f"A map key must be {words}, not {kind.words}.", key)
            self.check(value, scope)
        return MAP

    def prefixed(self, node: tree.Prefixed, scope: Scope) -> Kind:
        if node.operator == "!":
            self.expect(node.operand, scope, BOOL, "The operand of !")
            return BOOL
        kind = self.check(node.operand, scope)
        if not fits(kind, NUMBER):
            self._complain(f"{_capital(kind.words)} cannot be negated.", node)
        return NUMBER

    def logic(self, node: tree.Logic, scope: Scope) -> Kind:
        for index, part in enumerate(node.parts):
            kind = self.check(part, scope)
            if not fits(kind, BOOL):
                message = f"Both sides of {node.sign} must be {BOOL.words}, not {kind.words}."
                message = _with_hint(message, kind)
                self._advise(message, part, suggestions.for_alternative(self.source, node, index))
        return BOOL

    def conditional(self, node: tree.Conditional, scope: Scope) -> Kind:
        kinds = []
        for test, value in node.cases:
            self.expect(test, scope, BOOL, "The condition before ?")
            kinds.append(self.check(value, scope))
        return common([*kinds, self.check(node.otherwise, scope)])

    def chain(self, node: tree.Chain, scope: Scope) -> Kind:
        left_node = node.first
        left = self.check(left_node, scope)
        before = ""
        for sign, right_node in node.rest:
            if sign == "-" and self._is_hyphenated_name(left_node, right_node, scope):
                left = ANY
            else:
                right = self.check(right_node, scope)
                if sign in _COMPARISONS and before in _COMPARISONS:
                    self._complain_of_range(node, left, right)
                    return BOOL
                left = self._operation(sign, left, right, node, left_node, right_node)
            left_node = right_node
            before = sign
        return left

    def _complain_of_range(self, node: tree.Chain, left: Kind, right: Kind) -> None:
        """10 < x < 20 compares what is true or false with 20."""
        message = "What is true or false is not compared again."
        advice = suggestions.for_range(self.source, node)
        if fits(left, right):
            self._add_if_strict(message, node.start, node.end, advice)
        else:
            self._advise(message, node, advice)

    def _operation(
        self,
        sign: str,
        left: Kind,
        right: Kind,
        node: tree.Chain,
        left_node: Node,
        right_node: Node,
    ) -> Kind:
        start, end = node.start, right_node.end
        result: Kind | None = BOOL
        message = ""
        if sign == "in":
            if not fits(right, LIST) and not fits(right, MAP):
                message = f"`in` searches a list or a map, not {right.words}."
            elif right.name == "list" and not _may_be_among(left, right.element or ANY):
                element = right.element or ANY
                never = f"{_capital(left.words)} never equals {element.words}."
                self._add_if_strict(never, start, end, self._name_meant(left_node))
        elif sign in ("==", "!="):
            if not fits(left, right) and NULL not in (left, right):
                message = f"{_capital(left.words)} never equals {right.words}."
        elif sign in _COMPARISONS:
            orders = all(kind.name in ORDERED or kind is ANY for kind in (left, right))
            if not orders or not fits(left, right):
                message = f"{_capital(left.words)} cannot be compared with {right.words}."
                if ANY in (left, right):
                    message = f"{_capital(_known(left, right).words)} cannot be compared."
        else:
            result = of_arithmetic(sign, left, right)
            if result is None:
                message = f"{_capital(left.words)} and {right.words} cannot be {_WORDS[sign]}."
                if ANY in (left, right):
                    message = f"{_capital(_known(left, right).words)} cannot be {_WORDS[sign]}."
        if message and not self.environment.is_open:
            advice = self._name_meant(left_node) or self._name_meant(right_node)
            if advice is None:
                operand = hints.operand(self.source, left_node, left)
                if left_node is not node.first:
                    operand = Operand(self.source[start : left_node.end], BINDS[tree.Chain], left)
                other = hints.operand(self.source, right_node, right)
                is_alone = len(node.rest) == 1
                advice = hints.for_operator(sign, operand, other, is_alone=is_alone)
            self._add(_with_hint(message, left, right), start, end, advice)
        return result or ANY

    def _name_meant(self, node: Node) -> Advice | None:
        """What was meant by the name of a type that stands where a value is expected: `type == "purchase"`."""
        if type(node) is not tree.Name or type(node.meaning) is not TypeName:
            return None
        meant = suggestions.for_variable(node.name, self.environment.variables)
        return Advice(f"Did you mean {meant}?", meant, node.start, node.end) if meant else None

    def _is_hyphenated_name(self, left: Node, right: Node, scope: Scope) -> bool:
        """Complain about a.order-id, which is a subtraction in CEL."""
        last = left.suffixes[-1] if type(left) is tree.Row else None
        if type(last) is not tree.Select or type(right) is not tree.Name:
            return False
        is_known = right.name in scope or right.name in self.environment.variables
        if is_known or self.environment.is_open or right.start != left.end + 1:
            return False
        name = cut(f"{last.field}-{right.name}")
        before = cut(self.source[left.start : last.before])
        message = (
            f"{name} is read as a subtraction. For the field with that name, write "
            f'{before}["{name}"] or {before}.`{name}`.'
        )
        self._complain_at(message, left.start, right.end)
        return True

    def name(self, node: tree.Name, scope: Scope) -> Kind:
        return self._named(node, [], scope)[0]

    def row(self, node: tree.Row, scope: Scope) -> Kind:
        suffixes = node.suffixes
        if type(node.base) is tree.Name:
            kind, suffixes = self._named(node.base, suffixes, scope)
        else:
            kind = self.check(node.base, scope)
        if self._is_never_optional(node):
            return ANY
        for place, suffix in enumerate(suffixes, 1):
            kind = self._suffix(suffix, kind, scope)
            if isinstance(suffix, tree.Call) and type(suffix.meaning) is FunctionCall:
                optional = suffix.meaning.function.optional
                if optional is not None and _is_unwrapped(suffixes[place:]):
                    function = replace(suffix.meaning.function, implementation=optional)
                    suffix.meaning = replace(suffix.meaning, function=function)
                    kind = optional_of(kind)
        return kind

    def _is_never_optional(self, node: tree.Row) -> bool:
        """Complain about event.price.orValue(0): what the facts have is never optional, only the way to it is."""
        fact = node.base.meaning if type(node.base) is tree.Name else None
        if type(fact) is not Fact or not 0 < len(fact.names) - 1 < len(node.suffixes):
            return False
        last, call = node.suffixes[len(fact.names) - 2 : len(fact.names)]
        if type(call) is not tree.Call or call.name not in _OF_OPTIONALS:
            return False
        assert isinstance(last, tree.Select | tree.Index)
        field = self.source[last.before : last.end]
        sign = "." if type(last) is tree.Select else "["
        instead = (
            self.source[node.start : last.before]
            + field.replace(sign, f"{sign}?", 1)
            + self.source[last.end : call.end]
        )
        message = f"{cut(self.source[node.start : last.end])} is no optional value."
        self._advise(message, call, Advice(f"Write {cut(instead, LONGEST)}.", instead))
        return True

    def call(self, node: tree.Call, scope: Scope) -> Kind:
        return self._call(node, node.name, scope)

    def _named(
        self, node: tree.Name, suffixes: list[tree.Suffix], scope: Scope
    ) -> tuple[Kind, list[tree.Suffix]]:
        """Resolve a name. What it and the suffixes that belong to it give, and the suffixes that are left to check."""
        local = None if node.is_absolute else scope.get(node.name)
        if local is not None:
            node.meaning = local
            return local.kind, suffixes
        direct = [*takewhile(lambda each: not tree.is_optional(each), suffixes)]
        names = _path(node, direct)
        if node.name in self.environment.variables:
            node.meaning = self._fact(names, absent=self._absent(names))
            if len(direct) < len(suffixes):
                node.shown = self._fact(_path(node, suffixes))
            return self.environment.variables[node.name], suffixes
        first = suffixes[0] if suffixes else None
        if type(first) is tree.Call and node.name in self._namespaces:
            return self._call(first, f"{node.name}.{first.name}", scope), suffixes[1:]
        if self.environment.is_open:
            # Only fields after a dot: x["y"] is no way to write the variable x.y.
            fields = takewhile(lambda each: type(each) is tree.Select, direct)
            node.meaning = self._fact(_path(node, [*fields]), is_declared=False)
            return ANY, suffixes
        if len(names) == len(suffixes) + 1 and ".".join(names) in TYPE_NAMES:
            node.meaning = TYPE_NAMES[".".join(names)]
            return TYPE, []
        if type(first) is tree.Call and node.name.lower() in _FOREIGN_NAMESPACES:
            self._unknown_function(first, f"{node.name}.{first.name}")
            return ANY, suffixes[1:]
        message = f"There is no variable {cut(node.name)}."
        advice = hints.for_name(node.name, self.environment.variables)
        if advice is None:
            self._unknown(
                message, suggestions.for_variable(node.name, self.environment.variables), node
            )
        else:
            self._advise(message, node, advice)
        return ANY, suffixes

    def _fact(
        self, names: tuple[str, ...], *, is_declared: bool = True, absent: Value = ABSENT
    ) -> Fact:
        known = (names, absent is ABSENT)
        if known not in self._facts:
            self._facts[known] = Fact(names, self._new_slot(), is_declared, absent)
        return self._facts[known]

    def _absent(self, names: tuple[str, ...]) -> Value:
        """What this path counts as where the facts lack its last name."""
        kind, absent = self.environment.variables[names[0]], ABSENT
        for name in names[1:]:
            absent = kind.absent
            kind = (kind.fields or {}).get(name) or kind.element or ANY
        return absent

    def _entry(self, container: Node, key: str | None) -> Fact | None:
        """The fact under this key of the container, if the container is a fact."""
        fact = tree.fact_of(container)
        if fact is None or key is None:
            return None
        return self._fact((*fact.names, key), is_declared=fact.is_declared)

    def _suffix(self, node: tree.Suffix, kind: Kind, scope: Scope) -> Kind:
        if isinstance(node, tree.Select | tree.Index):
            member = self._member(node, inside(kind), scope)
            if node.is_optional or kind.name == OPTIONAL.name:
                return optional_of(member)
            node.absent = kind.absent
            return member
        if (node.name, len(node.arguments)) in MACROS:
            return self._macro(node, kind, scope)
        return self._call(node, node.name, scope, [kind])

    def _member(self, node: tree.Select | tree.Index, kind: Kind, scope: Scope) -> Kind:
        if isinstance(node, tree.Select):
            return self._field(node, kind, node.field)
        key = self.check(node.key, scope)
        field = tree.text_of(node.key)
        if field is not None and fits(kind, MAP):
            return self._field(node, kind, field)
        return self._element(node, kind, key)

    def _field(self, node: tree.Select | tree.Index, kind: Kind, field: str) -> Kind:
        if not fits(kind, MAP):
            receiver = Operand(self.source[node.start : node.before], kind=kind)
            advice = self._use_meant(node, field, [receiver], "field")
            self._advise(f'{_capital(kind.words)} has no field "{cut(field)}".', node, advice)
            return ANY
        if kind.fields is None:
            return kind.element or ANY
        if field in kind.fields:
            return kind.fields[field]
        path = cut(self.source[node.start : node.before])
        message = f'{path} has no field "{cut(field)}".'
        meant = suggestions.for_field(field, path, kind.fields)
        if not meant:
            message = f"{message} It has {', '.join(kind.fields)}."
        self._unknown(message, meant, node)
        return ANY

    def _element(self, node: tree.Index, kind: Kind, key: Kind) -> Kind:
        if kind.name == "list":
            if not fits(key, NUMBER):
                self._complain(f"A list is indexed by position, not by {key.words}.", node.key)
        elif not fits(kind, MAP):
            self._complain(f"{_capital(kind.words)} has no elements.", node)
        return kind.element or ANY

    def _macro(self, node: tree.Call, kind: Kind, scope: Scope) -> Kind:
        macro = MACROS[node.name, len(node.arguments)]
        if macro.over_optional:
            return self._optional_macro(node, macro, kind, scope)
        is_list = kind.name == "list"
        if not fits(kind, LIST) and not fits(kind, MAP):
            message = f"{node.name} works on a list or a map, not on {kind.words}."
            self._complain(_with_hint(message, kind), node)
        element = (kind.element or ANY) if is_list else ANY
        # Of a map, what is bound to one name are the keys.
        kinds = [element]
        if macro.variables == 2:
            kinds = [NUMBER if is_list else ANY, kind.element or ANY]
        bound = [Local(self._new_slot(), each) for each in kinds]
        names = [self._bound_name(each, node) for each in node.arguments[: len(bound)]]
        if len(set(names)) < len(names):
            self._refuse(f"{node.name} needs two different names.", node)
        node.meaning = MacroCall(macro, bound)
        inner = {**scope, **dict(zip(names, bound, strict=True))}
        *tests, body = node.arguments[len(bound) :]
        for test in tests:
            self.expect(test, inner, BOOL, f"The condition of {node.name}")
        if macro.is_sort:
            made = self.check(body, inner)
            if not fits(made, SORTABLE):
                self._complain(f"sortBy sorts by {SORTABLE.words}, not by {made.words}.", body)
            return list_of(element) if is_list else LIST
        if macro.result == "bool" or macro.keeps_elements:
            self.expect(body, inner, BOOL, f"The condition of {node.name}")
            return BOOL if macro.result == "bool" else list_of(element) if is_list else LIST
        made = self.check(body, inner)
        if macro.result == "list":
            return list_of(made)
        if node.name == "transformMapEntry" and not fits(made, MAP):
            self._complain(f"{node.name} must give a map for each entry, not {made.words}.", body)
        return map_of(made) if node.name == "transformMap" else MAP

    def _optional_macro(self, node: tree.Call, macro: Macro, kind: Kind, scope: Scope) -> Kind:
        if not fits(kind, OPTIONAL):
            self._complain(f"{node.name} works on an optional value, not on {kind.words}.", node)
        bound = Local(self._new_slot(), inside(kind))
        node.meaning = MacroCall(macro, [bound])
        name, body = node.arguments
        made = self.check(body, {**scope, self._bound_name(name, node): bound})
        if node.name == "optMap":
            return optional_of(made)
        if not fits(made, OPTIONAL):
            self._complain(f"{node.name} must give an optional value, not {made.words}.", body)
        return made

    def _call(
        self, node: tree.Call, name: str, scope: Scope, receiver: Sequence[Kind] = ()
    ) -> Kind:
        if name == "has" and not receiver:
            return self._has(node, scope)
        if name == "cel.bind":
            return self._bind(node, scope)
        function = self.environment.functions.get(name)
        if function is None:
            # The arguments are not checked: those of a misspelled macro have no meaning of their own.
            self._unknown_function(node, name, receiver)
            return ANY
        known_errors = len(self.errors)
        kinds = [*receiver, *[self.check(each, scope) for each in node.arguments]]
        overloads = function.overloads(len(kinds), is_method=bool(receiver))
        if not overloads:
            if not self.environment.is_open:  # as for what is unknown
                del self.errors[known_errors:]
            written = " or ".join(each.text.partition(" ->")[0] for each in function.signatures)
            count = len(node.arguments)
            message = (
                f"{name} cannot be called with {count} argument{'s' * (count != 1)} like this."
            )
            if advice := self._function_meant(node, name, kinds, is_method=bool(receiver)):
                self._advise(message, node, advice)
            else:
                self._complain(f"{message} Write {written}.", node)
            return ANY
        node.meaning = FunctionCall(name, function, overloads)
        self.is_in_zone |= function.in_zone
        fitting = [each for each in overloads if _takes(each, kinds)]
        if not fitting:
            self._complain_of_arguments(node, name, kinds, overloads)
        elif name == "matches" and (pattern := tree.text_of(node.arguments[-1])) is not None:
            node.meaning = PatternCall(self._pattern(pattern, node.arguments[-1]))
        elif name == "get":
            container, key, _ = node.arguments
            node.meaning = GetCall(self._entry(container, tree.text_of(key)))
        if name == "value" and receiver:
            return inside(kinds[0])
        if name == "orValue" and receiver:
            return common([inside(kinds[0]), kinds[1]])
        return common([each.result_for(kinds) for each in fitting]) if fitting else ANY

    def _has(self, node: tree.Call, scope: Scope) -> Kind:
        row = node.arguments[0] if len(node.arguments) == 1 else None
        last = row.suffixes[-1] if isinstance(row, tree.Row) else node
        key = None if tree.is_optional(last) else tree.key_of(last)
        if not isinstance(row, tree.Row) or isinstance(last, tree.Call) or key is None:
            self._refuse("has needs a field, as in has(a.b).", node)
            return BOOL
        container = row.base
        if row.suffixes[1:]:
            container = tree.Row(row.start, last.before, row.base, row.suffixes[:-1])
        self._field(last, inside(self.check(container, scope)), key)
        node.meaning = HasCall(container, key, self._entry(container, key))
        return BOOL

    def _bind(self, node: tree.Call, scope: Scope) -> Kind:
        if len(node.arguments) != 3:
            self._refuse("cel.bind needs a name, its value and an expression.", node)
            return ANY
        name, value, expression = node.arguments
        bound = Local(self._new_slot(), self.check(value, scope), may_fail=True)
        node.meaning = BindCall(bound)
        return self.check(expression, {**scope, self._bound_name(name, node): bound})

    def _bound_name(self, node: Node, call: tree.Call) -> str:
        if type(node) is tree.Name and not node.is_absolute:
            return node.name
        example = f"items.{call.name}(x, …)" if call.name != "bind" else "cel.bind(x, …)"
        self._refuse(f"{call.name} needs a plain name first, as in {example}.", node)
        return ""

    def _pattern(self, pattern: str, node: Node) -> Any:
        """Compile the pattern. Returns the error if it does not compile."""
        self._pattern_characters += max(len(pattern), MAX_LENGTH // 10)
        try:
            if self._pattern_characters > 2 * MAX_LENGTH:
                raise EvaluationError("The regular expressions of one rule are too long together.")
            return compiled(pattern)
        except EvaluationError as error:
            self._complain(error.message, node)
            return error

    def _complain_of_arguments(
        self, node: tree.Call, name: str, kinds: Sequence[Kind], overloads: Sequence[Signature]
    ) -> None:
        is_method = len(kinds) > len(node.arguments)
        places = [(each.start, each.end) for each in node.arguments]
        if is_method:
            places.insert(0, (node.start, node.before))
        for index, (kind, (start, end)) in enumerate(zip(kinds, places, strict=True)):
            wanted = [each.parameter(index) for each in overloads]
            if not any(fits(kind, each) for each in wanted):
                actual = kind.words
                words = " or ".join(dict.fromkeys(each.words for each in wanted))
                if kind.name == LIST.name and all(each.element for each in wanted):
                    actual = in_plural(kind)
                    words = " or ".join(dict.fromkeys(in_plural(each) for each in wanted))
                message = f"{name} takes {words}, not {actual}."
                if is_method and index == 0:
                    message = f"{name} works on {words}, not on {actual}."
                advice = self._function_meant(node, name, kinds, is_method=is_method)
                if not self.environment.is_open:
                    if advice is not None and advice.instead is not None:
                        advice = replace(advice, start=node.start, end=node.end)
                    self._add(_with_hint(message, kind), start, end, advice)
                return
        self._complain(f"{name} does not take these arguments together.", node)

    def _unknown_function(self, node: tree.Call, name: str, receiver: Sequence[Kind] = ()) -> None:
        kinds = [*receiver, *[_literal_kind(each) for each in node.arguments]]
        advice = self._function_meant(node, name, kinds, is_method=bool(receiver))
        if advice is None and node.name in MACRO_NAMES:
            self._refuse(f"Write {node.name} as list.{node.name}(x, …).", node)
            return
        self._advise(f"There is no function {cut(name)}.", node, advice)

    def _function_meant(
        self, node: tree.Call, name: str, kinds: Sequence[Kind], *, is_method: bool
    ) -> Advice | None:
        if self.environment.is_open:
            return None
        nodes = node.arguments
        operands = [
            hints.operand(self.source, each, kind)
            for each, kind in zip(nodes, kinds[len(kinds) - len(nodes) :], strict=True)
        ]
        if is_method:
            operands.insert(0, Operand(self.source[node.start : node.before], kind=kinds[0]))
        return self._use_meant(node, name, operands, "method" if is_method else "call")

    def _use_meant(
        self, node: Node, name: str, operands: Sequence[Operand], style: str
    ) -> Advice | None:
        is_whole = self.source.strip() == self.source[node.start : node.end]
        use = Use(name, operands, style, is_whole)
        variables, functions = self.environment.variables, self.environment.functions
        return suggestions.for_function(use, variables, functions)

    def _unknown(self, message: str, meant: str, node: Node) -> None:
        self._advise(message, node, Advice(f"Did you mean {meant}?", meant) if meant else None)

    def _advise(self, message: str, node: Node, advice: Advice | None) -> None:
        if not self.environment.is_open:
            self._add(message, node.start, node.end, advice)

    def _complain(self, message: str, node: Node) -> None:
        self._complain_at(message, node.start, node.end)

    def _complain_at(self, message: str, start: int, end: int) -> None:
        if not self.environment.is_open:
            self._add(message, start, end)

    def _add_if_strict(
        self, message: str, start: int, end: int, advice: Advice | None = None
    ) -> None:
        """Complain about what only a rule that is being written is refused for."""
        if not self.environment.is_open and len(self.strict_errors) < MAX_ERRORS:
            self.strict_errors.append(advised(message, self.source, start, end, advice))

    def _refuse(self, message: str, node: Node) -> None:
        self._add(message, node.start, node.end)

    def _add(self, message: str, start: int, end: int, advice: Advice | None = None) -> None:
        self.errors.append(advised(message, self.source, start, end, advice))
        if len(self.errors) == MAX_ERRORS:
            raise _Enough

    def _new_slot(self) -> int:
        self.slots += 1
        return self.slots - 1


def _is_unwrapped(suffixes: Sequence[tree.Suffix]) -> bool:
    """Whether these suffixes make something of an optional value: fields, then `.?`, orValue() and the like."""
    for suffix in suffixes:
        if isinstance(suffix, tree.Call):
            return suffix.name in _UNWRAPPING
        if suffix.is_optional:
            return True
    return False


def _path(node: tree.Name, suffixes: Sequence[tree.Suffix]) -> tuple[str, ...]:
    """The name and those of the fields that follow it."""
    names = [node.name]
    for suffix in suffixes:
        key = tree.key_of(suffix)
        if key is None:
            break
        names.append(key)
    return tuple(names)


def _may_be_among(kind: Kind, element: Kind) -> bool:
    return fits(kind, element) or NULL in (kind, element)


def _literal_kind(node: Node) -> Kind:
    """What is known of the kind of an unchecked node."""
    if type(node) is tree.Literal:
        return _LITERALS[type(node.value)]
    return LIST if type(node) is tree.ListOf else ANY


def _takes(signature: Signature, kinds: Sequence[Kind]) -> bool:
    return all(fits(kind, signature.parameter(index)) for index, kind in enumerate(kinds))


def _with_hint(message: str, *kinds: Kind) -> str:
    """The complaint about these kinds, with how to unwrap an optional value."""
    return f"{message} {UNWRAP}" if any(kind.name == OPTIONAL.name for kind in kinds) else message


def _has_fraction(node: Node) -> bool:
    return type(node) is tree.Literal and type(node.value) is Decimal and not is_whole(node.value)


def _known(left: Kind, right: Kind) -> Kind:
    """The one that is to blame, where the other may be anything."""
    return right if left is ANY else left


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


_CHECK: Final[dict[type[Node], Callable[[Checker, Any, Scope], Kind]]] = {
    tree.Literal: Checker.literal,
    tree.ListOf: Checker.list_of,
    tree.Maybe: Checker.maybe,
    tree.MapOf: Checker.map_of,
    tree.Prefixed: Checker.prefixed,
    tree.Chain: Checker.chain,
    tree.Logic: Checker.logic,
    tree.Conditional: Checker.conditional,
    tree.Name: Checker.name,
    tree.Row: Checker.row,
    tree.Call: Checker.call,
}
