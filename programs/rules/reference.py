"""What the documentation of the language is made of: variables, operators, macros, functions, worked rules.

Everything here that has a value is held against the evaluation by a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from programs.rules.expression import Result
from programs.rules.functions import FUNCTIONS, Function
from programs.rules.variables import DESCRIBED, Described

__all__ = [
    "DESCRIBED",
    "EXAMPLES",
    "FACTS",
    "FORMS",
    "Described",
    "Example",
    "Form",
    "functions_by_subject",
]

# What the examples are evaluated against.
FACTS: Final[Mapping[str, Any]] = {
    "event": {
        "type": "purchase",
        "amount": Decimal("99.5"),
        "currency": "EUR",
        "order-id": "A-1001",
        "coupon": None,
        "when": "2026-01-15T09:00:00Z",
        "items": [
            {"sku": "COFFEE-250", "quantity": 2, "price": Decimal("12.50")},
            {"sku": "MUG-1", "quantity": 1, "price": Decimal("74.50")},
        ],
    },
    "participant": {
        "id": "0196f0c0-0000-7000-8000-000000000001",
        "external_id": "customer-1001",
        "status": "ACTIVE",
        "tags": ["new", "vip"],
        "attributes": {"plan": "premium", "age": 34},
        "counters": {"visits": Decimal(9)},
        "tiers": {"status": {"level": "gold", "rank": 2}},
        "balances": {
            "PTS": {"available": Decimal(1200), "held": Decimal(0), "deferred": Decimal(50)}
        },
        "created_at": datetime(2025, 12, 1, tzinfo=UTC),
    },
    "program": {"id": "0196f0c0-0000-7000-8000-000000000002", "name": "Club"},
    "now": datetime(2026, 1, 15, 10, 30, tzinfo=UTC),
}


@dataclass(frozen=True, slots=True)
class Form:
    """An operator or a macro: how it is written, what it does, an expression and the text of its value."""

    written: str
    description: str
    example: str
    gives: str


FORMS: Final = (
    Form(
        "a && b",
        "Both. False if one is false, even where the other has no value.",
        'event.amount > 50 && "vip" in participant.tags',
        "true",
    ),
    Form(
        "a || b",
        "At least one. True if one is true, even where the other has no value.",
        'event.amount > 500 || "vip" in participant.tags',
        "true",
    ),
    Form("!a", "Not.", '!("blocked" in participant.tags)', "true"),
    Form(
        "== !=",
        "Equal, unequal. Numbers by their value; anything else only with its own kind.",
        'event.type == "purchase"',
        "true",
    ),
    Form(
        "< <= > >=",
        "Smaller and larger, of numbers, texts, times, durations.",
        "event.amount >= 99.5",
        "true",
    ),
    Form("a in b", "An element of a list, a key of a map.", '"vip" in participant.tags', "true"),
    Form(
        "+ - * / %",
        "Arithmetic, exact. Two whole numbers divide without a remainder, anything else exactly, or to 50 digits. + also joins texts and lists, and moves times.",
        "event.amount * 2 - 0.1",
        "198.9",
    ),
    Form("a ? b : c", "b if a is true, else c.", "event.amount > 50 ? 10 : 5", "10"),
    Form(
        'a.b, a["b"], a.`b`',
        "The field b of a map. The last two for names with hyphens and the like.",
        'event["order-id"]',
        '"A-1001"',
    ),
    Form(
        "a[0]",
        "The element of a list at a position, the first being 0.",
        "event.items[0].sku",
        '"COFFEE-250"',
    ),
    Form(
        "has(a.b)",
        "Whether there is such a field, even if it holds null.",
        "has(event.discount)",
        "false",
    ),
    Form(
        "list.all(x, test)",
        "Whether the test holds for every element (of a map: every key).",
        "event.items.all(i, i.quantity > 0)",
        "true",
    ),
    Form(
        "list.exists(x, test)",
        "Whether the test holds for at least one.",
        'event.items.exists(i, i.sku.startsWith("MUG"))',
        "true",
    ),
    Form(
        "list.exists_one(x, test)",
        "Whether the test holds for exactly one.",
        "event.items.exists_one(i, i.quantity > 1)",
        "true",
    ),
    Form(
        "list.filter(x, test)",
        "The elements for which the test holds.",
        "event.items.filter(i, i.quantity > 1).size()",
        "1",
    ),
    Form(
        "list.map(x, value)",
        "The value for each element; with map(x, test, value) only of those for which the test holds.",
        "event.items.map(i, i.quantity * i.price)",
        "[25, 74.5]",
    ),
    Form(
        "list.transformList(i, x, value)",
        "As map, with the position too; all, exists, existsOne take two names as well.",
        '["a", "b"].transformList(i, x, x + string(i))',
        '["a0", "b1"]',
    ),
    Form(
        "map.transformMap(k, v, value)",
        "The same keys with other values; transformMapEntry(k, v, {key: value}) gives other keys too.",
        '{"a": 1}.transformMap(k, v, v + 1)',
        '{"a": 2}',
    ),
    Form(
        "cel.bind(x, value, expression)",
        "The expression, with a name for a value that it uses more than once.",
        "cel.bind(a, event.amount, a > 50 && a < 100)",
        "true",
    ),
)


@dataclass(frozen=True, slots=True)
class Example:
    """A worked rule: with `changed` in the event of FACTS, `text` gives what `gives` says."""

    title: str
    text: str
    result: Result
    gives: str
    changed: Mapping[str, Any] = field(default_factory=dict)


EXAMPLES: Final = (
    Example(
        "Purchases above 50 by vips on the premium plan",
        'event.type == "purchase" && event.amount > 50 && "vip" in participant.tags && participant.attributes.plan == "premium"',
        "bool",
        "true",
    ),
    Example(
        "The same purchase, too small",
        'event.type == "purchase" && event.amount > 50',
        "bool",
        "false",
        {"amount": 50},
    ),
    Example("One point for each whole unit of money", "math.floor(event.amount)", "number", "99"),
    Example("Five percent, to the cent", "round(event.amount * 0.05, 2)", "number", "4.98"),
    Example(
        "Half a cent is rounded away from zero",
        "round(event.amount * 0.05, 2)",
        "number",
        "0.01",
        {"amount": Decimal("0.1")},
    ),
    Example(
        "Double points at the weekend, in the shop's time zone",
        'now.getDayOfWeek("Europe/Berlin") in [0, 6] ? event.amount * 2 : event.amount',
        "number",
        "99.5",
    ),
    Example("Every tenth visit", "(participant.counters.visits + 1) % 10 == 0", "bool", "true"),
    Example(
        "A counter that may not exist yet",
        'get(participant.counters, "referrals", 0) >= 3',
        "bool",
        "false",
    ),
    Example(
        "Orders with something of a kind",
        'event.items.exists(i, i.sku.startsWith("COFFEE-"))',
        "bool",
        "true",
    ),
    Example(
        "Points for some items only",
        'math.floor(event.items.filter(i, i.sku.startsWith("COFFEE-")).map(i, i.quantity * i.price)[0])',
        "number",
        "25",
    ),
    Example(
        "Welcome offer in the first sixty days",
        'now - participant.created_at < duration("1440h")',
        "bool",
        "true",
    ),
    Example(
        "An order placed within two hours of now",
        'now - timestamp(event.when) <= duration("2h")',
        "bool",
        "true",
    ),
    Example(
        "More for higher tiers, at most 500",
        "min(event.amount * (participant.tiers.status.rank + 1), 500)",
        "number",
        "298.5",
    ),
    Example(
        "Enough points and no coupon used",
        "participant.balances.PTS.available >= 1000 && event.coupon == null",
        "bool",
        "true",
    ),
    Example(
        "A field whose name has a hyphen", 'event["order-id"].matches("^A-[0-9]+$")', "bool", "true"
    ),
    Example(
        "A missing field makes a condition false",
        "event.discount == 0",
        "bool",
        "event.discount is missing",
    ),
    Example("Unless one asks first", "has(event.discount) && event.discount == 0", "bool", "false"),
)


def functions_by_subject() -> dict[str, list[Function]]:
    """All functions, in the order of the table, under the names of their subjects."""
    subjects: dict[str, list[Function]] = {}
    for function in FUNCTIONS.values():
        subjects.setdefault(function.subject, []).append(function)
    return subjects
