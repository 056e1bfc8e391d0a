"""The API held against its own OpenAPI document by schemathesis, which invents calls that fit it and calls that do not."""

import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
import schemathesis
from django.utils import timezone
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks

from config.wsgi import application
from participants import state
from participants.events import ingest
from participants.events.request import NewEvent
from participants.models import Event, EventStatus, JournalEntry
from participants.state.counters import CounterChange, set_counter
from programs import rulebook
from programs.kernel.exact_json import InvalidJSON, loads
from programs.models import Rule, TierLevel, TierTrack
from tests.conftest import TESTER
from tests.participants.ledger_world import World, make_world

DOCUMENT = "/v1/openapi.json"
every_call = schemathesis.openapi.from_wsgi(DOCUMENT, application)
fitting_calls = schemathesis.openapi.from_wsgi(
    DOCUMENT,
    application,
    config=schemathesis.Config.from_dict(
        {
            "generation": {"mode": "positive", "allow-x00": False},
            # The boundaries of each field are for the other test.
            "phases": {"coverage": {"enabled": False}},
        }
    ),
)
stable = settings(
    derandomize=True,
    max_examples=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
load_all_checks()
checks: Any = CHECKS.get_by_names(["positive_data_acceptance", "negative_data_rejection"])
ACCEPTED, REFUSED = checks
numbers = count()

pytestmark = pytest.mark.usefixtures("connection_stays_open")


@every_call.parametrize()
@stable
def test_every_answer_is_as_documented(case: schemathesis.Case[Any], key: str) -> None:
    # That what fits is accepted is for the other test, whose calls fit what no schema can say. And a batch answers
    # for its rows one by one.
    is_batch = case.path.endswith("/batch")
    excluded = [ACCEPTED, REFUSED] if is_batch else [ACCEPTED]

    case.call_and_validate(headers={"X-API-Key": key}, excluded_checks=excluded)


@every_call.hook("filter_body")
def counts_each_tag_and_value_once(context: schemathesis.HookContext, body: Any) -> bool:
    """Leave out what is too much by the document's plain numbers only: equal tags, and nulls for attributes."""
    if not isinstance(body, dict):
        return True
    tags, attributes = body.get("tags"), body.get("attributes")
    if isinstance(tags, list) and len(tags) > 100:
        return len({str(tag).lower() for tag in tags}) > 100
    if isinstance(attributes, dict) and len(attributes) > 100:
        return sum(value is not None for value in attributes.values()) > 100
    return True


@every_call.hook("filter_path_parameters")
def can_be_sent(context: schemathesis.HookContext, path_parameters: Mapping[str, Any]) -> bool:
    """Leave out question marks: werkzeug's client reads them as the end of the path, encoded or not."""
    return "?" not in str(path_parameters)


@fitting_calls.parametrize()
@settings(stable, max_examples=4)
def test_a_call_that_fits_the_document_succeeds(case: schemathesis.Case[Any], key: str) -> None:
    number = next(numbers)
    world = _world(f"customer-{number}", symbol=f"S{number}")
    ours = {
        "participant": f"external:customer-{number}",
        "program_id": str(world.program.pk),
        "id": str(world.program.pk),
        "asset_id": str(world.asset.pk),
        "entry_id": str(JournalEntry.objects.latest("created_at").pk),
        "counter": "spent",
        "tier": "status",
        "track": "status",
        "rule_id": str(Rule.objects.latest("created_at").pk),
        "event_id": str(Event.objects.latest("created_at").pk),
        "external_id": f"customer-{number}",
        "idempotency_key": f"order-{number}",
    }
    case.path_parameters |= {name: ours[name] for name in case.path_parameters & ours.keys()}
    case.query = {name: ours.get(name, value) for name, value in (case.query or {}).items()}
    for name in [name for name in case.headers or {} if name.lower() == "idempotency-key"]:
        del case.headers[name]  # the body may have another
    if isinstance(case.body, dict):
        if case.path == "/v1/rules/validate":  # which takes one of the two
            if "actions" in case.body:
                case.body.pop("condition", None)
            else:
                case.body.setdefault("condition", "true")
        _make_true(case.body, ours, number)

    # That the path is not its own makes schemathesis call it a mistake.
    response = case.call_and_validate(headers={"X-API-Key": key}, excluded_checks=[REFUSED])

    assert response.status_code < 300


def _world(external_id: str, symbol: str) -> World:
    """Somebody who has something of everything."""
    world = make_world(external_id, scale=18, symbol=symbol)
    state.change(state.Change(attributes={"plan": "free"}), to=external_id, by=TESTER)
    set_counter(external_id, "spent", CounterChange(Decimal(1)), by=TESTER)
    track = TierTrack.objects.create(program=world.program, key="status")
    TierLevel.objects.create(track=track, key="gold", rank=1)
    later = timezone.now() + timedelta(days=1)
    rule = {"program_id": str(world.program.pk), "name": "W", "condition": "true", "actions": []}
    rulebook.create(rulebook.clean_new(rule), by=TESTER)
    for rest in ({}, {"bucket": "HELD"}, {"matures_at": later}):
        world.credit("1000", of=external_id, **rest)
    order = external_id.replace("customer", "order")
    ingest.ingest(NewEvent(world.program.pk, external_id, order, timezone.now(), {}), by=TESTER)
    # One that can be tried again.
    Event.objects.update(status=EventStatus.FAILED, processed_at=timezone.now())
    return world


def _make_true(body: dict[str, Any], ours: dict[str, str], number: int) -> None:
    """What no schema can say: what is there, what is free, what one field makes of another."""
    body |= {name: ours[name] for name in ("program_id", "asset_id") if name in body}
    unique = {"symbol": f"N{number}", "key": f"track_{number}", "level": "gold"}
    body |= {name: value for name, value in unique.items() if name in body}
    if "time_zone" in body:
        body["time_zone"] = "Europe/Berlin"
    if "amount" in body:
        body["amount"] = "0.5"
    for name in ("matures_at", "allow_negative", "max_transaction_amount"):
        body.pop(name, None)
    if body.get("reset_after"):
        body["reset_after"] = "24h"
    if body.get("expires_at"):
        body["expires_at"] = "2099-12-31T00:00:00Z"
    for event in [body, *body.get("events", [])]:
        if "event_timestamp" in event:
            event["event_timestamp"] = "2026-01-15T10:30:00Z"
        if "event_data" in event:
            event |= {"program_id": ours["program_id"], "external_id": "somebody"}
            event.pop("participant_id", None)
    if "event" in body:  # to be tried
        for name in ("participant_id", "external_id", "rule"):
            body.pop(name, None)
        body["participant_state"] = {}
    if "levels" in body:
        body["levels"] = body["levels"][:1]
    if "condition" in body:
        body["condition"] = 'event.type == "purchase"'
    for name, moment in {"active_from": "2026-01-01", "active_to": "2026-02-01"}.items():
        if body.get(name):
            body[name] = f"{moment}T00:00:00Z"
    if "order" in body:
        body["order"] = 1000
    if "version" in body:
        body["version"] = 1
    for action in body.get("actions", []):
        if isinstance(action, dict):  # a draft may hold anything
            _make_possible(action, ours)


def _make_possible(action: dict[str, Any], ours: dict[str, str]) -> None:
    """The same for an action of a rule."""
    true = {"asset_id": ours["asset_id"], "amount": "event.amount * 2", "expression": "1"}
    true |= {"tier": "status", "level": "gold", "reset_after": "24h"}
    true |= {"matures_at": "720h", "expires_at": "720h"}
    if action.get("type") == "COUNTER":
        true["value"] = "1.50"
    if action.get("bucket") == "HELD":
        action.pop("matures_at", None)
    action |= {name: value for name, value in true.items() if name in action}


@fitting_calls.hook("filter_body")
def has_short_numbers(context: schemathesis.HookContext, body: Any) -> bool:
    """Leave out numbers of more than 40 digits written out."""
    try:
        loads(json.dumps(body, default=str))
    except InvalidJSON:
        return False
    return True


@fitting_calls.hook("map_query")
def without_cursor(context: schemathesis.HookContext, query: Any) -> Any:
    """Leave out cursors, which only an answer can give."""
    return {name: value for name, value in (query or {}).items() if name != "cursor"}
