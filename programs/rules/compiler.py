"""Tree to closures. A closure takes the facts and the run, and gives a value or raises EvaluationError.

Facts are read as late as possible: a path, or a variable that a macro bound to a part of the facts, stays raw while
only its fields are taken, and is settled where its value is wanted.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from programs.rules import calls, operators, shortcuts, tree
from programs.rules.arithmetic import INT_MAX, whole
from programs.rules.budget import ABSORBED, CALL_NODES, CONTAINER, FIRST_SLOT, STEP, Run, charge
from programs.rules.errors import (
    BudgetExceeded,
    EvaluationError,
    MissingField,
    RuleSyntaxError,
    cut,
    located,
)
from programs.rules.facts import settle
from programs.rules.functions import FUNCTIONS
from programs.rules.functions.patterns import MAX_LENGTH, compiled
from programs.rules.macros import MACRO_NAMES, MACROS, Loop, Step
from programs.rules.paths import (
    Closure,
    Facts,
    field_of,
    raw_reader,
    raw_reader_of_any,
    settled_reader,
    settling,
    spelled,
)
from programs.rules.tree import Node
from programs.rules.values import (
    NUMBERS,
    TYPE_NAMES,
    Value,
    as_key,
    in_words,
    is_absent,
    lookup,
)


@dataclass(frozen=True, slots=True)
class Local:
    """A variable that a macro binds. A raw one holds a part of the facts as they are."""

    slot: int
    is_raw: bool
    may_fail: bool = False  # the slot may hold the error that came instead of a value


Scope = dict[str, Local]


class Compiler:
    """Compiles one source. Afterwards `slots` is how many places a run needs, `reads` the paths that were compiled.

    `variables` are the names that facts have; None where nothing is known of them: then numbers in facts stay as they
    are, and what would be a compile error is an error of the evaluation, which && and || may absorb.
    """

    def __init__(self, source: str, variables: Collection[str] | None) -> None:
        self.source = source
        self.variables = variables
        self.all_decimal = variables is not None
        self.slots = FIRST_SLOT
        self.nodes = 0
        self.reads: dict[str, Closure] = {}
        self._path_slots: dict[str, int] = {}
        self._pattern_characters = 0

    def compile(self, node: Node, scope: Scope) -> Closure:
        self.nodes += 1
        compile_node: Callable[[Compiler, Node, Scope], Closure] = _COMPILE[type(node)]
        return compile_node(self, node, scope)

    def literal(self, node: tree.Literal, scope: Scope) -> Closure:
        value = node.value
        if type(value) is int and value > INT_MAX:
            message = "The whole number is too large; write it with .0 for a decimal."
            raise self._wrong(message, node)
        return lambda facts, run: value

    def list_of(self, node: tree.ListOf, scope: Scope) -> Closure:
        elements = [self.compile(element, scope) for element in node.elements]
        units = CONTAINER + len(elements) // 4
        if all(type(element) is tree.Literal for element in node.elements):
            constant = [element({}, []) for element in elements]

            def copy(facts: Facts, run: Run) -> Value:
                charge(run, units)
                return constant.copy()

            return copy

        def make(facts: Facts, run: Run) -> Value:
            charge(run, units)
            return [element(facts, run) for element in elements]

        return make

    def map_of(self, node: tree.MapOf, scope: Scope) -> Closure:
        entries = [
            (self.compile(key, scope), self.compile(value, scope)) for key, value in node.entries
        ]
        units = 2 * CONTAINER + 2 * len(entries)

        def make(facts: Facts, run: Run) -> Value:
            charge(run, units)
            made: dict[Any, Value] = {}
            for key, value in entries:
                place = as_key(key(facts, run), run)
                if place in made:
                    raise EvaluationError("A key stands twice in a map.")
                made[place] = value(facts, run)
            return made

        return make

    def prefixed(self, node: tree.Prefixed, scope: Scope) -> Closure:
        operand = self.compile(node.operand, scope)
        apply = operators.negated if node.operator == "!" else operators.minus
        return apply(operand, node.times)

    def chain(self, node: tree.Chain, scope: Scope) -> Closure:
        first = self.compile(node.first, scope)
        rest = [(sign, self.compile(right, scope)) for sign, right in node.rest]
        if len(rest) > 1:
            return operators.chain(first, rest)
        ((sign, right),) = rest
        second = node.rest[0][1]
        usual = operators.binary(sign, first, right)
        if type(second) is tree.Literal:
            usual = operators.with_constant(sign, first, second.value) or usual
            return self._shortcut(node.first, sign, second.value, scope, usual)
        if sign == "in" and type(node.first) is tree.Literal and type(node.first.value) is str:
            names = self._fact_path(second, scope)
            return shortcuts.text_in(node.first.value, names, usual) if names else usual
        return usual

    def _shortcut(
        self, path: Node, sign: str, constant: Value, scope: Scope, usual: Closure
    ) -> Closure:
        names = self._fact_path(path, scope)
        if names and sign == "==" and type(constant) is str:
            return shortcuts.text_is(names, constant, usual)
        if names and sign in shortcuts.ORDERS and type(constant) in NUMBERS:
            return shortcuts.number_is(names, sign, constant, usual)
        return usual

    def _fact_path(self, node: Node, scope: Scope) -> list[str] | None:
        """The names of a path into the facts, if the node is one and nothing else."""
        base, suffixes = tree.unrolled(node)
        if type(base) is not tree.Name or self.variables is None or base.name not in self.variables:
            return None
        if base.name in scope and not base.is_absolute:
            return None
        names, rest = self._path(base, suffixes)
        return None if rest else names

    def all_of(self, node: tree.AllOf, scope: Scope) -> Closure:
        return operators.all_of([self.compile(part, scope) for part in node.parts])

    def any_of(self, node: tree.AnyOf, scope: Scope) -> Closure:
        return operators.any_of([self.compile(part, scope) for part in node.parts])

    def conditional(self, node: tree.Conditional, scope: Scope) -> Closure:
        cases = [
            (self.compile(test, scope), self.compile(value, scope)) for test, value in node.cases
        ]
        return operators.conditional(cases, self.compile(node.otherwise, scope))

    def member(self, node: Node, scope: Scope) -> Closure:
        """A name or a call, and what follows it: `a.b`, `a[0]`, `a.f(x)`, in rows of any length."""
        closure, is_raw = self._raw(node, scope, wants_value=True)
        return settling(closure, self.all_decimal) if is_raw else closure

    def _raw(self, node: Node, scope: Scope, *, wants_value: bool = False) -> tuple[Closure, bool]:
        """The closure of the node, and whether what it gives is still as the facts have it."""
        base, suffixes = tree.unrolled(node)
        is_raw = False
        if type(base) is tree.Name:
            local = None if base.is_absolute else scope.get(base.name)
            if local is not None:
                closure, is_raw = _read_local(local), local.is_raw
            elif (first := _namespaced(base, suffixes)) is not None:
                closure = self._call(first, f"{base.name}.{first.name}", first.arguments, scope)
                suffixes = suffixes[1:]
            else:
                names, suffixes = self._path(base, suffixes)
                closure, is_raw = self._variable(names, wants_value=wants_value and not suffixes)
        elif type(base) is tree.Call:
            closure = self._call(base, base.name, base.arguments, scope)
        else:
            closure = self.compile(base, scope)
        steps: list[Step] = []
        for suffix in suffixes:
            self.nodes += 1
            step, is_raw = self._step(suffix, scope, is_raw)
            steps.append(step)
        return _stepping(closure, steps), is_raw

    def _path(self, base: tree.Name, suffixes: list[Node]) -> tuple[list[str], list[Node]]:
        """The names that are read at once, and what follows them."""
        names = [base.name]
        for suffix in suffixes:
            if type(suffix) is tree.Select:
                names.append(suffix.field)
            # Where any name may be bound, x["y"] is no way to write the variable x.y.
            elif self.variables is not None and (key := _text_key(suffix)) is not None:
                names.append(key)
            else:
                break
        return names, suffixes[len(names) - 1 :]

    def _variable(self, names: list[str], *, wants_value: bool) -> tuple[Closure, bool]:
        text = spelled(tuple(names))
        if self.variables is None:
            read = raw_reader_of_any(names)
            self.reads[text] = settling(read, False)
            return read, True
        if names[0] not in self.variables:
            constant = TYPE_NAMES[".".join(names)]  # the checker knows no other names
            return lambda facts, run: constant, False
        slot = self._path_slots.setdefault(text, self.slots)
        if slot == self.slots:
            self.slots += 1
        settled = self.reads.setdefault(text, settled_reader(names, slot))
        return (settled, False) if wants_value else (raw_reader(names), True)

    def _step(self, node: Node, scope: Scope, is_raw: bool) -> tuple[Step, bool]:
        """What a suffix does to the value before it, and whether that leaves the value raw."""
        if type(node) is tree.Select:
            return _select(node.field, self._text(node)), is_raw
        if type(node) is tree.Index:
            return self._index(node, scope, is_raw), is_raw
        assert type(node) is tree.Call
        macro = MACROS.get((node.name, len(node.arguments)))
        if macro is not None:
            step = self._macro(node, scope, is_raw)
            return step, is_raw and macro.keeps_elements
        if node.name in MACRO_NAMES and node.name not in FUNCTIONS:
            raise self._wrong(f"{node.name} is written like list.{node.name}(x, …).", node)
        step = self._method(node, scope)
        return (self._settled_first(step) if is_raw else step), False

    def _settled_first(self, step: Step) -> Step:
        all_decimal = self.all_decimal

        def settle_and_go_on(value: Value, facts: Facts, run: Run) -> Value:
            return step(settle(value, run, all_decimal), facts, run)

        return settle_and_go_on

    def _index(self, node: tree.Index, scope: Scope, is_raw: bool) -> Step:
        key = self.compile(node.key, scope)
        text = self._text(node)
        all_decimal = self.all_decimal

        def take(value: Value, facts: Facts, run: Run) -> Value:
            place = key(facts, run)
            if type(value) is list:
                return _element(value, place, text)
            if type(value) is not dict:
                raise EvaluationError(f"{text}: {in_words(value)} has no elements.")
            if is_raw and type(place) is not str:
                value = settle(value, run, all_decimal)
            found = lookup(value, place, run)
            if is_absent(found):
                raise MissingField(f"{text} is missing.")
            return found

        return take

    def _macro(self, node: tree.Call, scope: Scope, is_raw: bool) -> Step:
        macro = MACROS[node.name, len(node.arguments)]
        names = [self._bound(each, node) for each in node.arguments[: macro.variables]]
        if len(set(names)) < len(names):
            raise self._wrong(f"{node.name} needs two names that differ.", node)
        slots = [self._new_slot() for _ in names]
        # Of two variables the first is a position or a key, which is no part of the facts.
        inner = dict(scope)
        for place, (name, slot) in enumerate(zip(names, slots, strict=True), 1):
            inner[name] = Local(slot, is_raw and place == len(names))
        before = self.nodes
        closures = [self.compile(each, inner) for each in node.arguments[macro.variables :]]
        test = closures[0] if len(closures) == 2 else None
        cost = STEP * (self.nodes - before) + STEP
        return macro.make(Loop(node.name, slots, cost, closures[-1], test))

    def _method(self, node: tree.Call, scope: Scope) -> Step:
        self.nodes += CALL_NODES
        arguments = [self.compile(each, scope) for each in node.arguments]
        if node.name == "matches" and len(arguments) == 1:
            pattern = node.arguments[0]
            if type(pattern) is tree.Literal and type(pattern.value) is str:
                return calls.matching(self._pattern(pattern))
        return calls.method(node.name, arguments)

    def _call(self, node: tree.Call, name: str, given: list[Node], scope: Scope) -> Closure:
        self.nodes += CALL_NODES
        if name == "has":
            return self._has(node, scope)
        if name == "cel.bind":
            return self._bind(node, scope)
        if name == "get" and len(given) == 3:
            return self._get(node, scope)
        if name == "size" and len(given) == 1:
            # Its value is not wanted, only how large it is.
            return calls.function(name, [self._raw(given[0], scope)[0]])
        arguments = [self.compile(each, scope) for each in given]
        if name == "round" and len(given) == 2 and type(digits := given[1]) is tree.Literal:
            short = calls.rounding(arguments[0], digits.value)
            if short is not None:
                return short
        if name == "matches" and len(given) == 2:
            pattern = given[1]
            if type(pattern) is tree.Literal and type(pattern.value) is str:
                match = calls.matching(self._pattern(pattern))
                return _stepping(arguments[0], [match])
        return calls.function(name, arguments)

    def _has(self, node: tree.Call, scope: Scope) -> Closure:
        field = node.arguments[0] if len(node.arguments) == 1 else node
        key = field.field if type(field) is tree.Select else _text_key(field)
        if key is None:
            raise self._wrong("has takes a field, as in has(event.coupon).", node)
        assert type(field) is tree.Select or type(field) is tree.Index
        closure, _ = self._raw_container(field, scope)
        text = self._text(field.operand)

        def is_there(facts: Facts, run: Run) -> bool:
            value = closure(facts, run)
            if type(value) is dict:
                return key in value
            raise EvaluationError(f'{text}: {in_words(value)} has no field "{cut(key)}".')

        return is_there

    def _get(self, node: tree.Call, scope: Scope) -> Closure:
        container_node, key_node, default_node = node.arguments
        field = tree.Index(node.start, node.end, container_node, key_node)
        container, is_raw = self._raw_container(field, scope)
        key, default = self.compile(key_node, scope), self.compile(default_node, scope)
        all_decimal = self.all_decimal

        def get(facts: Facts, run: Run) -> Value:
            value = container(facts, run)
            place = key(facts, run)
            if type(value) is not dict:
                raise EvaluationError(f"get takes a map, not {in_words(value)}.")
            if is_raw and type(place) is not str:
                value = settle(value, run, all_decimal)
            found = lookup(value, place, run)
            if is_absent(found):
                return default(facts, run)
            return settle(found, run, all_decimal) if is_raw else found

        return get

    def _raw_container(self, field: tree.Select | tree.Index, scope: Scope) -> tuple[Closure, bool]:
        """The closure of what has the field. What is told of it is the field, not all that is beside it."""
        before = self.reads
        self.reads = {}
        closure, is_raw = self._raw(field.operand, scope)
        inner = self.reads
        self.reads = before
        base, suffixes = tree.unrolled(field)
        if type(base) is tree.Name and (base.is_absolute or base.name not in scope):
            names, rest = self._path(base, suffixes)
            if not rest:
                self._variable(names, wants_value=True)
                return closure, is_raw
        before.update(inner)
        return closure, is_raw

    def _bind(self, node: tree.Call, scope: Scope) -> Closure:
        if len(node.arguments) != 3:
            raise self._wrong("cel.bind takes a name, its value and an expression.", node)
        name = self._bound(node.arguments[0], node)
        bound, is_raw = self._raw(node.arguments[1], scope)
        slot = self._new_slot()
        inner = {**scope, name: Local(slot, is_raw, may_fail=True)}
        body = self.compile(node.arguments[2], inner)

        def bind(facts: Facts, run: Run) -> Value:
            try:
                run[slot] = bound(facts, run)
            except BudgetExceeded:
                raise
            except EvaluationError as error:
                # Whether that matters is for the body to decide: it may not need the name.
                charge(run, ABSORBED)
                run[slot] = error
            return body(facts, run)

        return bind

    def _bound(self, node: Node, call: tree.Call) -> str:
        if type(node) is tree.Name and not node.is_absolute:
            return node.name
        raise self._wrong(f"{call.name} binds a plain name, as in items.{call.name}(x, …).", node)

    def _pattern(self, node: tree.Literal) -> Any:
        """The compiled pattern; where nothing is checked, an error in it is the evaluation's."""
        assert type(node.value) is str
        self._pattern_characters += max(len(node.value), MAX_LENGTH // 10)
        try:
            if self._pattern_characters > 2 * MAX_LENGTH:
                raise EvaluationError("The patterns of one rule are too long together.")
            return compiled(node.value)
        except EvaluationError as error:
            if self.variables is None:
                return error
            raise self._wrong(error.message, node) from None

    def _new_slot(self) -> int:
        self.slots += 1
        return self.slots - 1

    def _text(self, node: Node) -> str:
        return cut(self.source[node.start : node.end])

    def _wrong(self, message: str, node: Node) -> RuleSyntaxError:
        return located(message, self.source, node.start, node.end)


def _namespaced(base: tree.Name, suffixes: list[Node]) -> tree.Call | None:
    """The call of a function whose name has a dot, such as math.abs."""
    first = suffixes[0] if suffixes else None
    if type(first) is tree.Call:
        name = f"{base.name}.{first.name}"
        if name in FUNCTIONS or name == "cel.bind":
            return first
    return None


def _text_key(node: Node) -> str | None:
    if type(node) is tree.Index and type(node.key) is tree.Literal and type(node.key.value) is str:
        return node.key.value
    return None


def _read_local(local: Local) -> Closure:
    slot = local.slot
    if not local.may_fail:
        return lambda facts, run: run[slot]

    def read(facts: Facts, run: Run) -> Value:
        value = run[slot]
        if isinstance(value, EvaluationError):
            raise type(value)(value.message)
        return value

    return read


def _select(field: str, text: str) -> Step:
    return lambda value, facts, run: field_of(value, field, text)


def _element(elements: list[Value], place: Value, text: str) -> Value:
    if type(place) not in NUMBERS:
        raise EvaluationError(f"{text}: a list has positions, not {in_words(place)}.")
    index = whole(place)
    if 0 <= index < len(elements):
        return elements[index]
    raise MissingField(f"{text} is missing: the list has {len(elements):,} elements.")


def _stepping(closure: Closure, steps: list[Step]) -> Closure:
    """The value of `closure`, taken through the steps; a row of thousands takes no more of Python's stack than one."""
    if not steps:
        return closure
    if len(steps) == 1:
        (only,) = steps
        return lambda facts, run: only(closure(facts, run), facts, run)

    def go(facts: Facts, run: Run) -> Value:
        value = closure(facts, run)
        for step in steps:
            value = step(value, facts, run)
        return value

    return go


_COMPILE: Final[dict[type[Node], Any]] = {
    tree.Literal: Compiler.literal,
    tree.ListOf: Compiler.list_of,
    tree.MapOf: Compiler.map_of,
    tree.Prefixed: Compiler.prefixed,
    tree.Chain: Compiler.chain,
    tree.AllOf: Compiler.all_of,
    tree.AnyOf: Compiler.any_of,
    tree.Conditional: Compiler.conditional,
    tree.Name: Compiler.member,
    tree.Select: Compiler.member,
    tree.Index: Compiler.member,
    tree.Call: Compiler.member,
}
