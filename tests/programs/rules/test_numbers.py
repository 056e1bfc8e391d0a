"""Exact numbers: what a rule computes is what one computes on paper."""

from datetime import UTC, datetime
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
        ("7 / 2 == 3.5 && -7 / 2 == -3.5 && 7.0 / 2 == 3.5", True),
        ("string(1.50)", "1.5"),
        ("string(100.0)", "100"),
        ("string(1e3)", "1000"),
        ("string(1e-7)", "0.0000001"),
        ("string(-0.0)", "0"),
        ("string(0.0 * -1)", "0"),
        ("int(-7.9)", -7),
        ("int('9223372036854775807')", 9223372036854775807),
        ("18446744073709551615u > 9223372036854775807", True),
        ("int('9223372036854775808')", 9223372036854775808),
    ],
)
def test_numbers_mix_by_value_and_bools_are_none(text: str, result: Any) -> None:
    assert rules.compile(text).evaluate({}) == result


@pytest.mark.parametrize(
    "text",
    [
        "1 / 0",
        "1.0 / 0",
        "1 % 0",
        "1.5 % 0.0",
        "1e900 * 1e900",
        "1e-900 * 1e-900",
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


@pytest.mark.parametrize(
    "text", ["1" * 51, "1e1001", "1e99999999", "0." + "1" * 51, "0x" + "f" * 42, "0x" + "f" * 999]
)
def test_a_literal_that_cannot_be_kept_is_no_rule(text: str) -> None:
    with pytest.raises(RuleSyntaxError):
        rules.compile(text)


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


# int, uint and double are one number. Each sample gave something else while there were two kinds.
ONE_NUMBER = [
    ("event.amount * 15 / 100", "7.5"),
    ("15 / 100", "0.15"),
    ("15 / 100 * event.amount", "7.5"),
    ('(event.level == "gold" ? 15 : 10) / 100 * event.amount', "7.5"),
    ("event.amount * ((event.amount > 10 ? 3 : 2) / 2)", "75"),
    ("size(event.items) / 4 * 100", "75"),
    ("event.items.size() / 2", "1.5"),
    ("size(event.level) / 8", "0.5"),
    ("[1, 2, 3][0] / 2", "0.5"),
    ("{'a': 1}.a / 2", "0.5"),
    ("{1: 3}[1] / 2", "1.5"),
    ("event.items.map(i, size(event.items) / 2)[0]", "1.5"),
    ("[5, 6].transformList(i, v, (i + 1) / 2)[0]", "0.5"),
    ("now.getHours() / 24 * 24", "10"),
    ("now.getDate() / 2", "7.5"),
    ("(now - timestamp('2026-01-14T22:30:00Z')).getHours() / 24", "0.5"),
    ("int(7.9) / 2", "3.5"),
    ("int('7') / 2", "3.5"),
    ("int(true) / 2", "0.5"),
    ("int(now) / 1000", "1768473.0"),
    ("uint('7') / 2", "3.5"),
    ("7u / 2u", "3.5"),
    ("0x0f / 0xFF * 17", "1"),
    ("'abc'.indexOf('c') / 4", "0.5"),
    ("'abcc'.lastIndexOf('c') / 4", "0.75"),
    ("min(3, 5) / 2", "1.5"),
    ("max([3, 5]) / 2", "2.5"),
    ("math.abs(-3) / 2", "1.5"),
    ("math.sign(-3) / 2", "-0.5"),
    ("math.bitAnd(7, 3) / 2", "1.5"),
    ("math.bitShiftLeft(1, 1) / 4", "0.5"),
    ("get(event, 'points', 1) / 2", "0.5"),
    ("cel.bind(n, size(event.items), n / 2)", "1.5"),
    ("-7 / 2", "-3.5"),
    ("7 / -2", "-3.5"),
    ("-7 % 2", "-1"),
    ("7 % -2", "1"),
    ("-7.5 % 2", "-1.5"),
    ("int(-7 / 2)", "-3"),
    ("int(size(event.items) / 2)", "1"),
    ("9223372036854775807 + 1", "9223372036854775808"),
    ("-9223372036854775808 - 1", "-9223372036854775809"),
    ("5000000000 * 5000000000u", "25000000000000000000"),
    ("math.abs(-9223372036854775808)", "9223372036854775808"),
    ("-9223372036854775808 / -1", "9223372036854775808"),
    ("12345678901234567890123456789012345678901234567890 - 1", "12345678901234567890123456789012345678901234567889"),
    ("0xffffffffffffffffffff", "1208925819614629174706175"),
    ("int(1e19)", "1E+19"),
    ("int(1e999)", "1E+999"),
    ("int('12345678901234567890')", "12345678901234567890"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "result"), ONE_NUMBER)
def test_there_is_one_kind_of_number(text: str, result: str) -> None:
    event = {"amount": 50, "level": "gold", "items": [1, 2, 3]}
    facts = {"event": event, "now": datetime(2026, 1, 15, 10, 30, tzinfo=UTC)}

    assert vocabulary.compile(text, result="number").evaluate(facts) == Decimal(result)


@pytest.mark.parametrize(
    "text",
    [
        "100 / 3 * 3 == 100 && !(100 / 3 * 3 != 100)",
        "!(100 / 3 * 3 < 100) && 100 / 3 * 3 >= 100 && 100 <= 100 / 3 * 3",
        "cel.bind(x, 100 / 3 * 3, x == 100 && x >= 100 && !(x < 100))",
        "cel.bind(x, 100 / 3, x * 3 == 50 * 2 && x * 3 >= 50 * 2)",
        "math.floor(100 / 3 * 3) == 100",
        "math.ceil(20 / 3 * 3) == 20",
        "math.trunc(100 / 3 * 3) == 100 && int(100 / 3 * 3) == 100",
        "round(2.5 / 3 * 3) == 3 && math.round(2.5 / 3 * 3) == 3",
        "round(0.125 / 3 * 3, 2) == 0.13",
        "100 / 3 * 3 % 10 == 0 && 7 % (1 / 3 * 3) == 0",
        "[5, 6, 7][3 / 7 * 7 - 1] == 7",
        "'abcd'.substring(3 / 7 * 7) == 'd'",
        "{100: 'a'}[100 / 3 * 3] == 'a' && 100 / 3 * 3 in {100: 'a'}",
        "{100 / 3 * 3: 'a'} == {100: 'a'}",
        "100 / 3 * 3 in [100] && [100 / 3 * 3] == [100]",
        "'%d'.format([100 / 3 * 3]) == '100'",
        "event.hundred == 100 / 3 * 3 && !(100 / 3 * 3 < event.hundred)",
        "event.hundred >= 100 / 3 * 3 && event.items[3 / 7 * 7 - 1] == 3",
        # Where whole numbers are longer than that, their digits stay.
        "int(12345678901234567890123456789012345678901234567) - 12345678901234567890123456789012345678901234560 == 7",
        "round(12345678901234567890123456789012345678901234567.8) - 12345678901234567890123456789012345678901234560 == 8",
    ],
)
def test_ten_guard_digits_make_it_the_same_as_on_paper(text: str) -> None:
    event = {"hundred": 100, "items": [1, 2, 3]}

    assert vocabulary.compile(text).evaluate({"event": event}) is True


def test_what_was_divided_and_multiplied_again_is_never_a_unit_short() -> None:
    cut = vocabulary.compile(
        "event.a / event.b * event.b == event.a ? int(event.a / event.b * event.b) : -1"
    )

    for a in range(1, 77):
        for b in range(1, 77):
            assert cut.evaluate({"event": {"a": a, "b": b}}) == a


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2][0.5]", "A position must be a whole number, not 0.5."),
        ("[1, 2][1 / 3]", "A position must be a whole number, not 0.3333333333"),
        ("'abc'.substring(0.5)", "substring takes a whole number, not 0.5."),
        ("'abc'.substring(0, 1.5)", "substring takes a whole number, not 1.5."),
        ("'abc'.charAt(1.5)", "charAt takes a whole number, not 1.5."),
        ("'abc'.indexOf('a', 1.5)", "indexOf takes a whole number, not 1.5."),
        ("'abc'.lastIndexOf('a', 1.5)", "lastIndexOf takes a whole number, not 1.5."),
        ("'abc'.split('', 1.5)", "split takes a whole number, not 1.5."),
        ("'abc'.replace('a', 'b', 1.5)", "replace takes a whole number, not 1.5."),
        ("round(1.55, 1.5)", "round takes a whole number, not 1.5."),
        ("math.bitAnd(1.5, 1)", "math.bitAnd takes a whole number, not 1.5."),
        ("math.bitNot(1e30)", "math.bitNot takes a whole number of 64 bits, not 1000000000000000000000000000000."),
        ("'abc'.substring(1e900)", "substring takes a whole number of 64 bits, not 1000000000"),
        ("'abc'.split('', 1e900)", "split takes a whole number of 64 bits, not 1000000000"),
        ("'%d'.format([1.5])", "%d takes a whole number, not 1.5."),
        ("'%x'.format([1.5])", "%x takes a whole number, not 1.5."),
        ("{1 / 4: 1}", "A map key cannot be 0.25. Write int(…)."),
        ("int('1.5')", '"1.5" is not a whole number.'),
        ("int('')", '"" is not a whole number.'),
        ("int('1e3')", '"1e3" is not a whole number.'),
        ("int('1' + '000000000000000000000000000000000000000000000000000000000001')", "A number has more than 50 digits"),
        ("uint(-1)", "-1 is negative. uint takes numbers from 0 up."),
        ("duration('1h') * 2", "Cannot multiply a duration and a number."),
        ("2 * duration('1h')", "Cannot multiply a number and a duration."),
        ("duration('1h') / 2", "Cannot divide a duration and a number."),
        ("duration('1h') + 2", "Cannot add a duration and a number."),
        ("[true, 1].map(x, x + 1)", "Cannot add true or false and a number."),
        ("timestamp(1e900)", "The time is outside the years 1 to 9999."),
        ("timestamp(-62135596801)", "The time is outside the years 1 to 9999."),
        ("timestamp(253402300800)", "The time is outside the years 1 to 9999."),
        ("'a' * 2", "Cannot multiply text and a number."),
    ],
)  # fmt: skip
def test_where_a_whole_number_is_needed_a_fraction_is_an_error(text: str, message: str) -> None:
    with pytest.raises(EvaluationError) as error:
        rules.compile(text).evaluate({})

    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("timestamp(1768473000) == timestamp('2026-01-15T10:30:00Z')", True),
        ("timestamp(1.5) == timestamp('1970-01-01T00:00:01.5Z')", True),
        ("timestamp(-0.5) == timestamp('1969-12-31T23:59:59.5Z')", True),
        ("timestamp(0.0000019) == timestamp('1970-01-01T00:00:00.0000019Z')", True),
        ("timestamp(253402300799.999999) == timestamp('9999-12-31T23:59:59.999999Z')", True),
        ("timestamp(-62135596800) == timestamp('0001-01-01T00:00:00Z')", True),
        ("type(1) == type(1.5) && type(1u) == type(size('a'))", True),
        ("[int, uint, double].all(t, t == type(1.5))", True),
        ("type(true) == type(1)", False),
        ("'%s'.format([type(1)])", "double"),
        ("string(1.0) + string(1u) + string(10) + string(1.3E+3) + string(0 * -1)", "111013000"),
        ("string(9223372036854775808)", "9223372036854775808"),
        ("'%s %d %d'.format([1.50, 2.0, 1e21])", "1.5 2 1000000000000000000000"),
        ("'%x %o %b'.format([255, 8.0, 5])", "ff 10 101"),
        ("[2, 1.50, 1e3, true, 1 == 1.0]", [2, Decimal("1.5"), 1000, True, True]),
        ("{2.0: 'a', 1e3: 'b'}.map(k, string(k))", ["2", "1000"]),
        ("true in [1] || 1 in [true] || true == 1 || {1: 'a'} == {true: 'a'}", False),
    ],
)
def test_a_number_is_no_more_than_its_value(text: str, value: Any) -> None:
    assert rules.compile(text).evaluate({}) == value


@pytest.mark.parametrize(
    ("text", "digits"),
    [("50.0", "50"), ("1.3E+3", "1300"), ("-0.0", "0"), ("0 * -1", "0"), ("1e-7 * 10", "0.000001"), ("1.50", "1.5")],
)  # fmt: skip
def test_a_result_is_a_number_as_its_plain_digits_have_it(text: str, digits: str) -> None:
    assert repr(rules.compile(text).evaluate({})) == repr(Decimal(digits))


def test_json_keeps_its_40_digits() -> None:
    for number in (
        10**40 - 1,
        Decimal("0." + "7" * 40),
        Decimal("-1234567890123456789012345.012345678901234"),
    ):
        assert amount("event.amount", number) == number
        assert amount("event.amount + 1", number) == Fraction(number) + 1


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
