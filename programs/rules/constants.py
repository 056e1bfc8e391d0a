"""What can never work: calls and operations on what is written out, evaluated where the expression is compiled."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from programs.rules import calls, operators, paths, tree
from programs.rules.arithmetic import whole
from programs.rules.budget import LEFT, UNITS, Run, new_run
from programs.rules.errors import BudgetExceeded, EvaluationError, cut
from programs.rules.meanings import BindCall, Fact, FunctionCall, HasCall, MacroCall
from programs.rules.tree import Node
from programs.rules.values import Closure, TypeName, Value, as_key

_VARIES: Final[Any] = object()  # for what depends on facts, or is wrong and has been reported

# For an operand that varies beside others that do not: what any value of this kind shows to be wrong with those.
_SAMPLES: Final = {"number": Decimal(1), "timestamp": datetime(2000, 1, 1, tzinfo=UTC)}
_LAZY: Final = frozenset(["or", "orValue"])  # their argument may never be needed


class Wrong(NamedTuple):
    """An error that every evaluation of `source[start:end]` ends in."""

    message: str
    start: int
    end: int


def wrong(node: Node, source: str) -> Sequence[Wrong]:
    """What can have no value in a checked expression, whatever the facts are: `int("x")`, `duration("60x")`, `event.a / 0`.

    In branches that are never reached too, `true || 1 / 0 > 1`: CEL absorbs such an error, but whoever wrote it made a
    mistake. All of it together takes no more than the budget of one evaluation; what is beyond is left to that.
    """
    evaluator = _Evaluator(source)
    evaluator.value(node)
    return evaluator.wrong


class _Evaluator:
    def __init__(self, source: str) -> None:
        self.source = source
        self.wrong: list[Wrong] = []
        self._left = UNITS

    def value(self, node: Node) -> Value:
        return _EVALUATE[type(node)](self, node)

    def literal(self, node: tree.Literal) -> Value:
        return node.value

    def list_of(self, node: tree.ListOf) -> Value:
        values = [self.value(element) for element in node.elements]
        return _VARIES if _varies(values) else values

    def maybe(self, node: tree.Maybe) -> Value:
        self.value(node.operand)
        return _VARIES

    def map_of(self, node: tree.MapOf) -> Value:
        keys = [self.value(key) for key, _ in node.entries]
        values = [self.value(value) for _, value in node.entries]
        is_partial = any(type(value) is tree.Maybe for _, value in node.entries)
        if is_partial or _varies(keys):
            return _VARIES

        def make(run: Run) -> Value:
            made: dict[Any, Value] = {}
            for key, value in zip(keys, values, strict=True):
                place = as_key(key, run)
                if place in made:
                    raise EvaluationError("A map has the same key twice.")
                made[place] = value
            return made

        made = self._try(make, node.start, node.end)
        return _VARIES if _varies(values) else made

    def prefixed(self, node: tree.Prefixed) -> Value:
        value = self.value(node.operand)
        if value is _VARIES:
            return _VARIES
        apply = operators.negated if node.operator == "!" else operators.minus
        closure = apply(_always(value), node.times, self._text(node.operand))
        return self._try(lambda run: closure({}, run), node.start, node.end)

    def chain(self, node: tree.Chain) -> Value:
        left_node, left = node.first, self.value(node.first)
        for sign, right_node in node.rest:
            right = self.value(right_node)
            texts = (cut(self.source[node.start : left_node.end]), self._text(right_node))
            operate = operators.naming(operators.OPERATORS[sign], texts)
            end = right_node.end
            if left is not _VARIES and right is not _VARIES:
                left = self._try(_applied(operate, left, right), node.start, end)
            else:
                if sign in ("/", "%") and type(right) is Decimal:
                    self._try(_applied(operate, _SAMPLES["number"], right), node.start, end)
                left = _VARIES
            left_node = right_node
        return left

    def logic(self, node: tree.Logic) -> Value:
        values = [self.value(part) for part in node.parts]
        decisive = node.sign == "||"
        if any(value is decisive for value in values):
            return decisive
        return (not decisive) if all(value is (not decisive) for value in values) else _VARIES

    def conditional(self, node: tree.Conditional) -> Value:
        cases = [(self.value(test), self.value(value)) for test, value in node.cases]
        otherwise = self.value(node.otherwise)
        for test, value in cases:
            if test is not False:
                return value if test is True else _VARIES
        return otherwise

    def name(self, node: tree.Name) -> Value:
        return node.meaning if type(node.meaning) is TypeName else _VARIES

    def row(self, node: tree.Row) -> Value:
        value = self.value(node.base)
        suffixes: Sequence[tree.Suffix] = node.suffixes
        is_fact = False
        if type(node.base) is tree.Name:
            meaning = node.base.meaning
            is_fact = type(meaning) is Fact
            if type(meaning) is TypeName:
                return value  # its suffixes are parts of its name
            if meaning is None:
                call, *suffixes = suffixes
                value = self.call(call) if type(call) is tree.Call else _VARIES
        for suffix in suffixes:
            if type(suffix) is tree.Call:
                value, is_fact = self._method(suffix, value), False
            elif type(suffix) is tree.Index:
                value = self._index(suffix, value, is_fact)
            elif type(suffix) is tree.Select:
                value = self._select(suffix, value)
        return value

    def _select(self, node: tree.Select, value: Value) -> Value:
        if value is _VARIES or node.is_optional:
            return _VARIES
        text = self._text(node)
        return self._try(lambda run: paths.field_of(value, node.field, text), node.start, node.end)

    def _index(self, node: tree.Index, value: Value, is_fact: bool) -> Value:
        place = self.value(node.key)
        if place is _VARIES or node.is_optional:
            return _VARIES
        # The keys of facts are texts, so that a number is a position in a list.
        if value is _VARIES and is_fact and type(place) is Decimal:
            self._try(lambda run: _position(place, self._before(node)), node.start, node.end)
        if value is _VARIES:
            return _VARIES
        text = self._text(node)
        element = paths.element_of
        return self._try(lambda run: element(value, place, run, text), node.start, node.end)

    def _method(self, node: tree.Call, receiver: Value) -> Value:
        if type(node.meaning) is not FunctionCall:
            return self.call(node)
        text = self._before(node)
        values = [receiver, *[self.value(each) for each in node.arguments]]
        texts = [text, *[self._text(each) for each in node.arguments]]
        return self._called(node, node.meaning, values, texts)

    def call(self, node: tree.Call) -> Value:
        meaning = node.meaning
        # What names a variable has no value.
        first = len(meaning.bound) if isinstance(meaning, MacroCall) else 0
        if type(meaning) is BindCall:
            first = 1
        if type(meaning) is HasCall:
            self.value(meaning.container)
            return _VARIES
        values = [self.value(each) for each in node.arguments[first:]]
        if type(meaning) is not FunctionCall:
            return _VARIES
        return self._called(node, meaning, values, [self._text(each) for each in node.arguments])

    def _called(
        self, node: tree.Call, meaning: FunctionCall, values: Sequence[Value], texts: Sequence[str]
    ) -> Value:
        varying = [index for index, value in enumerate(values) if value is _VARIES]
        arguments = [*values]
        for index in varying:
            kinds = {each.parameter(index).name for each in meaning.overloads}
            sample = _SAMPLES.get(*kinds) if len(kinds) == 1 else None
            if meaning.name == "matches" and index == 0:
                sample = ""  # the pattern alone decides whether it is one
            if sample is None or len(varying) == len(values):
                return _VARIES
            arguments[index] = sample
        if meaning.name in _LAZY:
            return _VARIES
        closures = [(_always(each), text) for each, text in zip(arguments, texts, strict=True)]
        call = calls.function(meaning, closures)
        value = self._try(lambda run: call({}, run), node.start, node.end)
        return _VARIES if varying or meaning.function.in_zone else value

    def _try(self, evaluate: Callable[[Run], Value], start: int, end: int) -> Value:
        run = new_run(0)
        run[LEFT] = self._left
        if self._left <= 0:
            return _VARIES
        try:
            return evaluate(run)
        except BudgetExceeded as error:
            if self._left == UNITS:
                self.wrong.append(Wrong(error.message, start, end))
        except EvaluationError as error:
            self.wrong.append(Wrong(error.message, start, end))
        finally:
            self._left = run[LEFT]
        return _VARIES

    def _before(self, node: tree.Call | tree.Index) -> str:
        return cut(self.source[node.start : node.before])

    def _text(self, node: Node) -> str:
        return cut(self.source[node.start : node.end])


def _position(place: Decimal, text: str) -> int:
    if place < 0:
        raise EvaluationError(f"Positions count from 0. For the last element, write {text}.last().")
    return whole(place)


def _varies(values: Sequence[Value]) -> bool:
    return any(value is _VARIES for value in values)


def _always(value: Value) -> Closure:
    return lambda facts, run: value


def _applied(operate: operators.Operate, left: Value, right: Value) -> Callable[[Run], Value]:
    return lambda run: operate(left, right, run)


_EVALUATE: Final[dict[type[Node], Callable[[_Evaluator, Any], Value]]] = {
    tree.Literal: _Evaluator.literal,
    tree.ListOf: _Evaluator.list_of,
    tree.Maybe: _Evaluator.maybe,
    tree.MapOf: _Evaluator.map_of,
    tree.Prefixed: _Evaluator.prefixed,
    tree.Chain: _Evaluator.chain,
    tree.Logic: _Evaluator.logic,
    tree.Conditional: _Evaluator.conditional,
    tree.Name: _Evaluator.name,
    tree.Row: _Evaluator.row,
    tree.Call: _Evaluator.call,
}
