"""Operators and macros: the parts of the language that are neither variables nor functions."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Form:
    """An operator or a macro: how it is written, what it does, an example and the text of its value.

    `name` is its anchor on the page; for a macro that is its own name.
    """

    name: str
    written: str
    description: str
    example: str
    gives: str


OPERATORS: Final = (
    Form(
        "and",
        "a && b",
        "True if both are true. False if either is false, even if the other has no value.",
        'event.amount > 50 && "vip" in participant.tags',
        "true",
    ),
    Form(
        "or",
        "a || b",
        "True if either is true, even if the other has no value.",
        'event.amount > 500 || "vip" in participant.tags',
        "true",
    ),
    Form(
        "not",
        "!a",
        "True if a is false, and false if a is true.",
        '!("blocked" in participant.tags)',
        "true",
    ),
    Form(
        "equal",
        "== !=",
        "Equal, not equal. Numbers compare by value; everything else only with its own type.",
        'event.type == "purchase"',
        "true",
    ),
    Form(
        "compare",
        "< <= > >=",
        "Compares numbers, text, times and durations.",
        "event.amount >= 99.5",
        "true",
    ),
    Form(
        "in",
        "a in b",
        "Whether a is an element of the list b or a key of the map b.",
        '"vip" in participant.tags',
        "true",
    ),
    Form(
        "arithmetic",
        "+ - * / %",
        "Exact arithmetic. Dividing two whole numbers drops the remainder; any other division is exact, or to 50 digits. + also joins text and lists, and adds durations to times.",
        "event.amount * 2 - 0.1",
        "198.9",
    ),
    Form("choice", "a ? b : c", "b if a is true, otherwise c.", "event.amount > 50 ? 10 : 5", "10"),
    Form(
        "field",
        'a.b, a["b"], a.`b`',
        "The field b of a map. Use the last two for names with hyphens and the like.",
        'event["order-id"]',
        '"A-1001"',
    ),
    Form(
        "position",
        "a[0]",
        "The element of a list at a position. The first is 0.",
        "event.items[0].sku",
        '"COFFEE-250"',
    ),
)
MACROS: Final = (
    Form(
        "has",
        "has(a.b)",
        "Whether the field is present, even if it contains null.",
        "has(event.discount)",
        "false",
    ),
    Form(
        "all",
        "list.all(x, test)",
        "Whether the test holds for every element (for a map, every key).",
        "event.items.all(i, i.quantity > 0)",
        "true",
    ),
    Form(
        "exists",
        "list.exists(x, test)",
        "Whether the test holds for at least one element.",
        'event.items.exists(i, i.sku.startsWith("MUG"))',
        "true",
    ),
    Form(
        "exists_one",
        "list.exists_one(x, test)",
        "Whether the test holds for exactly one element.",
        "event.items.exists_one(i, i.quantity > 1)",
        "true",
    ),
    Form(
        "filter",
        "list.filter(x, test)",
        "The elements for which the test holds.",
        "event.items.filter(i, i.quantity > 1).size()",
        "1",
    ),
    Form(
        "map",
        "list.map(x, value)",
        "The value for each element. With map(x, test, value), only for those for which the test holds.",
        "event.items.map(i, i.quantity * i.price)",
        "[25, 74.5]",
    ),
    Form(
        "transformList",
        "list.transformList(i, x, value)",
        "Like map, but with the position too. all, exists and existsOne can also take two names.",
        '["a", "b"].transformList(i, x, x + string(i))',
        '["a0", "b1"]',
    ),
    Form(
        "transformMap",
        "map.transformMap(k, v, value)",
        "The same keys with new values.",
        '{"a": 1}.transformMap(k, v, v + 1)',
        '{"a": 2}',
    ),
    Form(
        "transformMapEntry",
        "map.transformMapEntry(k, v, {key: value})",
        "New keys with new values.",
        '{"a": "b"}.transformMapEntry(k, v, {v: k})',
        '{"b": "a"}',
    ),
    Form(
        "cel.bind",
        "cel.bind(x, value, expression)",
        "The value of the expression, with a name for a value that it uses more than once.",
        "cel.bind(a, event.amount, a > 50 && a < 100)",
        "true",
    ),
)
FORMS: Final = OPERATORS + MACROS
