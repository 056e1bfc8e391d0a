"""Facts in, values out: what has() and get() see, times, keys, what is shared and what is not."""

from dataclasses import FrozenInstanceError, fields
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any

import pytest

from programs.rulebook import vocabulary
from programs.rulebook.reference import FACTS
from programs.rules import EvaluationError


def evaluate(rule: str, /, **event: Any) -> Any:
    return vocabulary.compile(rule, strict=False).evaluate({**FACTS, "event": event})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("has(event.coupon)", True),  # it is there, and null
        ("has(event.discount)", False),
        ("event.coupon == null", True),
        ('get(event, "discount", 5)', 5),
        ('get(event, "coupon", 5)', 5),
        ('get(event, "amount", 5) / 3 > 6', True),
        ('get(participant.counters, "visits", 0) + 1', 10),
        ('event["order-id"]', "A-1"),
        ("event.`order-id`", "A-1"),
        ('has(event.`order-id`) && "order-id" in event', True),
        ("event.items[1]", Decimal(3)),
        ("event.items[event.items[0]]", Decimal(3)),
        ("event.items.map(i, i / 2)", [Decimal("0.5"), Decimal("1.5")]),
        ("event.items.filter(i, i > 1)", [Decimal(3)]),
        ("event.items.exists(i, i in event.items)", True),
        ("type(event.items[0]) == double && type(size(event.items)) == int", True),
        ("timestamp(event.when) - now", timedelta(hours=1)),
        ("now.getHours('Europe/Berlin')", 11),
        ("participant.tiers.status.rank >= 2", True),
        ("b'abc'", b"abc"),
        ("{'a': [1, null, true]}", {"a": [1, None, True]}),
        ("{true: 'yes', false: 'no'}", {True: "yes", False: "no"}),
        ("{true: 'yes'}.map(k, k)", [True]),
        ("cel.bind(x, 1 / 0, true)", True),
        ("[1, 2].transformMapEntry(i, v, {v: i})", {1: 0, 2: 1}),
        ("[1].exists(event, event == 1)", True),  # the macro's variable hides the fact
        ("[1].exists(event, .event.coupon == null)", True),
    ],
)
def test_an_expression_gives_its_value(text: str, value: Any) -> None:
    event = {
        "coupon": None,
        "amount": 20,
        "order-id": "A-1",
        "items": [1, 3],
        "when": "2026-01-15T11:30:00Z",
    }
    got = evaluate(text, **event)

    assert got == value
    assert type(got) is type(value) or isinstance(got, int | Decimal)


@pytest.mark.parametrize(
    "text",
    [
        "event.missing",
        "event.missing == 1",
        "event.missing != 1",
        "!event.missing",
        "has(event.missing.deeper)",
        "event.text.field",
        "event.list.field",
        "event.list[5]",
        "event.list[0 - 1]",
        "event.text[0]",
        "event.list['a']",
        "has(event.text.a)",
        "null in event",
        "timestamp(event.text)",
        "duration('1y')",
        "now.getHours('Mars/Olympus')",
        "now.getHours('../../../etc/passwd')",
        "now + duration('2562047h') + duration('2562047h') > now && [][0]",
        "string(b'\\xff')",
        "event.text.matches(event.pattern)",
        "base64.decode('a')",
        "{true: 1, 1: 2}",
        "event.half",
        "event.naive",
        "event.thing",
    ],
)
def test_what_has_no_value_is_an_evaluation_error(text: str) -> None:
    event = {
        "text": "word",
        "list": [1],
        "pattern": "(",
        "half": 1.5,
        "naive": datetime(2026, 1, 1),  # noqa: DTZ001
        "thing": {"a": {1, 2}},
    }

    with pytest.raises(EvaluationError):
        evaluate(text, **event)


@pytest.mark.parametrize(
    "facts", [{}, None, [], {"event": None}, {"event": []}, {"event": "x"}, {"event": 1.5}]
)
def test_facts_of_another_shape_are_an_evaluation_error(facts: Any) -> None:
    for text in (
        "event.a == 'x'",
        "event.a > 1",
        "'x' in event.a",
        "event.a.b.c == 'x'",
        "event.a * 2",
    ):
        with pytest.raises(EvaluationError):
            vocabulary.compile(text, strict=False).evaluate(facts)
        assert not vocabulary.compile(text, strict=False).decide(facts).matched


def test_times_of_other_zones_are_kept_as_instants() -> None:
    moment = datetime(2026, 1, 15, 12, 30, tzinfo=timezone(timedelta(hours=2)))

    value = vocabulary.compile("now").evaluate({"now": moment})

    assert value == moment
    assert value.tzinfo is UTC


def test_an_evaluation_leaves_the_facts_as_they_are() -> None:
    facts: dict[str, Any] = {
        "event": {"items": [1, 2], "map": {"a": 1}},
        "participant": {"tags": ["x"]},
    }

    for text in (
        "event.items + [3]",
        "event",
        "event.map.transformMap(k, v, v + 1)",
        "participant.tags + ['y']",
    ):
        vocabulary.compile(text, strict=False).evaluate(facts)

    assert facts == {"event": {"items": [1, 2], "map": {"a": 1}}, "participant": {"tags": ["x"]}}
    assert type(facts["event"]["items"][0]) is int


def test_what_one_caller_does_with_a_value_another_does_not_see() -> None:
    expression = vocabulary.compile("[1, 2, 3]")

    expression.evaluate({}).append(4)

    assert expression.evaluate({}) == [1, 2, 3]


def test_an_expression_cannot_be_changed() -> None:
    expression = vocabulary.compile("event.amount > 5")

    for field in fields(expression):
        with pytest.raises(FrozenInstanceError):
            setattr(expression, field.name, None)
    with pytest.raises((AttributeError, TypeError)):
        expression.other = 1  # type: ignore[attr-defined]


def test_one_expression_serves_many_threads_at_once() -> None:
    expression = vocabulary.compile(
        "cel.bind(base, event.amount, event.items.map(i, event.items.filter(j, j <= i).map(j, j * base)))"
    )
    barrier = Barrier(8)
    wrong: list[Any] = []

    def work(amount: int) -> None:
        facts = {"event": {"amount": amount, "items": [1, 2, 3]}}
        expected = [[amount], [amount, 2 * amount], [amount, 2 * amount, 3 * amount]]
        barrier.wait()
        wrong.extend(value for _ in range(300) if (value := expression.evaluate(facts)) != expected)

    threads = [Thread(target=work, args=[amount]) for amount in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
