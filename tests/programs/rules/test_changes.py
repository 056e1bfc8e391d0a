"""Rules that were written while whole numbers were a kind of their own, and what they say now."""

import pytest

from programs.rules import RuleSyntaxError
from programs.rules.changes import DIVISION, NULL, TYPE, changed_meanings


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("size(event.items) / 4 * 100", ["size(event.items) / 4"]),
        ("event.items.size() / 4", ["event.items.size() / 4"]),
        ('(event.level == "gold" ? 15 : 10) / 100 * event.amount', ['(event.level == "gold" ? 15 : 10) / 100']),
        ("event.amount * ((event.ok ? 3 : 2) / 2)", ["(event.ok ? 3 : 2) / 2"]),
        ("event.amount * (5 * 3 / 2)", ["5 * 3 / 2"]),
        ("event.amount * 15 / 100", []),
        ("event.amount / 3 + size(event.items)", []),
        ("size(event.items) / 4.0", []),
        ("size(event.items) / double(4)", []),
        ("event.points / size(event.items)", []),
        ("size(event.items) * event.price / 4", []),
        ("8 / 2 * event.amount", []),
        ("-8 / -2", []),
        ("-7 / 2", ["-7 / 2"]),
        ("7u / 2u", ["7u / 2u"]),
        ("0xE1 / 2", ["0xE1 / 2"]),
        ("1e2 / 3", []),
        ("(now - participant.created_at).getHours() / 24", ["(now - participant.created_at).getHours() / 24"]),
        ("int((now - participant.created_at).getHours() / 24)", []),
        ("int(event.a) / int(event.b) > 2", ["int(event.a) / int(event.b)"]),
        ("now.getDayOfMonth('Europe/Berlin') / 7 == 1", ["now.getDayOfMonth('Europe/Berlin') / 7"]),
        ("event.sku.indexOf('-') / 2", ["event.sku.indexOf('-') / 2"]),
        ("math.bitAnd(event.flags, 12) / 4", ["math.bitAnd(event.flags, 12) / 4"]),
        ("min(size(event.items), 10) / 3", ["min(size(event.items), 10) / 3"]),
        ("math.abs(-3) / 2", ["math.abs(-3) / 2"]),
        ("math.floor(3) / 2", []),
        ("round(3) / 2", []),
        ("get(event, 'points', 1) / 2", ["get(event, 'points', 1) / 2"]),
        ("get(event, 'points', 1.0) / 2", []),
        ("cel.bind(n, size(event.items), n / 4)", ["n / 4"]),
        ("cel.bind(n, event.n, n / 4)", []),
        ("[1, 2, 3][1] / 4", ["[1, 2, 3][1] / 4"]),
        ("{'gold': 3}[event.level] / 2", ["{'gold': 3}[event.level] / 2"]),
        ("[1, 2].map(x, x / 4)", ["x / 4"]),
        ("event.items.map(x, x / 4)", []),
        ("event.items.map(x, 3)[0] / 4", ["event.items.map(x, 3)[0] / 4"]),
        ("[3].filter(x, x > event.least)[0] / 4", ["[3].filter(x, x > event.least)[0] / 4"]),
        ("event.items.transformList(i, x, x * (i / 2))", ["i / 2"]),
        ("event.items.exists(i, size(i.sku) / 2 == 3) && size(event.items) / 2 == 1",
         ["size(i.sku) / 2", "size(event.items) / 2"]),
        ("size(event.a) / 2 / size(event.b)", ["size(event.a) / 2", "size(event.a) / 2 / size(event.b)"]),
        ("size(event.a) / 2 % 2 == 0", ["size(event.a) / 2"]),
        ("size(event.a) % 2 == 0", []),
        ("{'half': size(event.a) / 2}", ["size(event.a) / 2"]),
        ("event.list[size(event.list) / 2]", ["size(event.list) / 2"]),
        ("get(event, size(event.a) / 2, 0)", ["size(event.a) / 2"]),
        ("type(event.amount) == int", ["type(event.amount) == int"]),
        ("type(event.amount) == double", []),
        ("double == type(size(event.a))", ["double == type(size(event.a))"]),
        ("type(event.a) != type(1)", ["type(event.a) != type(1)"]),
        ("type(event.a) == string || type(event.a) == bool", []),
        ("type(event.a) in [int, double]", ["type(event.a) in [int, double]"]),
        ("type(event.a) in [string, bytes]", []),
        ("type(event.a) == uint ? 1 : 2", ["type(event.a) == uint"]),
        ("get(event, 'coupon', '') == null", ["get(event, 'coupon', '') == null"]),
        ("event.a > 1 && null != get(event, 'coupon', 0)", ["null != get(event, 'coupon', 0)"]),
        ("get(event, 'coupon', null) == null", []),
        ("event.coupon == null", []),
        ("event.type == 'purchase'", []),
        ("100", []),
    ],
)  # fmt: skip
def test_what_means_something_else_is_found(text: str, parts: list[str]) -> None:
    changes = changed_meanings(text)

    assert [change.offending for change in changes] == parts
    assert {change.message for change in changes} <= {DIVISION, NULL, TYPE}


def test_a_change_has_its_place() -> None:
    [change] = changed_meanings("event.amount *\n  (size(event.items) / 4)")

    assert (change.line, change.column) == (2, 4)


def test_what_cannot_be_read_at_all_is_a_syntax_error() -> None:
    with pytest.raises(RuleSyntaxError):
        changed_meanings("event.amount >")
