"""Null is missing: an operation that needs a value and gets null says which value is null, and the rule is skipped."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from programs import rules
from programs.rulebook.vocabulary import ENVIRONMENT
from programs.rules import EvaluationError, MissingField
from programs.rules.functions import FUNCTIONS
from programs.rules.functions.table import Signature
from programs.rules.macros import MACROS
from programs.rules.operators import OPERATORS
from programs.rules.values import in_words

FACTS: dict[str, Any] = {
    "event": {
        "nothing": None,
        "amount": Decimal(20),
        "items": [{"sku": "TEA", "price": None}, {"sku": "MUG", "price": Decimal(5)}],
        "text": "word",
        "list": [None, Decimal(1)],
        "map": {"a": None},
    },
    "participant": {"tags": ["new"]},
    "now": datetime(2026, 1, 15, tzinfo=UTC),
}
NULL = "event.nothing"
NULL_ITEM = "event.list[0]"  # of which a checker does not know that it is no optional value
IS_NULL = (f"{NULL} is null.", f"{NULL_ITEM} is null.")


def outcome(text: str, *, shortcuts: bool = True, result: Any = None) -> Any:
    """The value, or the message of MissingField; another error is raised."""
    try:
        return rules.compile(text, ENVIRONMENT, result, shortcuts=shortcuts, strict=False).evaluate(
            FACTS
        )
    except MissingField as error:
        return str(error)


# An argument of each kind, as an expression of which the checker knows nothing.
ARGUMENTS = {
    "any": "event.amount", "bool": "dyn(true)", "number": "dyn(2)", "int": "dyn(2)", "decimal": "dyn(2)", "whole": "dyn(2)",
    "string": "dyn('1')", "bytes": "dyn(b'a')", "timestamp": "dyn(timestamp('2026-01-01T00:00:00Z'))",
    "duration": "dyn(duration('1h'))", "list": "dyn(['a'])", "map": "dyn({'a': 1})", "optional_type": "dyn(optional.of(1))",
}  # fmt: skip
# By function and position: what takes a null as it takes any value, and what it makes of it.
TAKES_NULL = {
    ("type", 0): "a type",
    ("dyn", 0): "null",
    ("get", 0): "a number",  # the default
    ("get", 2): "null",  # as the default
    ("optional.of", 0): "true or false",
    ("optional.ofNonZeroValue", 0): "true or false",
    ("optional_type.orValue", 1): "a number",  # a default that is not needed
    ("optional_type.or", 1): "true or false",
}


def call(signature: Signature, name: str, null_at: int) -> str:
    arguments = [ARGUMENTS[kind.name] for kind in signature.parameters]
    is_optional = signature.is_method and signature.parameters[0].name == "optional_type"
    arguments[null_at] = NULL_ITEM if is_optional and null_at == 0 else NULL
    if not signature.is_method:
        return f"{name}({', '.join(arguments)})"
    receiver, *others = arguments
    return f"{receiver}.{name}({', '.join(others)})"


def calls() -> Iterator[Any]:
    for name, function in FUNCTIONS.items():
        for signature in function.signatures:
            for place in range(len(signature.parameters)):
                at = f"{signature.parameters[0].name}." if name in ("or", "orValue") else ""
                text = call(signature, name, place)
                if signature.result.name == "optional_type":
                    text = f"{text}.hasValue()"
                yield pytest.param(
                    text, TAKES_NULL.get((at + name, place)), id=f"{signature.text}-{place}"
                )


@pytest.mark.parametrize("shortcuts", [True, False])
@pytest.mark.parametrize(("text", "gives"), [*calls()])
def test_a_function_takes_no_null(text: str, gives: str | None, shortcuts: bool) -> None:
    got = outcome(text, shortcuts=shortcuts)

    if gives is None:
        assert got in IS_NULL
    else:
        assert in_words(got) == gives


# What the operators make of a null on the left, on the right and on both sides, where it is not missing.
ALLOWED = {
    "==": (False, False, True),
    "!=": (True, True, False),
    "in": (False, None, None),
}


@pytest.mark.parametrize("shortcuts", [True, False])
@pytest.mark.parametrize(
    "other", ["event.amount", "event.text", "5", "dyn('a')", "event.list", "dyn(now)", "dyn(true)"]
)
@pytest.mark.parametrize("sign", OPERATORS)
def test_an_operator_takes_no_null_but_to_compare_with_it(
    sign: str, other: str, shortcuts: bool
) -> None:
    right = "[1, 'a']" if sign == "in" else other
    texts = (f"{NULL} {sign} {right}", f"{other} {sign} {NULL}", f"{NULL} {sign} {NULL}")

    for text, allowed in zip(texts, ALLOWED.get(sign, (None, None, None)), strict=True):
        expected = "event.nothing is null." if allowed is None else allowed
        assert outcome(text, shortcuts=shortcuts) == expected, text


BODIES = {"transformMapEntry": "{'a': 1}", "optFlatMap": "optional.of(x)", "sortBy": "1"}


def loops() -> Iterator[str]:
    """Each macro over a null, and with a body, or a condition before it, that gives one where it must not."""
    for (name, count), macro in MACROS.items():
        names = ", ".join(["x", "y"][: macro.variables])
        has_test = count == macro.variables + 2
        test = "true, " if has_test else ""
        body = BODIES.get(name, "true")
        collection, end = ("optional.of(1)", ".hasValue()") if macro.over_optional else ("[1]", "")
        yield f"{NULL_ITEM if macro.over_optional else NULL}.{name}({names}, {test}{body}){end}"
        if has_test:
            yield f"{collection}.{name}({names}, {NULL}, {body})"
        if macro.result == "bool" or name in ("filter", *BODIES):
            yield f"{collection}.{name}({names}, {test}{NULL}){end}"


@pytest.mark.parametrize("text", [*loops()])
def test_a_macro_takes_no_null(text: str) -> None:
    assert outcome(text) in IS_NULL


@pytest.mark.parametrize("shortcuts", [True, False])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Signs, conditions and members.
        ("!event.nothing", "event.nothing is null."),
        ("!!event.nothing", "event.nothing is null."),
        ("-event.nothing", "event.nothing is null."),
        ("event.nothing ? 1 : 2", "event.nothing is null."),
        ("false ? 1 : event.nothing ? 2 : 3", "event.nothing is null."),
        ("event.nothing && true", "event.nothing is null."),
        ("false || event.nothing", "event.nothing is null."),
        ("event.nothing.deeper", "event.nothing is null."),
        ("event.nothing.deeper.still", "event.nothing is null."),
        ("event.nothing.deeper == 'a'", "event.nothing is null."),
        ("event.nothing[0]", "event.nothing is null."),
        ('event.nothing["a"]', "event.nothing is null."),
        ("event.nothing[event.text]", "event.nothing is null."),
        ("event.list[event.nothing]", "event.nothing is null."),
        ("event.map[event.nothing]", "event.nothing is null."),
        ("event.list[0].deeper", "event.list[0] is null."),
        ("event.list[0] + 1", "event.list[0] is null."),
        ("event.map.a > 1", "event.map.a is null."),
        ('event.map["a"] * 2', 'event.map["a"] is null.'),
        ("event.items[0].price * 2", "event.items[0].price is null."),
        ("event.items[0].price.a.b", "event.items[0].price is null."),
        ("(event.nothing).deeper", "event.nothing is null."),
        ("{event.nothing: 1}", "event.nothing is null."),
        ("{'a': 1}[event.nothing]", "event.nothing is null."),
        ("event.nothing in {'a': 1}", "event.nothing is null."),
        ("event.nothing.?deeper.orValue(1)", "event.nothing is null."),
        ("event.?nothing.?deeper.orValue(1)", "event.?nothing is null."),
        ("event.?nothing.deeper.orValue(1)", "event.?nothing is null."),
        ("event.nothing[?0].orValue(1)", "event.nothing is null."),
        ("event.list[?event.nothing].orValue(1)", "event.nothing is null."),
        ("[?event.nothing]", "event.nothing is null."),
        ("{?'a': event.nothing}", "event.nothing is null."),
        ("1 + 2 + event.nothing", "event.nothing is null."),
        ("event.amount * 2 - event.nothing", "event.nothing is null."),
        ("(event.nothing) + 1", "(event.nothing) is null."),
        ("get(event, 'missing', event.nothing) + 1", "get(event, 'missing', event.nothing) is null."),
        ("cel.bind(n, event.nothing, n + 1)", "n is null."),
        ("cel.bind(n, event.nothing + 1, n * 2)", "event.nothing is null."),
        ("event.items.map(i, i.price * 2)", "i.price is null."),
        ("event.items.filter(i, i.price > 2)", "i.price is null."),
        ("event.items.exists_one(i, i.price > 2)", "i.price is null."),
        ("event.list.map(n, n + 1)", "n is null."),
        # Lists with a null in them.
        ("event.list.join(',')", "join takes a list of text. This one contains null."),
        ("max(event.list)", "max: the list has null at position 0."),
        ("'%d'.format(event.list)", "%d does not take null."),
        # What decides without it needs no value.
        ("false && event.nothing", False),
        ("event.nothing > 5 || true", True),
        ("event.nothing.startsWith('a') && false", False),
        ("true ? 1 : event.nothing + 1", 1),
        ("event.items.exists(i, i.price > 2)", True),
        ("event.items.all(i, i.price > 6)", False),
        ("event.items.all(i, i.price > 2)", "i.price is null."),
        ("event.items.exists(i, i.price > 6)", "i.price is null."),
        ("[null, true].exists(x, x)", True),
        ("[null, false].all(x, x)", False),
        ("cel.bind(n, event.nothing + 1, 5)", 5),
        # A null is a value to look at, to hand on and to compare with.
        ("event.nothing", None),
        ("event.nothing == null", True),
        ("null != event.nothing", False),
        ("event.nothing == 'a'", False),
        ("event.nothing in event.list", True),
        ("null in [1, 2]", False),
        ("type(event.nothing) == null_type", True),
        ("has(event.nothing)", True),
        ("has(event.nothing.deeper)", False),
        ('has(event.nothing["deeper"])', False),
        ("has(event.?nothing.deeper)", False),
        ("has(optional.of(event.nothing).deeper)", False),
        ("has(event.map.a.deeper)", False),
        ("has(event.nothing.deeper.still)", "event.nothing is null."),
        ("get(event, 'nothing', 5)", 5),
        ("get(event.map, 'a', 5)", 5),
        ("get(event.nothing, 'a', 5)", 5),
        ("get(get(event, 'nothing', {}), 'a', 5)", 5),
        ("get(event, event.nothing, 5)", "event.nothing is null."),
        ("event.?nothing.orValue(5)", None),
        ("event.?nothing.hasValue()", True),
        ("optional.of(event.nothing).value()", None),
        ("[event.nothing, 1]", [None, 1]),
        ("{'a': event.nothing}", {"a": None}),
        ("event.list.map(n, n)", [None, 1]),
        ("event.list.filter(n, n == null)", [None]),
        ("event.list.size()", 2),
        ("true ? event.nothing : 1", None),
        ("'%s'.format([event.nothing])", "null"),
        ("sets.contains(event.list, [null])", True),
    ],
)  # fmt: skip
def test_null_is_missing_where_a_value_is_needed(text: str, expected: Any, shortcuts: bool) -> None:
    got = outcome(text, shortcuts=shortcuts)

    assert (got, type(got) is bool) == (expected, type(expected) is bool)


@pytest.mark.parametrize(
    "text",
    [
        "event.nothing",
        "event.nothing > 5",
        "!event.nothing",
        "event.nothing.startsWith('SUM')",
        "event.nothing.deeper == 1",
        "event.nothing * 2 > 5",
        "event.amount > 5 && event.nothing",
        "event.amount > 5 && event.nothing < 5",
        "(event.nothing || event.amount > 50)",
    ],
)
def test_a_condition_on_null_is_skipped_with_the_reason(text: str) -> None:
    decision = rules.compile(text, ENVIRONMENT, "bool").decide(FACTS)

    assert not decision.matched
    assert decision.reason == "event.nothing is null"
    assert isinstance(decision.failure, MissingField)


def test_what_is_false_says_more_than_what_is_null() -> None:
    text = "event.nothing > 5 && event.amount > 50"

    decision = rules.compile(text, ENVIRONMENT, "bool").decide(FACTS)

    assert decision.reason == "event.amount > 50 is false: it is 20"
    assert decision.failure is None


@pytest.mark.parametrize(("result", "text"), [("number", NULL), ("bool", f" {NULL} ")])
def test_what_an_expression_must_give_is_not_null(result: Any, text: str) -> None:
    assert outcome(text, result=result) == "event.nothing is null."


def test_without_an_environment_null_is_missing_too() -> None:
    for text, message in (
        ("a.b + 1", "a.b is null."),
        ("a.b.c", "a.b is null."),
        ("a.b.c.d", "a.b is null."),
        ("[a.b][0] > 5", "[a.b][0] is null."),
    ):
        with pytest.raises(MissingField) as error:
            rules.compile(text).evaluate({"a": {"b": None}})
        assert str(error.value) == message


def test_facts_that_are_null_altogether_are_no_missing_field() -> None:
    with pytest.raises(EvaluationError) as error:
        rules.compile("event.a", ENVIRONMENT).evaluate(None)  # type: ignore[arg-type]

    assert not isinstance(error.value, MissingField)
