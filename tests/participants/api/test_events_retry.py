"""Failed events tried again over HTTP."""

from collections.abc import Callable
from typing import Any

from rest_framework.test import APIClient

from participants.models import Event, EventStatus, Participant
from programs import rulebook
from tests.conftest import TESTER
from tests.participants.api.events import make_rule, work_off
from tests.participants.ledger_world import World

EVENTS = "/v1/events"
WAIT = {"Prefer": "wait=5"}
Send = Callable[..., Any]


def test_a_failed_event_says_why_and_completes_once_the_rule_is_mended(
    api: APIClient, send: Send, world: World
) -> None:
    debit = {"type": "DEBIT", "asset_id": str(world.asset.pk), "amount": "100"}
    spending = make_rule(world, name="Spend", condition="true", actions=[debit])

    failed = send(headers=WAIT).json()
    after = send("after", headers=WAIT)

    assert failed["status"] == "FAILED"
    assert failed["failure"] == {
        "rule_id": str(spending.pk),
        "rule_name": "Spend",
        "action": 0,
        "code": "insufficient_balance",
        "message": "DEBIT: AVAILABLE has 12, less than the 100 asked for.",
    }
    assert failed["rule_evaluations"][0]["actions"][0]["undone"] is True
    assert after.json()["status"] == "FAILED"
    assert not Participant.objects.get().balances.exists()
    assert not Participant.objects.get().counters.exists()

    rulebook.change(spending.pk, {"status": "SUSPENDED"}, by=TESTER)
    path = f"{EVENTS}/{failed['id']}/retry"
    retried = api.post(path)
    assert retried.status_code == 202
    assert retried.json()["status"] == "PENDING"
    again = api.post(path)
    assert again.status_code == 409
    assert again.json()["code"] == "not_retryable"
    work_off()

    assert api.get(f"{EVENTS}/{failed['id']}").json()["status"] == "COMPLETED"
    assert world.balance() == ("12", "0", "0")
    waited = api.post(f"{EVENTS}/{after.json()['id']}/retry", headers=WAIT)
    assert (waited.status_code, waited.json()["status"]) == (200, "COMPLETED")
    assert world.balance() == ("24", "0", "0")


def test_only_a_failed_event_is_tried_again(api: APIClient, send: Send) -> None:
    event = send(headers=WAIT).json()

    assert api.post(f"{EVENTS}/{event['id']}/retry").json()["code"] == "not_retryable"
    missing = "01980000-0000-7000-8000-000000000000"
    assert api.post(f"{EVENTS}/{missing}/retry").status_code == 404


def test_an_event_that_is_not_pending_has_a_time_of_processing(send: Send) -> None:
    send(headers=WAIT)

    event = Event.objects.get()
    assert event.status == EventStatus.COMPLETED
    assert event.processed_at is not None
