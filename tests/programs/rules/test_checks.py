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
        ("tags", 1, "tags", "There is no variable tags. Did you mean participant.tags?"),
        ('"vip" in tag', 10, "tag", "There is no variable tag. Did you mean participant.tags?"),
        ("event.x < null", 1, "event.x < null", "Null cannot be compared."),
        ("null * event.x", 1, "null * event.x", "Null cannot be multiplied."),
        ("amount > 5", 1, "amount", "There is no variable amount. Did you mean event.amount?"),
        ("tags.exists(t, t == 'a')", 1, "tags", "There is no variable tags. Did you mean participant.tags?"),
        ("program.name == CLUB", 17, "CLUB", 'There is no variable CLUB. Did you mean "CLUB"?'),
        ("participant.tags.contains('a')", 1, "participant.tags", "contains works on text, not on a list. Write 'a' in participant.tags."),
        ("evnt.amount > 5", 1, "evnt", "There is no variable evnt. Did you mean event?"),
        ("participant.tgas == []", 1, "participant.tgas", 'participant has no field "tgas". Did you mean participant.tags?'),
        ("participant.balances.PTS.availble > 1", 1, "participant.balances.PTS.availble", 'participant.balances.PTS has no field "availble". Did you mean participant.balances.PTS.available?'),
        ('participant["zzz"]', 1, 'participant["zzz"]', 'participant has no field "zzz". It has id, external_id, status, email, first_name, last_name, display_name, tags, attributes, counters, tiers, balances, enrolled_at, created_at.'),
        ('event.name.startswith("a")', 1, 'event.name.startswith("a")', "There is no function startswith. Did you mean startsWith?"),
        ("rond(1.5, 1)", 1, "rond(1.5, 1)", "There is no function rond. Did you mean round?"),
        ("math.absolute(1)", 1, "math.absolute(1)", "There is no function math.absolute. Did you mean math.abs?"),
        ("round(1.5, 1, 2)", 1, "round(1.5, 1, 2)", "round cannot be called with 3 arguments like this. Write round(number) or round(number, whole)."),
        ('contains("a", "b")', 1, 'contains("a", "b")', "contains cannot be called with 2 arguments like this. Write \"a\".contains(\"b\")."),
        ("participant.tags.startsWith('a')", 1, "participant.tags", "startsWith works on text, not on a list."),
        ("program.name.contains(5)", 23, "5", "contains takes text, not a number."),
        ("program.name > 5", 1, "program.name > 5", "Text cannot be compared with a number."),
        ("program.name == 5", 1, "program.name == 5", "Text never equals a number."),
        ("program.name + 5", 1, "program.name + 5", "Text and a number cannot be added. To turn a number into text, write string(…)."),
        ("now + 5", 1, "now + 5", "A time and a number cannot be added. Add a duration, as in now + duration(\"30d\"), or days, as in addDays(now, 30)."),
        ("!program.name", 2, "program.name", "The operand of ! must be true or false, not text."),
        ("-program.name", 1, "-program.name", "Text cannot be negated."),
        ("true && 5", 9, "5", "Both sides of && must be true or false, not a number."),
        ("5 ? 1 : 2", 1, "5", "The condition before ? must be true or false, not a number."),
        ("5 in 6", 1, "5 in 6", "`in` searches a list or a map, not a number."),
        ("now.foo", 1, "now.foo", 'A time has no field "foo".'),
        ("program.name.all(x, true)", 1, "program.name.all(x, true)", "all works on a list or a map, not on text."),
        ("event.items.all(x, 5)", 20, "5", "The condition of all must be true or false, not a number."),
        ("event.items.all(x.y, true)", 17, "x.y", "all needs a plain name first, as in items.all(x, …)."),
        ("event.items.exists(x)", 1, "event.items.exists(x)", "Write exists as list.exists(x, …)."),
        ("has(event)", 1, "has(event)", "has needs a field, as in has(a.b)."),
        ("event.order-id == 'A'", 1, "event.order-id", 'order-id is read as a subtraction. For the field with that name, write event["order-id"] or event.`order-id`.'),
        ('event.sku.matches("(")', 19, '"("', '"(" is not a valid regular expression: missing ): (.'),
        ("{1.5: 2}", 2, "1.5", "A map key must be text, a whole number, or true or false, not a number."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_suggestion(
    text: str, column: int, offending: str, message: str
) -> None:
    assert refusal(text) == (1, column, offending, message)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "The rule is empty. Write an expression, for example true."),
        ("event.amount = 5", 14, "“=” is not valid here. To compare, write ==."),
        ("true and false", 6, "Unexpected “and”: expected an operator such as &&, or the end. Did you mean &&?"),
        ("event.amount >", 15, 'The rule ends too early: expected a value, such as a name, 50 or "text".'),
        ("(event.amount > 5", 18, "The rule ends too early: expected an operator such as &&, or ) to close the bracket."),
        ("event.amount > 5)", 17, "Unexpected “)”: expected an operator such as &&, or the end. There is no open bracket for this ) to close."),
        ("event.amount => 5", 14, "“=>” is not valid here. Write >= or <=."),
        ("event.amount > 50,5", 18, "Unexpected “,”: expected an operator such as &&, or the end. Use a decimal point, as in 50.5."),
        ("event. == 5", 8, "Unexpected “==”: expected a field name."),
        ("event.type == 'purchase", 15, "The closing quote is missing."),
        ("event.type == “purchase”", 15, '“ does not start a string. Use straight quotes: "…".'),
        ("true ? 1", 9, "The rule ends too early: expected a colon and the other value, as in test ? 1 : 2."),
        ("event.a <> 5", 10, 'Unexpected “>”: expected a value, such as a name, 50 or "text". For “not equal”, write !=.'),
        ('"\\q"', 1, "\\q is not an escape sequence. Write \\\\ for a backslash."),
        ('"\\ud800"', 1, "\\ud800 is not a character."),
        ("for", 1, "for is a reserved word. Use another name."),
    ],
)  # fmt: skip
def test_what_is_not_the_language_is_refused_in_words(text: str, column: int, message: str) -> None:
    line, at, _, said = refusal(text)

    assert (line, at, said) == (1, column, message)


def test_the_place_counts_lines_and_columns_from_one() -> None:
    assert refusal('event.type == "purchase"\n  && "vip" in tags')[:3] == (2, 15, "tags")


def test_the_error_reads_as_one_sentence() -> None:
    with pytest.raises(
        RuleSyntaxError, match=r"^Line 1, column 1: There is no variable tags\. Did"
    ):
        vocabulary.compile("tags")


@pytest.mark.parametrize("text", ["event.amount", "event.a == 1", "get(event, 'a', true)", "true"])
def test_what_may_be_a_condition_is_one(text: str) -> None:
    vocabulary.compile(text, result="bool")


@pytest.mark.parametrize(
    "text", ["5", "program.name", "event.a + 1", "participant.tags", "now", "null"]
)
def test_what_cannot_be_true_or_false_is_no_condition(text: str) -> None:
    assert refusal(text, "bool")[3].startswith("A condition must be true or false, not ")


@pytest.mark.parametrize(
    "text", ["5", "event.a", "event.a * 2", "round(event.a, 2)", "event.ok ? 1 : 2.5"]
)
def test_what_may_be_an_amount_is_one(text: str) -> None:
    vocabulary.compile(text, result="number")


@pytest.mark.parametrize("text", ["'5'", "true", "now", "event.a > 1", "participant.tags", "null"])
def test_what_cannot_be_a_number_is_no_amount(text: str) -> None:
    assert refusal(text, "number")[3].startswith("An amount must be a number, not ")


def test_without_variables_nothing_is_checked_before_it_runs() -> None:
    expression = rules.compile('f(1) || unknown.size(1, 2) == "a" + 1 || true')

    assert expression.evaluate({}) is True


def test_all_mistakes_are_told_at_once_the_first_first() -> None:
    with pytest.raises(RuleSyntaxError) as error:
        vocabulary.compile('evnt.amount > 5 && rond(1.5) > 1 && program.name == 5 && "(" in tags')

    told = [(each.column, each.message) for each in (error.value, *error.value.others)]
    assert told == [
        (1, "There is no variable evnt. Did you mean event?"),
        (20, "There is no function rond. Did you mean round?"),
        (37, "Text never equals a number."),
        (65, "There is no variable tags. Did you mean participant.tags?"),
    ]


def test_a_mistake_is_not_told_again_for_what_is_made_of_it() -> None:
    with pytest.raises(RuleSyntaxError) as error:
        vocabulary.compile("round(evnt.amount + 1, 2) * 2 > 5 ? evnt.a : now")

    assert [each.column for each in (error.value, *error.value.others)] == [7, 37]


def test_of_very_many_mistakes_the_first_ones_are_told() -> None:
    with pytest.raises(RuleSyntaxError) as error:
        vocabulary.compile(" && ".join(f"nothing{n}" for n in range(300)))

    assert len(error.value.others) == 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 in participant.tags", "A number never equals text."),
        ('"a" in [1, 2]', "Text never equals a number."),
        ("now in participant.tags", "A time never equals text."),
        ("true in event.items.map(x, 1)", "True or false never equals a number."),
        ('event.skus.filter(s, program.name in [1]) == []', "Text never equals a number."),
    ],
)  # fmt: skip
def test_what_is_never_in_a_list_is_refused_where_it_is_written_and_runs_where_it_is_stored(
    text: str, message: str
) -> None:
    assert refusal(text)[3] == message
    assert vocabulary.compile(text, strict=False).source == text


@pytest.mark.parametrize(
    "text",
    [
        "null in participant.tags", "event.tag in participant.tags", "1 in event.numbers", '"a" in []',
        '"a" in [event.x, 1]', "1 in [1.5]", '[] in ["a", []]',
    ],
)  # fmt: skip
def test_what_may_be_in_a_list_is_no_error(text: str) -> None:
    vocabulary.compile(text)
