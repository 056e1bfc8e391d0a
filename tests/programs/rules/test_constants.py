"""What can never work is refused where it is written, with its place."""

import time
from contextlib import suppress

import pytest

from programs import rules
from programs.rulebook import vocabulary
from programs.rules import EvaluationError, RuleSyntaxError


def refusals(text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(RuleSyntaxError) as error:
        vocabulary.compile(text)
    return [
        (each.column, each.offending, each.message) for each in (error.value, *error.value.others)
    ]


@pytest.mark.parametrize(
    ("text", "column", "offending", "message"),
    [
        ('now - duration("60x") > timestamp(event.when)', 7, 'duration("60x")', '"60x" is not a duration. Write it like "60d", "36h" or "1h30m".'),
        ('timestamp("2026-13-01T00:00:00Z") < now', 1, 'timestamp("2026-13-01T00:00:00Z")', 'There is no such time as "2026-13-01T00:00:00Z".'),
        ('timestamp("soon")', 1, 'timestamp("soon")', '"soon" is not a time. Write it like "2026-01-15T10:30:00Z".'),
        ('now > date("2026-02-30")', 7, 'date("2026-02-30")', 'There is no such day as "2026-02-30".'),
        ('startOfDay(date("1990-02-29"))', 12, 'date("1990-02-29")', 'There is no such day as "1990-02-29".'),
        ('now.getHours("Europa/Berlin") > 5', 1, 'now.getHours("Europa/Berlin")', '"Europa/Berlin" is not a time zone. Write it like "Europe/Berlin" or "+02:00".'),
        ('timestamp(event.when).getDate("+25:00")', 1, 'timestamp(event.when).getDate("+25:00")', '"+25:00" is not a time zone. Write it like "Europe/Berlin" or "+02:00".'),
        ("addDays(now, 9000000)", 1, "addDays(now, 9000000)", "The time is outside the years 1 to 9999."),
        ('event.n + int("x")', 11, 'int("x")', '"x" is not a whole number.'),
        ('int("1.5")', 1, 'int("1.5")', '"1.5" is not a whole number.'),
        ('double("1,5")', 1, 'double("1,5")', '"1,5" is not a number.'),
        ('bool("yes")', 1, 'bool("yes")', '"yes" is neither true nor false.'),
        ("event.n + 1 / 0", 11, "1 / 0", "Division by zero."),
        ("event.amount / 0", 1, "event.amount / 0", "Division by zero."),
        ("event.amount * 2 % 0 + 1", 1, "event.amount * 2 % 0", "Division by zero."),
        ("event.amount / (size('ab') - 2)", 1, "event.amount / (size('ab') - 2)", "Division by zero."),
        ("round(event.amount, 99)", 1, "round(event.amount, 99)", "round takes -50 to 50 decimals."),
        ("math.sqrt(-1)", 1, "math.sqrt(-1)", "A negative number has no square root."),
        ("1e1000 * 1e1000", 1, "1e1000 * 1e1000", "A number has more than 50 digits or an exponent beyond 1,000."),
        ("[1, 2][2]", 1, "[1, 2][2]", "[1, 2][2] is missing: the list has 2 elements."),
        ("[1, 2][0.5]", 1, "[1, 2][0.5]", "A position must be a whole number, not 0.5."),
        ("event.items[0.5].price", 1, "event.items[0.5]", "A position must be a whole number, not 0.5."),
        ("event.items[-1].price", 1, "event.items[-1]", "Positions count from 0. For the last element, write event.items.last()."),
        ('{"gold": 2}["silver"]', 1, '{"gold": 2}["silver"]', '{"gold": 2}["silver"] is missing.'),
        ('{"gold": 2}.silver', 1, '{"gold": 2}.silver', '{"gold": 2}.silver is missing.'),
        ('{"a": event.x, "a": 2}', 1, '{"a": event.x, "a": 2}', "A map has the same key twice."),
        ("[].first()", 1, "[].first()", "An empty list has no first element."),
        ("min([])", 1, "min([])", "An empty list has no smallest element."),
        ('[1, "a"].sum()', 1, '[1, "a"].sum()', "sum takes numbers or durations, not text."),
        ('"abc".charAt(9)', 1, '"abc".charAt(9)', "Position 9 is outside a text of 3 characters."),
        ('"%q".format([1])', 1, '"%q".format([1])', '"%q" is not a format clause. Write %% for a percent sign.'),
        ('event.sku.matches("a" + "(")', 1, 'event.sku.matches("a" + "(")', '"a(" is not a valid regular expression: missing ): a(.'),
        ("optional.none().value()", 1, "optional.none().value()", "The optional value is missing."),
        # Wherever it stands, and although CEL would absorb it.
        ("event.items.map(i, int('x'))", 20, "int('x')", '"x" is not a whole number.'),
        ("cel.bind(x, duration('5q'), now + x)", 13, "duration('5q')", '"5q" is not a duration. Write it like "60d", "36h" or "1h30m".'),
        ("get(event, 'x', int('y'))", 17, "int('y')", '"y" is not a whole number.'),
        ("has(event.x) ? event.x : int('y')", 26, "int('y')", '"y" is not a whole number.'),
        ("optional.of(9).orValue(1 / 0)", 24, "1 / 0", "Division by zero."),
        ("false ? 1 / 0 : 1", 9, "1 / 0", "Division by zero."),
        ("true || 1 / 0 > 1", 9, "1 / 0", "Division by zero."),
    ],
)  # fmt: skip
def test_what_is_written_out_and_has_no_value_is_refused(
    text: str, column: int, offending: str, message: str
) -> None:
    assert refusals(text) == [(column, offending, message)]


def test_each_of_them_is_told_once() -> None:
    found = refusals("1 / 0 + int('x') > 5 ||\n event.a > duration('9q') - duration('1h')")

    assert [offending for _, offending, _ in found] == ["1 / 0", "int('x')", "duration('9q')"]


@pytest.mark.parametrize(
    "text",
    [
        "event.x / event.y", "'abc'.substring(event.n)", "[1, 2][event.n]", "{'a': 1}[event.k]", "'%d'.format([event.x])",
        "[1, 2][?5].orValue(0)", "{'a': 1}.?b.orValue(0)", "has({'a': 1}.b)", "get({'a': 1}, 'b', 0)", "round(event.x, event.n)",
        "[event.x].first()", "{-1: 2}[-1]", "timestamp(event.when) - duration('1h')", "addDays(date('2026-05-01'), 5)",
        "optional.of(1).orValue(int(event.x))", "[1, 2].exists(x, x / (x - 1) > 1)", "now.getHours('Europe/Berlin')",
        "'1' in ['1']", "type(1) == int", "null == event.x", "'a' + event.x", "string(1 / 3)", "[?event.?x]", "event.x[5]",
        "{?'a': event.?x, 'a': 1}",
    ],
)  # fmt: skip
def test_what_may_have_a_value_is_none_of_it(text: str) -> None:
    vocabulary.compile(text)


def test_a_stored_rule_goes_on_as_it_is() -> None:
    stored = vocabulary.compile("event.a == 1 || now < now + duration('60x')", strict=False)

    assert stored.evaluate({"event": {"a": 1}}) is True


def test_with_no_environment_it_is_an_error_of_the_evaluation() -> None:
    with pytest.raises(EvaluationError, match="Division by zero"):
        rules.compile("1 / 0").evaluate({})
    assert rules.compile("true || 1 / 0 > 1").evaluate({}) is True


@pytest.mark.parametrize(
    "text",
    [
        "(" + "'" + "a" * 1000 + "'.split('')" + ".join('bbbbbbbbbb')" * 100 + ")",
        "size('" + "a" * 900 + "'" + ".replace('a', 'aaaaaaaaaa')" * 90 + ")",
        "[" + ", ".join(["'a'.matches('(a|b)*' + 'a')"] * 120) + "]",
        "1" + " * 1e9" * 600, "size([" + "[1, 2, 3].sort(), " * 200 + "])", "now.getHours('x') + " * 180 + "1",
        "[" + "[" * 30 + ", ".join(["1"] * 1500) + "]" * 31 + ".flatten(30).sort().distinct()",
    ],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_what_is_evaluated_does_not_stall_the_compiler(text: str) -> None:
    def work() -> float:
        begin = time.thread_time()
        with suppress(RuleSyntaxError):
            vocabulary.compile(text)
        return time.thread_time() - begin

    assert min(work() for _ in range(3)) < 0.25
