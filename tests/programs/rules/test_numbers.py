"""Exact numbers: what a rule computes is what one computes on paper."""

from decimal import ROUND_DOWN, Context, Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs import rules
from programs.rulebook import vocabulary
from programs.rules import EvaluationError, RuleSyntaxError

LONG = Decimal("1234567890123456789.012345")  # 25 digits


def amount(text: str, value: Any) -> Any:
    return vocabulary.compile(text, result="number").evaluate({"event": {"amount": value}})


@pytest.mark.parametrize(
    ("text", "value", "result"),
    [
        ("event.amount * 10", 50, "500"),
        ("event.amount * 10", Decimal("50.0"), "500"),
        ("event.amount * 10", Decimal("99.5"), "995"),
        ("event.amount * 10", LONG, "12345678901234567890.12345"),
        ("event.amount / 3", 50, "16." + "6" * 47 + "7"),
        ("event.amount / 3", Decimal("50.0"), "16." + "6" * 47 + "7"),
        ("event.amount / 3", Decimal("99.5"), "33.1" + "6" * 46 + "7"),
        ("event.amount / 3", LONG, "411522630041152263.00411500000000000000000000000000"),
        ("event.amount / 100", 50, "0.5"),
        ("5 / event.amount", 2, "2.5"),
        ("round(event.amount * 0.05, 2)", 50, "2.5"),
        ("round(event.amount * 0.05, 2)", Decimal("50.0"), "2.5"),
        ("round(event.amount * 0.05, 2)", Decimal("99.5"), "4.98"),
        ("round(event.amount * 0.05, 2)", LONG, "61728394506172839.45"),
        ("round(event.amount, 0)", Decimal("0.5"), "1"),
        ("round(event.amount, 0)", Decimal("-0.5"), "-1"),
        ("round(event.amount, 0)", Decimal("2.5"), "3"),
        ("round(event.amount, 0)", Decimal("-2.5"), "-3"),
        ("round(event.amount)", Decimal("2.4999"), "2"),
        ("round(event.amount, -2)", 1250, "1300"),
        ("round(event.amount, 2)", Decimal("1E+60"), "1E+60"),
        ("event.amount % 0.3", 1, "0.1"),
        ("-event.amount % 3", 7, "-1"),
        ("event.amount - event.amount", Decimal("0.1"), "0"),
        ("math.sqrt(event.amount)", 2, "1.4142135623730950488016887242096980785696718753769"),
    ],
)
def test_amounts_are_exact(text: str, value: Any, result: str) -> None:
    assert amount(text, value) == Decimal(result)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("0.1 + 0.2 == 0.3", True),
        ("2 == 2.0 && 2.0 == 2", True),
        ("1 < 1.5 && 1.5 < 2", True),
        ("1 in [1.0] && 1.0 in [1]", True),
        ("{2: true}[2.0]", True),
        ("[1, 2, 3][2.0]", 3),
        ("true == 1 || 1 == true || false == 0", False),
        ("[true] == [1]", False),
        ("true in [1, 0] || 1 in [true]", False),
        ("{true: 1} == {1: 1}", False),
        ("{true: 1, 1: 2}.map(k, type(k) == bool ? 1 : 2) == [1, 2]", True),
        ("7 / 2 == 3 && -7 / 2 == -3 && -7 % 2 == -1", True),
        ("7.0 / 2 == 3.5 && 7 / 2.0 == 3.5", True),
        ("string(1.50)", "1.5"),
        ("string(100.0)", "100"),
        ("string(1e3)", "1000"),
        ("string(1e-7)", "0.0000001"),
        ("string(-0.0)", "0"),
        ("string(0.0 * -1)", "0"),
        ("int(-7.9)", -7),
        ("int('9223372036854775807')", 9223372036854775807),
        ("18446744073709551615u > 9223372036854775807", True),
        ("type(1 / 2.0) == double && type(1) == int", True),
    ],
)
def test_numbers_mix_by_value_and_bools_are_none(text: str, result: Any) -> None:
    assert rules.compile(text).evaluate({}) == result


@pytest.mark.parametrize(
    "text",
    [
        "9223372036854775807 + 1",
        "-9223372036854775808 - 1",
        "4611686018427387904 * 2",
        "-(-9223372036854775808)",
        "-9223372036854775808 / -1",
        "-9223372036854775808 % -1",
        "math.abs(-9223372036854775808)",
        "1 / 0",
        "1.0 / 0",
        "1 % 0",
        "1.5 % 0.0",
        "1e900 * 1e900",
        "1e-900 * 1e-900",
        "int(1e19)",
        "int(1e999)",
        "double('NaN')",
        "double('Infinity')",
        "double('1e1001')",
        "double('1e9999999999')",
        "[1, 2][0.5]",
        "math.sqrt(-1)",
        "round(1.5, 51)",
        "{1.5: 1}",
        "{1: 'a', 1: 'b'}",
    ],
)
def test_what_has_no_exact_value_is_an_error(text: str) -> None:
    with pytest.raises(EvaluationError):
        rules.compile(text).evaluate({})


@pytest.mark.parametrize("text", ["9223372036854775808", "1e1001", "1e99999999", "0." + "1" * 51])
def test_a_literal_that_cannot_be_kept_is_no_rule(text: str) -> None:
    with pytest.raises(RuleSyntaxError):
        rules.compile(text)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("5 / 100 * event.amount", "5.0 / 100"),
        ("event.amount * (1 / 3)", "1.0 / 3"),
        ("-5 / 2", "-5.0 / 2"),
    ],
)
def test_a_division_that_would_lose_its_remainder_is_refused(text: str, suggestion: str) -> None:
    with pytest.raises(RuleSyntaxError, match=f"Did you mean {suggestion}"):
        vocabulary.compile(text)


@pytest.mark.parametrize(
    "text", ["4 / 2", "event.amount / 3", "size(event.items) / 2", "5.0 / 100"]
)
def test_other_divisions_are_not(text: str) -> None:
    vocabulary.compile(text)


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        float("nan"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("1e1001"),
        Decimal("1e999999"),
        Decimal("1e-999999"),
        Decimal("1." + "1" * 60),
        10**60 + 1,
        pytest.param(10**100_000, id="a hundred thousand digits"),
        [Decimal(1), 1.5],
        {"a": [1.5]},
        {"a": Decimal("1e5000")},
    ],
)
@pytest.mark.parametrize("text", ["event.value", "event.value == event.value", "[event.value]"])
def test_a_fact_that_is_no_exact_number_is_refused(text: str, value: Any) -> None:
    expression = vocabulary.compile(text)

    with pytest.raises(EvaluationError):
        expression.evaluate({"event": {"value": value}})


@pytest.mark.parametrize(
    "text",
    ["event.value > 1", "event.value == 'x' || true", "event.value * 2", "round(event.value, 2)"],
)
@pytest.mark.parametrize("value", [1.5, Decimal("NaN"), Decimal("-Infinity"), Decimal("1e999999")])
def test_no_short_way_lets_such_a_fact_through(text: str, value: Any) -> None:
    expression = vocabulary.compile(text.removesuffix(" || true"))

    with pytest.raises(EvaluationError):
        expression.evaluate({"event": {"value": value}})


def test_the_threads_own_decimal_context_decides_nothing() -> None:
    expression = vocabulary.compile(
        "round(event.amount / 3, 4) + 0.00005 == 33.16671667 - 0.00001667"
    )

    with localcontext(Context(prec=1, rounding=ROUND_DOWN)):
        assert expression.evaluate({"event": {"amount": Decimal("99.5")}}) is False
        assert amount("event.amount * 1.23456789", Decimal("99.5")) == Decimal("122.839505055")
        assert vocabulary.compile("string(-12345.678)").evaluate({}) == "-12345.678"
        assert vocabulary.compile("'%.2f'.format([12345.678])").evaluate({}) == "12345.68"


decimals = st.decimals(-(10**12), 10**12, places=6)


@given(decimals, decimals)
def test_arithmetic_is_that_of_paper(one: Decimal, other: Decimal) -> None:
    facts = {"event": {"a": one, "b": other}}

    def value(text: str) -> Any:
        result = vocabulary.compile(text).evaluate(facts)
        return Fraction(result) if isinstance(result, Decimal) else result

    first, second = Fraction(one), Fraction(other)
    assert value("event.a + event.b") == first + second
    assert value("event.a - event.b") == first - second
    assert value("event.a * event.b") == first * second
    assert value("event.a < event.b") is (first < second)
    assert value("event.a == event.b") is (first == second)
    if second:
        quotient = first / second
        assert abs(value("event.a / event.b") - quotient) <= abs(quotient) / 10**49
        assert value("event.a % event.b") == first - second * int(quotient)
