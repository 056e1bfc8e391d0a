"""Made-up purchases, the bodies that a client sends about them, and the program whose rules they meet."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from programs import rulebook
from programs.kernel import exact_json
from programs.kernel.actors import Actor, ActorKind
from programs.models import Asset, AssetLink, Program
from tests.benchmarks.people import STEP, Body

SYMBOL = "STARS"
MOMENT = "2026-11-20T12:30:00Z"

# Of these, one CREDIT and one COUNTER happen for each purchase; the three others are evaluated and do not match.
RULES = (
    (
        "Stars for each purchase",
        'event.type == "purchase" && event.amount >= 10.0',
        {"type": "CREDIT", "amount": "round(event.amount * 0.05, 2)"},
    ),
    (
        "Count visits to the shop",
        'event.type == "purchase" && event.channel == "shop"',
        {"type": "COUNTER", "key": "visits", "value": "1"},
    ),
    ("Birthday", 'event.type == "birthday"', {"type": "CREDIT", "amount": "500"}),
    (
        "More for the best",
        'event.amount > 50.0 && ("vip" in participant.tags || participant.counters.visits > 1000000.0)',
        {"type": "CREDIT", "amount": "event.amount * 0.1"},
    ),
    (
        "Paid with stars",
        "has(event.voucher) && participant.balances.STARS.available >= 100.0",
        {"type": "TAG", "tag": "thrifty"},
    ),
)


def club() -> Program:
    """Create a program with an asset and these rules."""
    by = Actor(ActorKind.COMMAND, "benchmarks")
    program = Program.objects.create(name="Benchmark")
    stars = Asset.objects.create(name="Stars", symbol=SYMBOL, scale=2)
    AssetLink.objects.create(program=program, asset=stars)
    for name, condition, action in RULES:
        asset = {"asset_id": str(stars.pk)} if action["type"] == "CREDIT" else {}
        body = {
            "program_id": str(program.pk),
            "name": name,
            "condition": condition,
            "actions": [{**action, **asset}],
        }
        rulebook.create(rulebook.clean_new(body), by=by)
    return program


DEAR_RULES = 24


def dear_club() -> Program:
    """Create a program whose rules take as long for an event as their budgets allow."""
    by = Actor(ActorKind.COMMAND, "benchmarks")
    program = Program.objects.create(name="Dear")
    for number in range(DEAR_RULES):
        body = {
            "program_id": str(program.pk),
            "name": f"Dear {number}",
            "condition": f"event.many.all(a, event.many.all(b, a + b >= {number}))",
            "actions": [{"type": "TAG", "tag": "dear"}],
        }
        rulebook.create(rulebook.clean_new(body), by=by)
    return program


def dear_event(external_id: str, program_id: UUID) -> Body:
    """An event that makes rules of `dear_club` look at 6,084 pairs each, which is about as many as they may."""
    data = {"many": list(range(100, 178))}
    return {**event(external_id, program_id, 0), "event_data": data}


def purchase(number: int) -> Body:
    """What happened, of the size that a till tells. The amount is exact in binary too: naive variants read it as a float."""
    return {
        "type": "purchase",
        "amount": 20.25 + number % 97,
        "currency": "EUR",
        "channel": "shop",
        "shop": f"shop-{number % 100}",
        "receipt": f"2026-{number:010}",
        "items": [
            {"sku": f"sku-{number % 1000}", "quantity": 1, "price": 17.25},
            {"sku": f"sku-{number % 777}", "quantity": 2, "price": 1.5},
        ],
    }


def event(external_id: str, program_id: UUID, number: int, *, key: str = "") -> Body:
    # Keys of clients are orders' and receipts' ids: anywhere in the index.
    return {
        "program_id": str(program_id),
        "external_id": external_id,
        "idempotency_key": key or str(uuid4()),
        "event_timestamp": MOMENT,
        "event_data": purchase(number),
    }


def events(program_id: UUID, *, known: int, series: int) -> Iterator[Body]:
    """Endless events of the `known` people (`people.person`), each with a new key."""
    number = series * 1000
    while True:
        yield event(f"customer-{number * STEP % known}", program_id, number)
        number += 1


def data_of_many() -> tuple[str, dict[str, Any]]:
    """The same as SQL, in which `number` is a column, with the parameter that it has."""
    text = """%(purchase)s::jsonb || jsonb_build_object(
        'amount', 20.25 + mod(number, 97), 'shop', 'shop-' || mod(number, 100), 'receipt', '2026-' || lpad(number::text, 10, '0'))"""
    return text, {"purchase": exact_json.dumps(purchase(0)).decode()}
