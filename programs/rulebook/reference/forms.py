"""Operators and macros: what of the language is neither a variable nor a function."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Form:
    """How an operator or a macro is written, what it does, an expression and the text of its value.

    `name` is its address on the page; macros are found there under their own names.
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
        "Both. False if one is false, even where the other has no value.",
        'event.amount > 50 && "vip" in participant.tags',
        "true",
    ),
    Form(
        "or",
        "a || b",
        "At least one. True if one is true, even where the other has no value.",
        'event.amount > 500 || "vip" in participant.tags',
        "true",
    ),
    Form("not", "!a", "Not.", '!("blocked" in participant.tags)', "true"),
    Form(
        "equal",
        "== !=",
        "Equal, unequal. Numbers by their value; anything else only with its own kind.",
        'event.type == "purchase"',
        "true",
    ),
    Form(
        "compare",
        "< <= > >=",
        "Smaller and larger, of numbers, texts, times, durations.",
        "event.amount >= 99.5",
        "true",
    ),
    Form(
        "in",
        "a in b",
        "An element of a list, a key of a map.",
        '"vip" in participant.tags',
        "true",
    ),
    Form(
        "arithmetic",
        "+ - * / %",
        "Arithmetic, exact. Two whole numbers divide without a remainder, anything else exactly, or to 50 digits. + also joins texts and lists, and moves times.",
        "event.amount * 2 - 0.1",
        "198.9",
    ),
    Form("choice", "a ? b : c", "b if a is true, else c.", "event.amount > 50 ? 10 : 5", "10"),
    Form(
        "field",
        'a.b, a["b"], a.`b`',
        "The field b of a map. The last two for names with hyphens and the like.",
        'event["order-id"]',
        '"A-1001"',
    ),
    Form(
        "position",
        "a[0]",
        "The element of a list at a position, the first being 0.",
        "event.items[0].sku",
        '"COFFEE-250"',
    ),
)
MACROS: Final = (
    Form(
        "has",
        "has(a.b)",
        "Whether there is such a field, even if it holds null.",
        "has(event.discount)",
        "false",
    ),
    Form(
        "all",
        "list.all(x, test)",
        "Whether the test holds for every element (of a map: every key).",
        "event.items.all(i, i.quantity > 0)",
        "true",
    ),
    Form(
        "exists",
        "list.exists(x, test)",
        "Whether the test holds for at least one.",
        'event.items.exists(i, i.sku.startsWith("MUG"))',
        "true",
    ),
    Form(
        "exists_one",
        "list.exists_one(x, test)",
        "Whether the test holds for exactly one.",
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
        "The value for each element; with map(x, test, value) only of those for which the test holds.",
        "event.items.map(i, i.quantity * i.price)",
        "[25, 74.5]",
    ),
    Form(
        "transformList",
        "list.transformList(i, x, value)",
        "As map, with the position too; all, exists, existsOne take two names as well.",
        '["a", "b"].transformList(i, x, x + string(i))',
        '["a0", "b1"]',
    ),
    Form(
        "transformMap",
        "map.transformMap(k, v, value)",
        "The same keys with other values.",
        '{"a": 1}.transformMap(k, v, v + 1)',
        '{"a": 2}',
    ),
    Form(
        "transformMapEntry",
        "map.transformMapEntry(k, v, {key: value})",
        "Other keys with other values.",
        '{"a": "b"}.transformMapEntry(k, v, {v: k})',
        '{"b": "a"}',
    ),
    Form(
        "cel.bind",
        "cel.bind(x, value, expression)",
        "The expression, with a name for a value that it uses more than once.",
        "cel.bind(a, event.amount, a > 50 && a < 100)",
        "true",
    ),
)
FORMS: Final = OPERATORS + MACROS
