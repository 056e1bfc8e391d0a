"""Optional values, as CEL has them: what may be missing is asked for with a question mark."""

from decimal import Decimal
from typing import Any

import pytest

from programs import rules
from programs.rulebook import vocabulary
from programs.rules import Decision, EvaluationError, RuleSyntaxError

EVENT: dict[str, Any] = {
    "amount": Decimal("99.5"),
    "coupon": None,
    "shipping": {"price": Decimal("4.90"), "method": None, "to": {"city": "Bern"}},
    "items": [{"sku": "MUG", "tags": ["new"]}, {"sku": "TEA"}],
    "order-id": "A-1",
    "empty": "",
    "text": "word",
}
FACTS: dict[str, Any] = {
    "event": EVENT,
    "participant": {"attributes": {"plan": "free"}, "counters": {"visits": Decimal(3)}},
}


# What cel-spec's own tests of optionals cover, in our words and with our facts.
AS_SPECIFIED: list[tuple[str, Any]] = [
    # A value is one even if it is null, unless zero values are none.
    ("optional.of(null).hasValue()", True),
    ("optional.of(5).hasValue()", True),
    ("optional.none().hasValue()", False),
    ("optional.ofNonZeroValue(null).hasValue()", False),
    ("optional.ofNonZeroValue(0).hasValue()", False),
    ("optional.ofNonZeroValue(0.0).hasValue()", False),
    ("optional.ofNonZeroValue('').hasValue()", False),
    ("optional.ofNonZeroValue(b'').hasValue()", False),
    ("optional.ofNonZeroValue(false).hasValue()", False),
    ("optional.ofNonZeroValue([]).hasValue()", False),
    ("optional.ofNonZeroValue({}).hasValue()", False),
    ("optional.ofNonZeroValue(duration('0s')).hasValue()", False),
    ("optional.ofNonZeroValue(timestamp(0)).hasValue()", False),
    ("optional.ofNonZeroValue(optional.none()).hasValue()", False),
    ("optional.ofNonZeroValue([0]).hasValue()", True),
    ("optional.ofNonZeroValue('a').value()", "a"),
    # The first of several.
    ("optional.none().or(optional.none()).orValue(7)", 7),
    ("optional.none().or(optional.of(8)).orValue(7)", 8),
    ("optional.ofNonZeroValue(9).or(optional.of(8)).value() == 9", True),
    ("optional.of(9).or(optional.of(1 / 0)).value()", 9),  # evaluated only where it is needed
    ("optional.of(9).orValue(1 / 0)", 9),
    # Made into something else.
    ("optional.of(20).optMap(n, n * 2).value()", 40),
    ("optional.none().optMap(n, n + 1).hasValue()", False),
    ("{'a': {'b': 'c'}}.?a.optFlatMap(x, x.?b).value()", "c"),
    ("{'a': {}}.?a.optFlatMap(x, x.?b).hasValue()", False),
    ("{}.?a.optFlatMap(x, x.?b).hasValue()", False),
    ("{'a': {'b': ''}}.?a.optFlatMap(x, x.?b).value()", ""),
    ("{'a': {'b': ''}}.?a.optFlatMap(x, optional.ofNonZeroValue(x.b)).hasValue()", False),
    # Fields and positions.
    ("{}.?a.hasValue()", False),
    ("{'a': null}.?a.hasValue()", True),
    ("{'a': null}.?a.value()", None),
    ("{}.?a.b.c.d.hasValue()", False),
    ("{'a': {}}.?a.b.hasValue()", False),
    ("{'a': {'b': 1}}.?a.b.value()", 1),
    ("{'a': {'b': 1}}.a.?b.orValue(5)", 1),
    ("{'a': {'b-c': 1}}.a.?`b-c`.orValue(5)", 1),
    ("{'a': {'b-c': 1}}.a[?'b-c'].orValue(5)", 1),
    ("{'a': {'b-c': 1}}.a[?'d'].orValue(5)", 5),
    ("{true: 1}[?false].nothing.hasValue()", False),
    ("{true: 1, 2: 2, 3: 3}[?true].value()", 1),
    ("{1: 'a', 2: 'b'}[?2.0].value()", "b"),
    ("{1: 'a', 2: 'b'}[?2u].value()", "b"),
    ("[][?0].hasValue()", False),
    ("['a'][?0].value()", "a"),
    ("['a'][?1].hasValue()", False),
    ("['a'][?-1].hasValue()", False),
    # An optional value is taken apart as what it has is.
    ("optional.of({'a': {'b': 1}}).a.b.value()", 1),
    ("optional.of({'a': {'b': 1}}).a['b'].value()", 1),
    ("optional.of({'a': {}}).a.b.or(optional.none()[0]).orValue(5)", 5),
    ("optional.of({'a': {}}).a['b'].or(optional.of([6])[0]).orValue(5)", 6),
    ("optional.of({}).?a.hasValue()", False),
    ("optional.none().?a.hasValue()", False),
    ("optional.none()[?0].hasValue()", False),
    ("optional.of([])[?0].hasValue()", False),
    ("optional.of([1])[?0].value()", 1),
    ("optional.of({'a': [1]}).?a[0].value()", 1),
    ("optional.of({'value': 3}).value.orValue(0)", 3),
    ("{'c': {'d': 'word'}}.?c.e.or({'c': {'d': 'word'}}.?c['d']).orValue('').size()", 4),
    # has() looks into it.
    ("has({}.?a.b)", False),
    ("has({'a': {'b': 1}}.?a.b)", True),
    ("has(optional.of({'a': {'b': 1}}).a) && !has(optional.of({'a': {'b': 1}}).a.c)", True),
    ("(has({}.x) ? optional.of({}.x) : optional.none()).hasValue()", False),
    # Left out of lists and maps.
    ("[?{}.?a, ?optional.of(42), ?optional.none()]", [42]),
    ("[?optional.ofNonZeroValue({'a': []}.?a.orValue(dyn({})))]", []),
    ("[1, ?optional.of(null), 2]", [1, None, 2]),
    ("[?optional.of(optional.none())].size()", 1),
    ("{?'a': optional.ofNonZeroValue({?'b': {'c': {'d': 1}}.?c})}", {"a": {"b": {"d": 1}}}),
    ("{?'a': optional.ofNonZeroValue({?'b': {}.?c}), 'd': true}", {"d": True}),
    ("optional.ofNonZeroValue({?'a': optional.ofNonZeroValue({?'b': optional.of({}).?c})}).hasValue()", False),
    ("{?'a': optional.none(), 'a': 1}", {"a": 1}),
    # Equality and type.
    ("optional.none() == optional.none()", True),
    ("optional.none() == optional.of(1)", False),
    ("optional.of(1) == optional.none()", False),
    ("optional.of(1) == optional.of(1)", True),
    ("optional.of(1) == optional.of(1.0)", True),
    ("optional.of([1, {'a': 2}]) == optional.of([1, {'a': 2}])", True),
    ("optional.none() != optional.none()", False),
    ("optional.none() != optional.of(1)", True),
    ("optional.of(1) != optional.of(1)", False),
    ("optional.of(1) == dyn(1)", False),
    ("optional.of(1) in [optional.of(1)]", True),
    ("type(optional.none()) == optional_type", True),
    # The question mark of a condition is another one.
    ("true ? [1][?0].orValue(2) : 3", 1),
    ("{}.?a.hasValue() ? {}.?b.orValue(1) : [?optional.of(2)][0]", 2),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), AS_SPECIFIED)
def test_an_optional_value_does_what_the_specification_says(text: str, value: Any) -> None:
    for environment in (None, vocabulary.ENVIRONMENT):
        try:
            got = rules.compile(text, environment, strict=False).evaluate({})
        except RuleSyntaxError:
            # The environment's checks refuse what CEL's tests try on purpose.
            assert environment is not None
            assert "== dyn" in text
            continue
        assert (got, type(got) is bool) == (value, type(value) is bool)


@pytest.mark.parametrize(
    "text",
    [
        "{'a': null}.?a.b.hasValue()",
        "{'a': null}.?a.?b.hasValue()",
        "dyn(null).?a.hasValue()",
        "{true: 5}[?true].nothing.hasValue()",
        "{'a': 5}.?a.?b.hasValue()",
        "optional.ofNonZeroValue({'a': {}}.b.c).orValue(1)",
        "[1][?'a'].hasValue()",
        "optional.none().value()",
        "optional.of([1]).optMap(x, x[5]).hasValue()",
        "dyn(5).optMap(x, x).hasValue()",
        "optional.of(1).optFlatMap(x, dyn(x)).hasValue()",
        "dyn(5).orValue(1)",
        "optional.none().or(dyn(1))",
        "[?dyn(1)]",
        "{?'a': dyn(1)}",
        "string(dyn(optional.of(1)))",
        "'%s'.format([optional.of(1)])",
        "'x' in dyn(optional.of(['x']))",
        "dyn(optional.of(1)) + 1",
        "dyn(optional.of(1)) < 1",
        "dyn(optional.of([1])).exists(x, true)",
        "{dyn(optional.of(1)): 1}",
        "optional.of(1)",
        "true ? {}.?a : 5",
    ],
)
def test_what_the_specification_gives_no_value_has_none(text: str) -> None:
    with pytest.raises(EvaluationError):
        rules.compile(text).evaluate({})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("event.?shipping.?price.orValue(0)", Decimal("4.9")),
        ("event.?discount.?percent.orValue(0)", 0),
        ("event.amount - event.?discount.orValue(0)", Decimal("99.5")),
        ("event.?coupon.orValue('none')", None),
        ("optional.ofNonZeroValue(event.coupon).orValue('none')", "none"),
        ("event.shipping.?to.?city.orValue('')", "Bern"),
        ("event.shipping[?'to'][?'zip'].orValue('')", ""),
        ("event.?shipping.to.city.orValue('')", "Bern"),
        ("event.?`order-id`.orValue('')", "A-1"),
        ("event.items[?1].?sku.orValue('')", "TEA"),
        ("event.items[?2].?sku.orValue('')", ""),
        ("event.items.map(i, i.?tags.orValue([]).size())", [1, 0]),
        ("event.items.filter(i, i.?tags.hasValue()).map(i, i.sku)", ["MUG"]),
        ("event.?items.orValue([]).exists(i, i.sku == 'TEA')", True),
        ("event.?lines.orValue([]).exists(i, i.sku == 'TEA')", False),
        ("[?event.?nickname, ?event.?text]", ["word"]),
        ("participant.attributes.?plan.orValue('')", "free"),
        ("participant.attributes.?age.orValue(18) >= 18", True),
        ("participant.counters.?visits.orValue(7) + 1", Decimal(4)),
        ("participant.counters.?others.orValue(7)", 7),
        ("cel.bind(s, event.?shipping, s.price.orValue(0) + s.?tax.orValue(1))", Decimal("5.9")),
        ("event.?amount.optMap(a, a * 2).orValue(0)", Decimal(199)),
        ("event.?empty.or(event.?text).value()", ""),
    ],
)
def test_a_rule_reads_what_an_event_may_not_have(text: str, value: Any) -> None:
    for shortcuts in (True, False):
        expression = rules.compile(text, vocabulary.ENVIRONMENT, shortcuts=shortcuts)
        assert expression.evaluate(FACTS) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("event.?price", "A rule needs a value, not an optional value."),
        ("event.?price > 5", "An optional value cannot be compared with a number."),
        ("event.?type == 'purchase'", "An optional value never equals text."),
        ("event.?price * 2", "An optional value and a number cannot be multiplied."),
        ("event.?price.startsWith('a')", "startsWith works on text, not on an optional value."),
        ("round(event.?price, 2)", "round takes a number, not an optional value."),
        ("event.?flag && true", "Both sides of && must be true or false, not an optional value."),
        ("event.?lines.exists(l, true)", "exists works on a list or a map, not on an optional value."),
        ("'a' in event.?tags", "`in` searches a list or a map, not an optional value."),
    ],
)  # fmt: skip
def test_an_optional_value_that_is_not_unwrapped_is_refused_with_a_hint(
    text: str, message: str
) -> None:
    with pytest.raises(RuleSyntaxError) as error:
        vocabulary.compile(text)

    hint = "Write .orValue(…) to say what counts where an optional value is missing."
    assert error.value.message == f"{message} {hint}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("event.price.orValue(0)", "event.price is no optional value. Write event.?price.orValue(0)."),
        ('event["price"].hasValue()', 'event["price"] is no optional value. Write event[?"price"].hasValue().'),
        ("event.a.price.orValue(0) > 5", "event.a.price is no optional value. Write event.a.?price.orValue(0)."),
        ("event.price.or(0)", 'or takes an optional value, not a number. Write event[?"price"].orValue(0).'),
        ("event.?price.or(0)", "or takes an optional value, not a number. Write event.?price.orValue(0)."),
        ("event.?price.getOrElse(0)", "There is no function getOrElse. Write event.?price.orValue(0)."),
        ("[?5]", "? takes an optional value, such as event.?price, not a number."),
        ("{?'a': 'b'}", "? takes an optional value, such as event.?price, not text."),
        ("participant.?tgas.orValue([])", 'participant has no field "tgas". Did you mean participant.tags?'),
        ("program.name.?given.orValue('')", 'Text has no field "given".'),
        ("'a'.optMap(x, x).hasValue()", "optMap works on an optional value, not on text."),
        ("event.?a.optFlatMap(x, 5).hasValue()", "optFlatMap must give an optional value, not a number."),
        ("has(event.?a)", "has needs a field, as in has(a.b)."),
        ("event.?total().orValue(0)", "Unexpected “(”: expected an operator such as &&, or the end."),
    ],
)  # fmt: skip
def test_a_question_mark_out_of_place_is_refused(text: str, message: str) -> None:
    with pytest.raises(RuleSyntaxError) as error:
        vocabulary.compile(text)

    assert error.value.message == message


@pytest.mark.parametrize("result", ["bool", "number"])
def test_what_an_optional_value_may_have_is_known(result: Any) -> None:
    with pytest.raises(RuleSyntaxError, match=r"not text\.$"):
        vocabulary.compile("participant.?status.orValue('x')", result)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("event.?shipping.?price.orValue(0) > 5", "event.?shipping.?price.orValue(0) > 5 is false: it is 4.9"),
        ("event.?discount.?percent.orValue(0) > 5", "event.?discount.?percent.orValue(0) > 5 is false: it is 0, event.discount.percent is missing"),
        ("event.?nickname.hasValue()", "event.?nickname.hasValue() is false: event.nickname is missing"),
    ],
)  # fmt: skip
def test_the_reasons_tell_the_optional_field_and_not_all_that_is_beside_it(
    text: str, reason: str
) -> None:
    assert vocabulary.compile(text, "bool").decide(FACTS) == Decision(False, reason)
