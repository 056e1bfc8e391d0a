"""Checked tree to closures. A closure takes the facts and the run, and gives a value or raises EvaluationError.

Facts are read as late as possible: a path, or a variable that a macro bound to a part of the facts, stays raw while
only its fields are taken, and is settled where its value is wanted.
"""

from collections.abc import Sequence
from typing import Any, Final

from programs.rules import calls, operators, shortcuts, tree
from programs.rules.budget import ABSORBED, CALL_NODES, CONTAINER, STEP, Run, charge
from programs.rules.errors import (
    BudgetExceeded,
    EvaluationError,
    MissingField,
    NullOperand,
    cut,
    null_error,
    unfit,
)
from programs.rules.facts import settle
from programs.rules.macros import Loop
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
from programs.rules.paths import (
    element_of,
    field_of,
    optional_element,
    optional_field,
    raw_reader,
    settled_reader,
    settling,
    spelled,
)
from programs.rules.reasons import Receiver, Watched, to_watch
from programs.rules.tree import Node
from programs.rules.values import (
    ABSENT,
    Closure,
    Facts,
    Optional,
    Step,
    Value,
    as_key,
    in_words,
    is_absent,
    lookup,
)

_WITH_KEYS: Final = frozenset([dict, Optional])


class Compiler:
    """Compiles one checked source. `reads` collects the paths that were compiled, by their text.

    Without `has_shortcuts` every node takes its plain form.
    """

    def __init__(self, source: str, *, has_shortcuts: bool) -> None:
        self.source = source
        self.has_shortcuts = has_shortcuts
        self.nodes = 0
        self.reads: dict[str, Closure] = {}
        self.watched: dict[int, Watched | None] = {}  # by the ids of nodes
        self.receivers: dict[int, Receiver] = {}
        self._local_reads = 0
        self._loop: Loop | None = None  # of the macro that was compiled last

    def watch(self, node: Node) -> Closure:
        """Compile a condition, keeping in `watched` and `receivers` what reasons may show of it."""
        self.reads = {}
        self.watched = dict.fromkeys(to_watch(node))
        return self.compile(node)

    def compile(self, node: Node) -> Closure:
        self.nodes += 1
        if id(node) not in self.watched:
            return self._compiled(node)
        outer, self.reads = self.reads, {}
        before = self._local_reads
        closure = self._compiled(node)
        self.watched[id(node)] = Watched(closure, self.reads, self._local_reads > before)
        self.reads = {**outer, **self.reads}
        return closure

    def _compiled(self, node: Node) -> Closure:
        if self.has_shortcuts and (shortcut := shortcuts.closure_of(node, self)) is not None:
            return shortcut
        closure: Closure = _COMPILE[type(node)](self, node)
        return closure

    def literal(self, node: tree.Literal) -> Closure:
        value = node.value
        return lambda facts, run: value

    def list_of(self, node: tree.ListOf) -> Closure:
        if any(type(element) is tree.Maybe for element in node.elements):
            return self._list_of_some(node)
        elements = [self.compile(element) for element in node.elements]
        units = CONTAINER + len(elements) // 4

        def make(facts: Facts, run: Run) -> Value:
            charge(run, units)
            return [element(facts, run) for element in elements]

        return make

    def _list_of_some(self, node: tree.ListOf) -> Closure:
        """A list with elements that are left out where their optional value has none."""
        elements = [self._element(element) for element in node.elements]
        units = CONTAINER + len(elements) // 4

        def make(facts: Facts, run: Run) -> Value:
            charge(run, units)
            made = [element(facts, run) for element in elements]
            return [value for value in made if value is not ABSENT]

        return make

    def _element(self, node: Node) -> Closure:
        """An element of a list or the value of an entry. ABSENT where that is left out."""
        if type(node) is not tree.Maybe:
            return self.compile(node)
        operand, text = self.with_text(node.operand)

        def unwrap(facts: Facts, run: Run) -> Value:
            optional = operand(facts, run)
            if type(optional) is Optional:
                return optional.value
            message = f"? takes an optional value, not {in_words(optional)}."
            raise unfit(message, optional, text)

        return unwrap

    def map_of(self, node: tree.MapOf) -> Closure:
        entries = [(*self.with_text(key), self._element(value)) for key, value in node.entries]
        units = 2 * CONTAINER + 2 * len(entries)

        def make(facts: Facts, run: Run) -> Value:
            charge(run, units)
            made: dict[Any, Value] = {}
            for key, text, value in entries:
                if (written := key(facts, run)) is None:
                    raise null_error(text)
                place = as_key(written, run)
                if place in made:
                    raise EvaluationError("A map has the same key twice.")
                if (part := value(facts, run)) is not ABSENT:
                    made[place] = part
            return made

        return make

    def prefixed(self, node: tree.Prefixed) -> Closure:
        operand, text = self.with_text(node.operand)
        apply = operators.negated if node.operator == "!" else operators.minus
        return apply(operand, node.times, text)

    def chain(self, node: tree.Chain) -> Closure:
        first = self.compile(node.first)
        texts = self.operand_texts(node)
        rights = [(sign, self.compile(right)) for sign, right in node.rest]
        return operators.chain(
            first, [(*each, text) for each, text in zip(rights, texts, strict=True)]
        )

    def operand_texts(self, node: tree.Chain) -> list[tuple[str, str]]:
        """The sources of both operands of each operator."""
        lefts = [node.first, *(right for _, right in node.rest)]
        return [
            (cut(self.source[node.start : left.end]), self._text(right))
            for left, (_, right) in zip(lefts, node.rest, strict=False)
        ]

    def logic(self, node: tree.Logic) -> Closure:
        return operators.logic(node.sign, [self.with_text(part) for part in node.parts])

    def conditional(self, node: tree.Conditional) -> Closure:
        cases = [
            (self.compile(test), self.compile(value), self._text(test))
            for test, value in node.cases
        ]
        return operators.conditional(cases, self.compile(node.otherwise))

    def member(self, node: Node) -> Closure:
        """Compile a name or a call and what follows it: `a.b`, `a[0]`, `a.f(x)`, in rows of any length."""
        fact = tree.fact_of(node)
        if fact is not None:
            return self.read(fact)
        closure, is_raw = self._raw(node)
        return settling(closure) if is_raw else closure

    def read(self, fact: Fact) -> Closure:
        """The closure that reads the fact as a value. Records the read for the reasons of decisions."""
        reader = settled_reader(raw_reader(fact), fact.slot)
        return self.reads.setdefault(spelled(fact.names), reader)

    def _raw(self, node: Node) -> tuple[Closure, bool]:
        """The closure of the node, and whether what it gives is still as the facts have it."""
        base, suffixes = (node.base, node.suffixes) if type(node) is tree.Row else (node, [])
        is_raw = False
        if type(base) is tree.Name:
            meaning = base.meaning
            if type(meaning) is Local:
                self._local_reads += 1
                closure, is_raw = _read_local(meaning), meaning.is_raw
            elif type(meaning) is Fact:
                self.read(base.shown or meaning)
                shortcut = shortcuts.raw_reader(meaning) if self.has_shortcuts else None
                closure, is_raw = shortcut or raw_reader(meaning), True
                suffixes = suffixes[len(meaning.names) - 1 :]
            elif meaning is None:
                call, *suffixes = suffixes
                assert type(call) is tree.Call
                closure = self.call(call)
            else:
                return lambda facts, run: meaning, False
        elif type(base) is tree.Call:
            closure = self.call(base)
        else:
            closure = self.compile(base)
        steps: list[Step] = []
        for suffix in suffixes:
            self.nodes += 1
            step, is_raw = self._step(suffix, is_raw)
            steps.append(step)
        if steps and id(node) in self.watched:
            self.receivers[id(node)] = Receiver(_stepping(closure, steps[:-1]), self._loop)
        return _stepping(closure, steps), is_raw

    def _step(self, node: tree.Suffix, is_raw: bool) -> tuple[Step, bool]:
        """What a suffix does to the value before it, and whether that leaves the value raw."""
        if type(node) is tree.Select:
            return self._select(node), is_raw
        if type(node) is tree.Index:
            return self._index(node, is_raw), is_raw
        assert type(node) is tree.Call
        if type(node.meaning) is MacroCall:
            return self._macro(
                node, node.meaning, is_raw
            ), is_raw and node.meaning.macro.keeps_elements
        self.nodes += CALL_NODES
        step = self._method(node)
        return (self._settled_first(step) if is_raw else step), False

    def _select(self, node: tree.Select) -> Step:
        field, text, before = node.field, self._text(node), self._before(node)
        counts = node.absent is not ABSENT
        take = optional_field if node.is_optional or counts else field_of

        def take_named(value: Value, facts: Facts, run: Run) -> Value:
            try:
                return take(value, field, text)
            except NullOperand:
                raise null_error(before) from None

        return _counting(take_named, node.absent) if counts else take_named

    def _settled_first(self, step: Step) -> Step:
        def settle_and_go_on(value: Value, facts: Facts, run: Run) -> Value:
            return step(settle(value, run), facts, run)

        return settle_and_go_on

    def _index(self, node: tree.Index, is_raw: bool) -> Step:
        key = self.compile(node.key)
        text = self._text(node)
        texts = (self._before(node), self._text(node.key))
        counts = node.absent is not ABSENT
        element = optional_element if node.is_optional or counts else element_of

        def take(value: Value, facts: Facts, run: Run) -> Value:
            place = key(facts, run)
            if is_raw and type(place) is not str and type(value) in _WITH_KEYS:
                value = settle(value, run)
            try:
                return element(value, place, run, text)
            except NullOperand as null:
                raise null.named(texts) from None

        return _counting(take, node.absent) if counts else take

    def _macro(self, node: tree.Call, meaning: MacroCall, is_raw: bool) -> Step:
        # Of two variables the first is a position or a key, which is no part of the facts.
        meaning.bound[-1].is_raw = is_raw
        before = self.nodes
        *tests, (body, body_text) = map(self.with_text, node.arguments[len(meaning.bound) :])
        test, test_text = tests[0] if tests else (None, "")
        self._loop = Loop(
            name=node.name,
            slots=[local.slot for local in meaning.bound],
            cost=STEP * (self.nodes - before) + STEP,
            body=body,
            test=test,
            text=self._before(node),
            body_text=body_text,
            test_text=test_text,
        )
        return meaning.macro.make(self._loop)

    def _method(self, node: tree.Call) -> Step:
        text = self._before(node)
        if type(node.meaning) is PatternCall:
            return calls.matching(node.meaning.pattern, text)
        if type(node.meaning) is FunctionCall:
            arguments = [self.with_text(each) for each in node.arguments]
            if node.meaning.name in ("or", "orValue"):
                return calls.optional_or(node.meaning, arguments[0], text)
            return calls.method(node.meaning, arguments, text)
        failing = calls.unknown(node.name, len(node.arguments))
        return lambda value, facts, run: failing(facts, run)

    def call(self, node: tree.Call) -> Closure:
        self.nodes += CALL_NODES
        meaning = node.meaning
        if type(meaning) is FunctionCall:
            if meaning.name == "size":
                # Its value is not wanted, only how large it is.
                [measured] = node.arguments
                return calls.function(meaning, [(self._raw(measured)[0], self._text(measured))])
            return calls.function(meaning, [self.with_text(each) for each in node.arguments])
        if type(meaning) is HasCall:
            return self._has(meaning)
        if type(meaning) is GetCall:
            return self._get(node, meaning)
        if type(meaning) is BindCall:
            return self._bind(node, meaning)
        if type(meaning) is PatternCall:
            value, text = self.with_text(node.arguments[0])
            return _stepping(value, [calls.matching(meaning.pattern, text)])
        return calls.unknown(node.name, len(node.arguments))

    def _has(self, meaning: HasCall) -> Closure:
        closure, _ = self._container(meaning.container, meaning.fact)
        key, text = meaning.key, self._text(meaning.container)

        def is_there(facts: Facts, run: Run) -> bool:
            value = closure(facts, run)
            if type(value) is Optional:
                value = value.value if value.has_value else None
            if value is None:
                return False
            if type(value) is dict:
                return key in value
            raise unfit(f'{text}: {in_words(value)} has no field "{cut(key)}".', value, text)

        return is_there

    def _get(self, node: tree.Call, meaning: GetCall) -> Closure:
        container, is_raw = self._container(node.arguments[0], meaning.fact)
        (key, key_text), (default, _) = map(self.with_text, node.arguments[1:])

        def get(facts: Facts, run: Run) -> Value:
            value = container(facts, run)
            place = key(facts, run)
            if place is None:
                raise null_error(key_text)
            if value is None:
                return default(facts, run)
            if type(value) is not dict:
                raise EvaluationError(f"get takes a map, not {in_words(value)}.")
            if is_raw and type(place) is not str:
                value = settle(value, run)
            found = lookup(value, place, run)
            if found is None or is_absent(found):
                return default(facts, run)
            return settle(found, run) if is_raw else found

        return get

    def _container(self, node: Node, fact: Fact | None) -> tuple[Closure, bool]:
        """Compile what has a field. The reasons tell that field, where it is a fact, and not all that is beside it."""
        if fact is None:
            return self._raw(node)
        before, self.reads = self.reads, {}
        compiled = self._raw(node)
        self.reads = before
        self.read(fact)
        return compiled

    def _bind(self, node: tree.Call, meaning: BindCall) -> Closure:
        bound, meaning.bound.is_raw = self._raw(node.arguments[1])
        slot = meaning.bound.slot
        body = self.compile(node.arguments[2])

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

    def with_text(self, node: Node) -> tuple[Closure, str]:
        """The closure of a node and its source, by which errors name it."""
        return self.compile(node), self._text(node)

    def _before(self, suffix: tree.Suffix) -> str:
        """The source of what a suffix follows."""
        return cut(self.source[suffix.start : suffix.before])

    def _text(self, node: Node) -> str:
        return cut(self.source[node.start : node.end])


def _read_local(local: Local) -> Closure:
    slot = local.slot
    if not local.may_fail:
        return lambda facts, run: run[slot]

    def read(facts: Facts, run: Run) -> Value:
        value = run[slot]
        if isinstance(value, MissingField):
            raise MissingField(value.message, value.discreet)
        if isinstance(value, EvaluationError):
            raise EvaluationError(value.message, value.discreet)
        return value

    return read


def _counting(step: Step, absent: Value) -> Step:
    """The step to an optional member, with what counts where the map does not have it."""

    def take(value: Value, facts: Facts, run: Run) -> Value:
        member = step(value, facts, run)
        return member.value if member.has_value else absent

    return take


def _stepping(closure: Closure, steps: Sequence[Step]) -> Closure:
    """The value of `closure`, taken through the steps; a row of thousands takes no more of Python's stack than one."""
    if not steps:
        return closure

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
    tree.Logic: Compiler.logic,
    tree.Conditional: Compiler.conditional,
    tree.Name: Compiler.member,
    tree.Row: Compiler.member,
    tree.Call: Compiler.member,
}
