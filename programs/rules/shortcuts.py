"""Shortcuts: faster closures for what most rules say, `event.type == "purchase"`.

The one place of the compiler where speed is bought with code; it can be switched off, and nothing else changes. Each
shortcut serves the values one expects and leaves all others, errors too, to the plain closure behind it.
`tests/benchmarks/scenarios/rules.py` measures what it brings.
"""

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from programs.rules import arithmetic, calls, paths, tree
from programs.rules.arithmetic import (
    CONTEXT,
    LONG,
    QUANTA,
    SIGNIFICANT,
    ZERO,
    as_given,
    rounded,
    short_as_given,
    significant,
)
from programs.rules.budget import CALL_NODES, CONTAINER, Run, charge
from programs.rules.errors import NullOperand, unfit
from programs.rules.facts import PLAIN
from programs.rules.meanings import Fact, FunctionCall
from programs.rules.operators import OPERATORS, ORDERS, naming
from programs.rules.paths import LOST
from programs.rules.tree import Node
from programs.rules.values import Closure, Facts, Value, in_words

if TYPE_CHECKING:
    from programs.rules.compiler import Compiler

Texts = tuple[str, str]  # the sources of two operands

_COMPARISONS: Final = {"==": operator.eq, "!=": operator.ne, **ORDERS}
FEW: Final = 16  # elements, which are no more work to search than the node itself


def closure_of(node: Node, compiler: "Compiler") -> Closure | None:
    """The shortcut for the node, if there is one. The nodes within it are compiled by `compiler`."""
    make = _SHORTCUTS.get(type(node))
    return make(node, compiler) if make else None


def raw_reader(fact: Fact) -> Closure | None:
    """Reads `event.items` as the facts have it, without a loop over its names."""
    if not fact.is_declared or len(fact.names) != 2:
        return None
    first, second = fact.names
    usual = paths.raw_reader(fact)

    def read(facts: Facts, run: Run) -> Value:
        try:
            return facts[first][second]
        except LOST:
            return usual(facts, run)

    return read


def _list(node: tree.ListOf, compiler: "Compiler") -> Closure | None:
    """A list of literals is made once, and copied."""
    if not all(type(element) is tree.Literal for element in node.elements):
        return None
    values = [compiler.compile(element)({}, []) for element in node.elements]
    units = CONTAINER + len(values) // 4

    def copy(facts: Facts, run: Run) -> Value:
        charge(run, units)
        return values.copy()

    return copy


def _row(node: tree.Row, compiler: "Compiler") -> Closure | None:
    first = node.suffixes[0]
    if type(node.base) is tree.Name and node.base.meaning is None and type(first) is tree.Call:
        return _call(first, compiler) if len(node.suffixes) == 1 else None
    return _field(node, compiler)


def _field(node: tree.Row, compiler: "Compiler") -> Closure | None:
    """`event.amount`, read without a loop over its names."""
    fact = _declared(node)
    if fact is None or len(fact.names) != 2:
        return None
    first, second = fact.names
    usual = compiler.read(fact)

    def read(facts: Facts, run: Run) -> Value:
        try:
            value = facts[first][second]
            kind = type(value)
            if kind is Decimal:
                if value.is_finite():
                    return as_given(value)
            elif kind in PLAIN:
                return value
            elif kind is int and -LONG < value < LONG:
                return as_given(value)
        except (*LOST, ArithmeticError):
            pass
        return usual(facts, run)

    return read


def _call(node: tree.Call, compiler: "Compiler") -> Closure | None:
    """`round(x, 2)` without a call for the 2, and functions of one argument without a list of them."""
    meaning = node.meaning
    if type(meaning) is not FunctionCall or meaning.name == "size":
        return None
    if meaning.name == "round" and len(node.arguments) == 2:
        digits = node.arguments[1]
        if (
            type(digits) is tree.Literal
            and type(digits.value) is Decimal
            and digits.value in QUANTA
        ):
            compiler.nodes += CALL_NODES + 1
            return _rounding(*compiler.with_text(node.arguments[0]), int(digits.value))
    if len(node.arguments) != 1:
        return None
    compiler.nodes += CALL_NODES
    argument = calls.taking(meaning, 0, *compiler.with_text(node.arguments[0]))
    call = meaning.function.implementation
    return lambda facts, run: call(run, argument(facts, run))


def _rounding(number: Closure, text: str, digits: int) -> Closure:
    quantize = SIGNIFICANT.quantize
    quantum = QUANTA[digits]

    def round_(facts: Facts, run: Run) -> Value:
        value = number(facts, run)
        if type(value) is not Decimal:
            raise unfit(f"round does not take {in_words(value)}.", value, text)
        try:
            return quantize(significant(value), quantum) or ZERO
        except ArithmeticError:
            return rounded(value, digits)

    return round_


def _chain(node: tree.Chain, compiler: "Compiler") -> Closure | None:
    """One operator, with a fact or a constant beside it if possible."""
    if len(node.rest) > 1:
        return None
    ((sign, second),) = node.rest
    left, right = compiler.compile(node.first), compiler.compile(second)
    [texts] = compiler.operand_texts(node)
    if type(second) is tree.Literal:
        usual = _with_constant(sign, left, right, second.value, texts)
        return _fact_with_constant(_declared(node.first), sign, second.value, usual)
    usual = _binary(sign, left, right, texts)
    text = tree.text_of(node.first)
    fact = _declared(second)
    return _text_in(text, fact, usual) if sign == "in" and text is not None and fact else usual


def _declared(node: Node) -> Fact | None:
    fact = tree.fact_of(node)
    return fact if fact and fact.is_declared else None


def _binary(sign: str, left: Closure, right: Closure, texts: Texts) -> Closure:
    operate = OPERATORS[sign]

    def apply(facts: Facts, run: Run) -> Value:
        try:
            return operate(left(facts, run), right(facts, run), run)
        except NullOperand as null:
            raise null.named(texts) from None

    return apply


def _with_constant(
    sign: str, left: Closure, right: Closure, constant: Value, texts: Texts
) -> Closure:
    """`left sign constant` without a call for the constant."""
    usual = _binary(sign, left, right, texts)
    operate = naming(OPERATORS[sign], texts)
    kind = type(constant)
    compared = significant(constant) if kind is Decimal else constant
    if sign in ("==", "!=") and kind is not bytes:
        wanted = sign == "=="

        def is_equal(facts: Facts, run: Run) -> Value:
            value = left(facts, run)
            if kind is Decimal is type(value):
                value = significant(value)
            return (type(value) is kind and value == compared) is wanted

        return is_equal
    if kind is not Decimal:
        return usual
    if sign in ORDERS:
        compare = ORDERS[sign]

        def order(facts: Facts, run: Run) -> Value:
            value = left(facts, run)
            if type(value) is Decimal:
                return compare(significant(value), compared)
            return operate(value, constant, run)

        return order
    if sign == "*":
        multiply = CONTEXT.multiply

        def times(facts: Facts, run: Run) -> Value:
            value = left(facts, run)
            if type(value) is Decimal:
                try:
                    return multiply(value, constant) or ZERO
                except ArithmeticError:
                    raise arithmetic.out_of_range() from None
            return operate(value, constant, run)

        return times
    return usual


def _fact_with_constant(fact: Fact | None, sign: str, constant: Value, usual: Closure) -> Closure:
    if fact is None:
        return usual
    if sign == "==" and type(constant) is str:
        return _text_is(fact.names, constant, usual)
    if sign in _COMPARISONS and type(constant) is Decimal and len(fact.names) == 2:
        return _number_is(fact.names, sign, constant, usual)
    return usual


def _text_is(names: tuple[str, ...], constant: str, usual: Closure) -> Closure:
    """`fact == constant`"""
    if len(names) == 2:
        first, second = names

        def is_text(facts: Facts, run: Run) -> Value:
            try:
                value = facts[first][second]
            except LOST:
                return usual(facts, run)
            return value == constant if type(value) is str else usual(facts, run)

        return is_text
    if len(names) == 3:
        first, second, third = names

        def is_inner_text(facts: Facts, run: Run) -> Value:
            try:
                value = facts[first][second][third]
            except LOST:
                return usual(facts, run)
            return value == constant if type(value) is str else usual(facts, run)

        return is_inner_text
    return usual


def _number_is(names: tuple[str, ...], sign: str, constant: Value, usual: Closure) -> Closure:
    """`fact < constant` and the like"""
    first, second = names
    compare = _COMPARISONS[sign]
    compared = significant(constant)

    def is_so(facts: Facts, run: Run) -> Value:
        try:
            value = facts[first][second]
            kind = type(value)
            if kind is Decimal:
                if value.is_finite():
                    return compare(short_as_given(value), compared)
            elif kind is int and -LONG < value < LONG:
                return compare(short_as_given(value), compared)
        except (*LOST, ArithmeticError):
            pass
        return usual(facts, run)

    return is_so


def _text_in(constant: str, fact: Fact, usual: Closure) -> Closure:
    """`constant in fact`: only a text equals a text, so what else the list holds does not matter."""
    if len(fact.names) != 2:
        return usual
    first, second = fact.names

    def is_in(facts: Facts, run: Run) -> Value:
        try:
            value = facts[first][second]
        except LOST:
            return usual(facts, run)
        if type(value) is not list:
            return usual(facts, run)
        if len(value) > FEW:
            charge(run, len(value))
        return constant in value

    return is_in


_SHORTCUTS: Final[dict[type[Node], Callable[[Any, "Compiler"], Closure | None]]] = {
    tree.ListOf: _list,
    tree.Row: _row,
    tree.Call: _call,
    tree.Chain: _chain,
}
