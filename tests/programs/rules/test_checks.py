"""What is wrong with a rule is said where it stands, with what was expected, before it ever runs."""

import pytest

from programs import rules
from programs.rulebook import vocabulary
from programs.rules import RuleSyntaxError
from programs.rules.expression import Result


def refusal(text: str, result: Result | None = None) -> tuple[int, int, str, str]:
    with pytest.raises(RuleSyntaxError) as error:
        vocabulary.compile(text, result=result)
    wrong = error.value
    return wrong.line, wrong.column, wrong.offending, wrong.message


@pytest.mark.parametrize(
    ("text", "column", "offending", "message"),
    [
        ("tags", 1, "tags", "There is no variable tags; did you mean participant.tags?"),
        ('"vip" in tag', 10, "tag", "There is no variable tag; did you mean participant.tags?"),
        ("amount > 5", 1, "amount", "There is no variable amount; did you mean event.amount?"),
        ("tags.exists(t, t == 'a')", 1, "tags", "There is no variable tags; did you mean participant.tags?"),
        ("program.name == CLUB", 17, "CLUB", 'There is no variable CLUB; did you mean "CLUB"?'),
        ("participant.tags.contains('a')", 1, "participant.tags", "contains is for text, not a list. Of a list, write x in list."),
        ("evnt.amount > 5", 1, "evnt", "There is no variable evnt; did you mean event?"),
        ("participant.tgas == []", 1, "participant.tgas", 'participant has no field "tgas"; did you mean participant.tags?'),
        ("participant.balances.PTS.availble > 1", 1, "participant.balances.PTS.availble", 'participant.balances.PTS has no field "availble"; did you mean participant.balances.PTS.available?'),
        ('participant["zzz"]', 1, 'participant["zzz"]', 'participant has no field "zzz". It has id, external_id, status, tags, attributes, counters, tiers, balances, created_at.'),
        ('event.name.startswith("a")', 1, 'event.name.startswith("a")', "There is no function startswith; did you mean startsWith?"),
        ("rond(1.5, 1)", 1, "rond(1.5, 1)", "There is no function rond; did you mean round?"),
        ("math.absolute(1)", 1, "math.absolute(1)", "There is no function math.absolute; did you mean math.abs?"),
        ("round(1.5, 1, 2)", 1, "round(1.5, 1, 2)", "round does not take 3 arguments like this. Write round(number) or round(number, int)."),
        ('contains("a", "b")', 1, 'contains("a", "b")', "contains does not take 2 arguments like this. Write string.contains(string)."),
        ("participant.tags.startsWith('a')", 1, "participant.tags", "startsWith is for text, not a list."),
        ("program.name.contains(5)", 23, "5", "contains takes text, not a whole number."),
        ("program.name > 5", 1, "program.name > 5", "Text cannot be compared with a whole number."),
        ("program.name == 5", 1, "program.name == 5", "Text never equals a whole number."),
        ("program.name + 5", 1, "program.name + 5", "Text and a whole number cannot be added. To make text of a number, write string(…)."),
        ("now + 5", 1, "now + 5", "A time and a whole number cannot be added."),
        ("!program.name", 2, "program.name", "What ! turns around must be true or false, not text."),
        ("-program.name", 1, "-program.name", "There is no negative of text."),
        ("true && 5", 9, "5", "What stands beside && must be true or false, not a whole number."),
        ("5 ? 1 : 2", 1, "5", "What stands before ? must be true or false, not a whole number."),
        ("5 in 6", 1, "5 in 6", "`in` looks into a list or a map, not into a whole number."),
        ("now.foo", 1, "now.foo", 'A time has no field "foo".'),
        ("program.name.all(x, true)", 1, "program.name.all(x, true)", "all goes through a list or a map, not text."),
        ("event.items.all(x, 5)", 20, "5", "The condition of all must be true or false, not a whole number."),
        ("event.items.all(x.y, true)", 17, "x.y", "all binds a plain name, as in items.all(x, …)."),
        ("event.items.exists(x)", 1, "event.items.exists(x)", "exists is written like list.exists(x, …)."),
        ("has(event)", 1, "has(event)", "has takes a field, as in has(event.coupon)."),
        ("event.order-id == 'A'", 1, "event.order-id", 'order-id is read as a subtraction. For the field of that name write event["order-id"] or event.`order-id`.'),
        ('event.sku.matches("(")', 19, '"("', '"(" is not a pattern: missing ): (.'),
        ("{1.5: 2}", 2, "1.5", "A map's key must be text, a whole number or a bool, not a number."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_suggestion(
    text: str, column: int, offending: str, message: str
) -> None:
    assert refusal(text) == (1, column, offending, message)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "There is nothing here; write a condition, for example true."),
        ("event.amount = 5", 14, "“=” has no meaning here. To compare, write ==."),
        ("true and false", 6, "“and” cannot stand here: an operator such as && was expected, or the end; did you mean &&?"),
        ("event.amount >", 15, 'The rule ends too early: a value was expected, such as event.amount, 50 or "text".'),
        ("(event.amount > 5", 18, "The rule ends too early: an operator such as && was expected, or ) to close the bracket."),
        ("event.amount > 5)", 17, "“)” cannot stand here: an operator such as && was expected, or the end. There is no bracket that this ) closes."),
        ("event.amount => 5", 14, "“=>” has no meaning here. Write >= or <=."),
        ("event.amount > 50,5", 18, "“,” cannot stand here: an operator such as && was expected, or the end. Decimals are written with a point, as in 50.5."),
        ("event. == 5", 8, "“==” cannot stand here: the name of a field was expected."),
        ("event.type == 'purchase", 15, "The quotes are not closed."),
        ("event.type == “purchase”", 15, '“ does not begin a text; write straight quotes: "…".'),
        ("true ? 1", 9, "The rule ends too early: a colon and the other value were expected, as in test ? 1 : 2."),
        ("event.a <> 5", 10, '“>” cannot stand here: a value was expected, such as event.amount, 50 or "text". For unequal, write !=.'),
        ('"\\q"', 1, "\\q is no escape; write \\\\ for a backslash."),
        ('"\\ud800"', 1, "\\ud800 is not a character."),
        ("for", 1, "for is a reserved word; it cannot name anything here."),
    ],
)  # fmt: skip
def test_what_is_not_the_language_is_refused_in_words(text: str, column: int, message: str) -> None:
    line, at, _, said = refusal(text)

    assert (line, at, said) == (1, column, message)


def test_the_place_counts_lines_and_columns_from_one() -> None:
    assert refusal('event.type == "purchase"\n  && "vip" in tags')[:3] == (2, 15, "tags")


def test_the_error_reads_as_one_sentence() -> None:
    with pytest.raises(RuleSyntaxError, match=r"^Line 1, column 1: There is no variable tags; did"):
        vocabulary.compile("tags")


@pytest.mark.parametrize("text", ["event.amount", "event.a == 1", "get(event, 'a', true)", "true"])
def test_what_may_be_a_condition_is_one(text: str) -> None:
    vocabulary.compile(text, result="bool")


@pytest.mark.parametrize(
    "text", ["5", "program.name", "event.a + 1", "participant.tags", "now", "null"]
)
def test_what_cannot_be_true_or_false_is_no_condition(text: str) -> None:
    assert refusal(text, "bool")[3].startswith("A condition is true or false, not ")


@pytest.mark.parametrize(
    "text", ["5", "event.a", "event.a * 2", "round(event.a, 2)", "event.ok ? 1 : 2.5"]
)
def test_what_may_be_an_amount_is_one(text: str) -> None:
    vocabulary.compile(text, result="number")


@pytest.mark.parametrize("text", ["'5'", "true", "now", "event.a > 1", "participant.tags", "null"])
def test_what_cannot_be_a_number_is_no_amount(text: str) -> None:
    assert refusal(text, "number")[3].startswith("An amount is a number, not ")


def test_without_variables_nothing_is_checked_before_it_runs() -> None:
    expression = rules.compile('f(1) || unknown.size(1, 2) == "a" + 1 || true')

    assert expression.evaluate({}) is True
