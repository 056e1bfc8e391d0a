"""Conditions as rows: rows to text and back, and text that rows can and cannot say."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.kernel.exceptions import ValidationFailed
from programs.rulebook import vocabulary
from programs.rulebook.builder import OPERATORS, Group, Row, clean, read, write
from programs.rulebook.reference import WORKED_RULES
from programs.rules import EvaluationError

TEXTS = st.sampled_from(["a", "b", "", "a\\", 'say "b"', "//", "é😀", "1"])
LISTED = st.sampled_from(["a", "b", "c d", "//", '"'])
NUMBERS = st.decimals(-1000, 1000, places=2) | st.sampled_from([Decimal("1E+30"), Decimal(0)])
PLAIN = ("event.type", "event.amount", 'event["order-id"]', "participant.counters.visits", "event.items.size()")  # fmt: skip
FIELDS = st.sampled_from([*PLAIN, "event.items.exists(item, item.sku)", 'event.items.exists(item, item["no-1"])', "now.getDayOfWeek()"])  # fmt: skip


@st.composite
def rows(draw: st.DrawFn) -> Row:
    name = draw(st.sampled_from(list(OPERATORS)))
    field = draw(FIELDS)
    operator = name.removeprefix("not ")
    if ".exists(" not in field and operator in (">", "<=") and draw(st.booleans()):
        return Row("now - participant.created_at", name, ("1d",), is_duration=True)
    values: tuple[Any, ...]
    if operator == "has":
        field = draw(st.sampled_from(["event.type", "participant.attributes.plan"]))
        values = ()
    elif operator == "in":
        values = tuple(draw(st.lists(LISTED, min_size=1, max_size=3) | st.lists(NUMBERS, min_size=1, max_size=3)))  # fmt: skip
    elif operator in ("startsWith", "endsWith", "contains"):
        values = (draw(TEXTS),)
    elif operator == "includes":
        field, values = "participant.tags", (draw(TEXTS | NUMBERS | st.booleans()),)
    elif operator in ("==", "!="):
        values = (draw(TEXTS | NUMBERS | st.booleans()),)
    else:
        values = (draw(NUMBERS),)
    return Row(field, name, values)


def groups(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Group]:
    join = st.sampled_from(["all", "any"])
    return st.builds(Group, join, st.lists(parts, min_size=2, max_size=3).map(tuple))


CONDITIONS = (
    st.just(Group())
    | rows().map(lambda row: Group(rows=(row,)))
    | groups(rows() | groups(rows() | groups(rows())))
)


@given(CONDITIONS)
def test_rows_read_back_as_they_are_written(condition: Group) -> None:
    text = write(condition)

    assert read(text) == condition
    assert clean(condition.as_dict()) == condition


NUMBER_FACTS = st.sampled_from([Decimal(0), Decimal(7), Decimal("0.5")])
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "type": TEXTS | NUMBER_FACTS | st.none(),
        "amount": NUMBER_FACTS | TEXTS,
        "items": st.lists(
            st.fixed_dictionaries({}, optional={"sku": TEXTS, "n": NUMBER_FACTS}), max_size=2
        ),
    },
)
# As people write: other quotes, brackets and spaces, names of their own for an element.
PEOPLE_SAY = [
    "event.type=='a'",
    "(event.type == r'a' && (event.amount>0x5)) || has(event.items)",
    "event['type'] in ['a', \"b\"] && !(event.amount in [0, 7.0])",
    "event.items.exists(i, i.sku.startsWith('a')) || event.items.exists(each, each.n >= 5e-1)",
    "event.items.exists(x, x.sku in ['a'] ) && event.amount != -0.50",
    "event.type == 'a' && event.type == 'a' && (event.amount < 7 || (event.amount > 7 && true == true))",
    "!has(event.type) || event.type == '''b'''",
    "event.type == true || !('a' in event.items)",
    "event.items.size() > 1u && event.type.contains('a\\u0062')",
]


@given(st.sampled_from(PEOPLE_SAY), FACTS)
def test_text_that_is_read_as_rows_means_the_same_when_it_is_written(
    text: str, event: dict[str, Any]
) -> None:
    condition = read(text)
    if "true == true" in text:
        assert condition is None
        return
    assert condition is not None, text
    assert outcome(write(condition), event) == outcome(text, event)


def outcome(text: str, event: dict[str, Any]) -> Any:
    try:
        return vocabulary.compile(text, "bool", strict=False).evaluate({"event": event})
    except EvaluationError as error:
        return type(error)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "event.amount >",
        "event.amount > 5 // as agreed",
        "event.type == ('a' // why\n)",
        "event.amount > event.limit",
        "event.amount * 2 > 5",
        "5 < event.amount",
        "event.flag",
        "false",
        "event.a > 1 ? true : false",
        "event.?coupon == 'A'",
        ".event.amount > 5",
        "event.a == null",
        "event.a == 'two\\nlines'",
        "event.a in ['a,b']",
        "event.a in ['a', 1]",
        "event.a in [1, true]",
        "event.a in []",
        "!event.a.startsWith('x')",
        "!event.items.exists(i, i.sku == 'A')",
        "event.items.exists(i, event.sku == 'A')",
        "event.items.exists(i, i.parts.exists(p, p.a == 1))",
        "event.items.exists(i, item.sku == 'A')",
        "event['x.exists(item, '] == 1",
        "a == 1 && (b == 1 || (c == 1 && (d == 1 || e == 1)))",
        " && ".join(["event.a == 1"] * 51),
    ],
)
def test_what_says_more_than_rows_stays_text(text: str) -> None:
    assert read(text) is None


def test_most_worked_rules_are_rows() -> None:
    said = [rule.name for rule in WORKED_RULES if read(rule.condition.strip())]

    assert len(said) >= 14


def test_a_long_condition_has_its_parts_in_lines() -> None:
    condition = read("event.type == 'purchase' && event.amount > 50 && event.currency in ['EUR', 'USD', 'CHF']")  # fmt: skip

    assert condition is not None
    assert write(condition).split("\n") == [
        'event.type == "purchase"',
        "&& event.amount > 50",
        '&& event.currency in ["EUR", "USD", "CHF"]',
    ]


def row(**more: Any) -> dict[str, Any]:
    return {"field": "event.a", "operator": "==", "kind": "text", "values": ["a"], **more}


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (row(field=""), "Choose a field."),
        (row(operator="~"), "Choose how to compare."),
        (row(values=[]), "Give a value."),
        (row(values=["a", "b"]), "Give a value."),
        (row(kind="number", values=["many"]), 'Write a number, such as 49.90, not "many".'),
        (row(kind="bool"), "Choose yes or no."),
        (row(field="true) || (event.a"), "Rows cannot compare these."),
        (row(operator=">"), "Rows cannot compare these."),
        (row(operator="in", values=["a,b"]), "Rows cannot compare these."),
        (3, "Choose a field."),
    ],
)
def test_a_row_that_is_not_whole_is_refused_by_its_place(sent: Any, words: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        clean({"join": "all", "rows": [row(), {"join": "any", "rows": [row(), sent]}]})

    (error,) = refused.value.fields
    assert error.field == "rows[1].rows[1]"
    assert error.message.startswith(words)


@pytest.mark.parametrize(
    "sent", [None, [], {"join": "none", "rows": []}, {"join": "all", "rows": [row()] * 51}]
)
def test_what_is_no_group_of_rows_is_refused(sent: Any) -> None:
    with pytest.raises(ValidationFailed):
        clean(sent)


def test_a_group_of_one_row_is_that_row() -> None:
    one = {"join": "any", "rows": [{"join": "any", "rows": [row()]}]}

    assert write(clean(one)) == 'event.a == "a"'
    assert clean({"join": "any", "rows": [{"join": "all", "rows": []}]}) == Group()
