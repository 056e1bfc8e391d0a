"""Functions on lists: what they give, what they refuse, and in which words."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from programs import rules
from programs.rulebook import vocabulary
from programs.rules import EvaluationError, MissingField, RuleSyntaxError
from programs.rules.budget import new_run
from programs.rules.elements import identity
from programs.rules.values import equal, written

LINES = [
    {"sku": "C-1", "category": "coffee", "price": Decimal("12.50"), "quantity": 2},
    {"sku": "M-1", "category": "mugs", "price": Decimal("74.50"), "quantity": 1},
    {"sku": "C-2", "category": "coffee", "price": Decimal("9.90"), "quantity": 3},
]
EVENT: dict[str, Any] = {
    "lines": LINES,
    "none": [],
    "numbers": [3, Decimal("1.5"), 2],
    "texts": ["b", "a", "B"],
    "bools": [True, False],
    "mixed": [1, "a"],
    "holes": [1, None, 2],
    "lists": [[1, 2], [3], []],
    "deep": [[1, [2, [3]]], 4],
    "maps": [{"a": 1}, {"a": Decimal("1.0")}, {"a": True}],
    "times": ["2026-03-01T00:00:00Z", "2026-01-01T00:00:00Z"],
}


def evaluate(text: str) -> Any:
    facts = {"event": EVENT, "now": datetime(2026, 1, 15, tzinfo=UTC)}
    return vocabulary.compile(text).evaluate(facts)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('event.lines.filter(l, l.category == "coffee").map(l, l.price * l.quantity).sum()', "54.7"),
        ("event.lines.map(l, l.quantity).sum() / 4", "1.5"),
        ("event.none.sum()", "0"),
        ("[].sum() + 1", "1"),
        ("[0.1, 0.2].sum() == 0.3", "true"),
        ("event.numbers.sum()", "6.5"),
        ('[duration("1h"), duration("30m")].sum()', 'duration("5400s")'),
        ("event.lines.filter(l, l.quantity > 5).map(l, l.price).sum()", "0"),
        ("event.numbers.min()", "1.5"),
        ("event.numbers.max() * 2", "6"),
        ("[5].min()", "5"),
        ("event.texts.min()", '"B"'),
        ("event.texts.max()", '"b"'),
        ("event.lines.map(l, l.price).max()", "74.5"),
        ("event.times.map(t, timestamp(t)).min()", 'timestamp("2026-01-01T00:00:00Z")'),
        ("event.times.map(t, timestamp(t)).max() > now", "true"),
        ('[duration("1h"), duration("90m")].max()', 'duration("5400s")'),
        ("min(event.numbers)", "1.5"),
        ("max(event.texts)", '"b"'),
        ("min(3, 1, 2)", "1"),
        ("max([4])", "4"),
        ("event.numbers.sort()", "[1.5, 2, 3]"),
        ("event.texts.sort()", '["B", "a", "b"]'),
        ("event.none.sort()", "[]"),
        ("[1.0, 1, 1.00].sort()", "[1, 1, 1]"),
        ("event.numbers.sort().reverse()", "[3, 2, 1.5]"),
        ("[b'b', b'a'].sort() == [b'a', b'b']", "true"),
        ('event.times.map(t, timestamp(t)).sort()[0].getMonth()', "0"),
        ("event.lines.sortBy(l, l.price).map(l, l.sku)", '["C-2", "C-1", "M-1"]'),
        ("event.lines.sortBy(l, -l.price).first().sku", '"M-1"'),
        ("event.lines.sortBy(l, l.category).map(l, l.sku)", '["C-1", "C-2", "M-1"]'),  # equal ones stay
        ("event.lines.sortBy(l, l.price).slice(0, 2).map(l, l.price).sum()", "22.4"),
        ("event.lines.map(l, l.price).sortBy(p, -p)[0]", "74.5"),
        ("event.none.sortBy(x, x.a)", "[]"),
        ("[3, 1, 2].sortBy(x, x * x)", "[1, 2, 3]"),
        ("event.lines.map(l, l.category).distinct()", '["coffee", "mugs"]'),
        ("size(event.lines.map(l, l.category).distinct())", "2"),
        ("[1, 1.0, true, 'a', \"a\", b'a', null, null].distinct()", "[1, true, \"a\", b'a', null]"),
        ("event.maps.distinct()", '[{"a": 1}, {"a": true}]'),
        ("[[1, 2], [1, 2.0], [2, 1], [[1, 2]]].distinct()", "[[1, 2], [2, 1], [[1, 2]]]"),
        ("[{1: 'a', 2: 'b'}, {2: 'b', 1: 'a'}].distinct().size()", "1"),
        ("[{true: 1}, {1: 1}].distinct().size()", "2"),
        ('[int, "int", type(1)].distinct().size()', "2"),
        ("[now, now, duration('1h'), duration('60m')].distinct().size()", "2"),
        ("event.none.distinct()", "[]"),
        ("event.lines.first().sku", '"C-1"'),
        ("event.lines.last().sku", '"C-2"'),
        ("event.numbers.first() + event.numbers.last()", "5"),
        ("[null].first() == null", "true"),
        ("event.lists.flatten()", "[1, 2, 3]"),
        ("event.deep.flatten()", "[1, [2, [3]], 4]"),
        ("event.deep.flatten(2)", "[1, 2, [3], 4]"),
        ("event.deep.flatten(0) == event.deep", "true"),
        ("event.deep.flatten(100)", "[1, 2, 3, 4]"),
        ("[1, [], 2, [[]]].flatten()", "[1, 2, []]"),
        ("event.none.flatten()", "[]"),
        ("event.lists.flatten().sum()", "6"),
        ("event.numbers.slice(0, 2)", "[3, 1.5]"),
        ("event.numbers.slice(1, 3)", "[1.5, 2]"),
        ("event.numbers.slice(1, 1)", "[]"),
        ("event.numbers.slice(0, 3) == event.numbers", "true"),
        ("event.numbers.slice(0, min(10, size(event.numbers))).size()", "3"),
        ("event.texts.reverse()", '["B", "a", "b"]'),
        ('"abc".reverse()', '"cba"'),
        ("event.none.reverse()", "[]"),
        ("event.lines.map(l, l.sku).reverse().join()", '"C-2M-1C-1"'),
        # Where an optional value is wanted, first() and last() give one, as in CEL.
        ("event.none.first().orValue(5)", "5"),
        ("event.numbers.first().orValue(5)", "3"),
        ("event.none.last().hasValue()", "false"),
        ("event.numbers.last().hasValue()", "true"),
        ("event.numbers.last().value()", "2"),
        ("event.none.first().?price.orValue(0)", "0"),
        ("event.lines.first().?price.orValue(0)", "12.5"),
        ("event.none.first().price.orValue(0)", "0"),
        ("event.lines.last().price.orValue(0)", "9.9"),
        ('event.lines.first()["price"].orValue(0)', "12.5"),
        ("event.none.first().or(event.numbers.first().or(optional.none())).orValue(5) == 5", "false"),
        ("event.numbers.first().optMap(x, x * 2).orValue(0)", "6"),
        ("event.lines.filter(l, l.price > 100).first().optMap(l, l.price).orValue(0)", "0"),
    ],
)  # fmt: skip
def test_a_list_gives_its_value(text: str, value: str) -> None:
    assert written(evaluate(text)) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("event.none.min()", "An empty list has no smallest element."),
        ("max(event.none) > 5", "An empty list has no largest element."),
        ("event.none.first()", "An empty list has no first element."),
        ("event.none.last().price", "An empty list has no last element."),
        ("event.numbers.slice(1, 4)", "slice cannot end at 4: the list has 3 elements."),
        ("event.holes.sum()", "sum: the list has null at position 1."),
        ("event.holes.max()", "max: the list has null at position 1."),
        ("event.holes.sort()", "sort: the list has null at position 1."),
        ("event.holes.sortBy(x, x)", "x is null."),
        ("event.lines.map(l, l.discount).sum()", "l.discount is missing."),
    ],
)
def test_what_a_list_does_not_have_is_missing(text: str, words: str) -> None:
    with pytest.raises(MissingField) as raised:
        evaluate(text)

    assert str(raised.value) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("event.texts.sum()", "sum takes numbers or durations, not text."),
        ("event.bools.sum()", "sum takes numbers or durations, not true or false."),
        ("event.mixed.sum()", "sum takes numbers or durations, not text."),
        ("[1, dyn(duration('1h'))].sum()", "sum takes values of one kind. This list has a number and a duration."),
        ("event.bools.sort()", "sort takes numbers, text, times or durations, not true or false."),
        ("event.bools.max()", "max takes numbers, text, times or durations, not true or false."),
        ("event.lines.sort()", "sort takes numbers, text, times or durations, not a map."),
        ("event.lists.min()", "min takes numbers, text, times or durations, not a list."),
        ("event.mixed.sort()", "sort takes values of one kind. This list has a number and text."),
        ("event.mixed.min()", "min takes values of one kind. This list has a number and text."),
        ("[dyn(true), dyn(1)].sort()", "sort takes numbers, text, times or durations, not true or false."),
        ("event.lines.sortBy(l, l)", "sortBy takes numbers, text, times or durations, not a map."),
        ("event.lines.sortBy(l, l.price > 10)", "sortBy takes numbers, text, times or durations, not true or false."),
        ("event.mixed.sortBy(x, x)", "sortBy takes values of one kind. This list has a number and text."),
        ("event.numbers.slice(2, 1)", "slice takes positions from 0 up, in order, not 2 and 1."),
        ("event.numbers.slice(-1, 1)", "slice takes positions from 0 up, in order, not -1 and 1."),
        ("event.numbers.flatten(-1)", "flatten takes a depth from 0 up."),
        ("[dyn(duration('2000000h')), duration('2000000h')].sum()", "The duration is longer than 292 years."),
        ("event.lines.first().sum()", "A map has no sum()."),
        ("event.numbers.first().price", "a number has no field"),
    ],
)  # fmt: skip
def test_what_a_list_cannot_do_is_said(text: str, words: str) -> None:
    # Without an environment, so that nothing is refused before it runs.
    with pytest.raises(EvaluationError) as raised:
        rules.compile(text).evaluate({"event": EVENT})

    assert words in str(raised.value)
    assert not isinstance(raised.value, MissingField)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('["a", "b"].sum()', "sum works on a list of numbers or a list of durations, not on a list of text."),
        ("participant.tags.sum()", "sum works on a list of numbers or a list of durations, not on a list of text."),
        ("[true].sort()", "sort works on a list of numbers, text, times or durations, not on a list of"),
        ("[[1]].max()", "max works on a list of numbers, text, times or durations, not on a list of lists."),
        ("now.sum()", "sum works on a list, not on a time."),
        ("event.lines.sortBy(l, l.price > 5)", "sortBy sorts by numbers, text, times or durations, not by true or false."),
        ('["a"].first() + 1', "Text and a number cannot be added."),
        ("[1].sort().first().startsWith('a')", "startsWith works on text, not on a number."),
        ("participant.tags.sort().map(t, t + 1)", "Text and a number cannot be added."),
        ("participant.tags.reverse()[0] * 2", "Text and a number cannot be multiplied."),
        ("participant.tags.max() > 5", "Text cannot be compared with a number."),
        ("[1].slice('a', 1)", "slice takes a"),
        ("event.lines.sortBy(5, 1)", "sortBy needs a plain name first"),
        ("event.lines.sortBy(l)", "sortBy"),
        ("sum(event.lines)", "sum"),
        ("participant.tags.first().orValue(5) + 1", ""),
    ],
)  # fmt: skip
def test_what_can_never_be_done_is_refused_where_it_is_written(text: str, words: str) -> None:
    if not words:
        vocabulary.compile(text)
        return
    with pytest.raises(RuleSyntaxError) as raised:
        vocabulary.compile(text)

    assert words in raised.value.message


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2).map(Decimal)
    | st.sampled_from([Decimal("1.0"), Decimal("1.00"), "1", "", b"1", timedelta(1)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)
    ),
    max_leaves=6,
)


@settings(max_examples=500, derandomize=True)
@given(_values, _values)
def test_two_values_have_one_identity_where_they_are_equal(one: Any, other: Any) -> None:
    run = new_run(0)

    assert (identity(one, run) == identity(other, run)) is equal(one, other, run)


@settings(max_examples=200, derandomize=True)
@given(st.lists(st.decimals(-10, 10, places=2) | st.integers(-10, 10), max_size=8))
def test_lists_of_numbers_are_as_pythons(numbers: list[Any]) -> None:
    def ours(text: str) -> Any:
        return vocabulary.compile(text).evaluate({"event": {"numbers": numbers}})

    assert ours("event.numbers.sum()") == sum(numbers)
    assert ours("event.numbers.sort()") == sorted(numbers)
    assert ours("event.numbers.sortBy(x, -x)") == sorted(numbers, reverse=True)
    assert ours("event.numbers.distinct()") == list(dict.fromkeys(numbers))
    assert ours("event.numbers.reverse()") == numbers[::-1]
    if numbers:
        assert ours("event.numbers.min()") == min(numbers)
        assert ours("event.numbers.max()") == max(numbers)
        assert ours("event.numbers.slice(1, size(event.numbers))") == numbers[1:]


@pytest.mark.parametrize("shortcuts", [True, False])
def test_an_evaluation_leaves_its_lists_as_they_are(shortcuts: bool) -> None:
    numbers = [Decimal(3), Decimal(1), Decimal(2)]
    text = "[event.numbers.sort(), event.numbers.reverse(), event.numbers.flatten(), event.numbers.sortBy(x, x)]"

    rules.compile(text, vocabulary.ENVIRONMENT, shortcuts=shortcuts).evaluate(
        {"event": {"numbers": numbers}}
    )

    assert numbers == [3, 1, 2]
