"""Failed events tried again over HTTP."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from rest_framework.test import APIClient

from participants.models import Event, EventStatus, Participant
from programs import rulebook
from programs.models import Program
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


def test_a_rule_that_failed_alone_is_retried_alone(
    api: APIClient, send: Send, world: World
) -> None:
    debit = {"type": "DEBIT", "asset_id": str(world.asset.pk), "amount": "1"}
    tag = {"type": "TAG", "tag": "x"}
    fee = make_rule(world, name="Fee", condition="true", actions=[tag, {**debit, "amount": "event.fee"}])  # fmt: skip

    sent = send(headers=WAIT).json()
    send("fine", event_data={"amount": 1, "fee": 1}, headers=WAIT)

    assert (sent["status"], sent["rule_errors"], sent["failure"]) == ("COMPLETED", 1, None)
    evaluation = next(each for each in sent["rule_evaluations"] if each["rule_name"] == "Fee")
    assert evaluation == {
        "rule_id": str(fee.pk),
        "rule_name": "Fee",
        "rule_version": 1,
        "outcome": "failed",
        "reason": "DEBIT: event.fee is missing.",
        "actions": [
            {"type": "TAG", "tag": "x", "before": False, "after": True, "undone": True},
            {"type": "DEBIT", "error": {"code": "evaluation_failed", "message": "event.fee is missing."}},
        ],
    }  # fmt: skip
    before = world.balance()
    rows = {
        value: [
            (row["id"], row["rule_errors"])
            for row in api.get(f"{EVENTS}?has_rule_errors={value}").json()["data"]
        ]
        for value in ("true", "false")
    }
    assert rows["true"] == [(sent["id"], 1)]
    assert [errors for _, errors in rows["false"]] == [0]
    assert api.get(f"{EVENTS}?has_rule_errors=yes").status_code == 400

    rulebook.change(fee.pk, {"actions": [debit]}, by=TESTER)
    path = f"{EVENTS}/{sent['id']}/retry"
    pending = api.post(path)
    assert (pending.status_code, pending.json()["status"]) == (202, "PENDING")
    waiting = api.get(f"{EVENTS}/{sent['id']}").json()
    assert (waiting["rule_errors"], waiting["rule_evaluations"]) == (1, sent["rule_evaluations"])
    assert api.post(path).json()["code"] == "not_retryable"
    work_off()

    done = api.get(f"{EVENTS}/{sent['id']}").json()
    assert (done["status"], done["rule_errors"]) == ("COMPLETED", 0)
    assert [each["outcome"] for each in done["rule_evaluations"]] == ["matched", "matched"]
    assert Decimal(world.balance()[0]) == Decimal(before[0]) - 1
    assert api.post(path).json()["code"] == "not_retryable"


def test_a_rule_that_is_retried_and_fails_again_is_answered_with_what_came_of_it(
    api: APIClient, send: Send, world: World
) -> None:
    count = {"type": "COUNTER", "key": "n", "value": "event.fee"}
    make_rule(world, name="Fee", condition="true", actions=[count])
    sent = send(headers=WAIT).json()

    again = api.post(f"{EVENTS}/{sent['id']}/retry", headers=WAIT)

    assert (again.status_code, again.json()["status"]) == (200, "COMPLETED")
    assert again.json()["rule_errors"] == 1
    assert world.balance() == ("12", "0", "0")


def test_a_retry_in_a_program_that_is_not_active_is_refused(
    api: APIClient, send: Send, world: World
) -> None:
    make_rule(world, name="Fee", actions=[{"type": "COUNTER", "key": "n", "value": "event.fee"}])
    sent = send(headers=WAIT).json()
    Program.objects.update(status="SUSPENDED")

    refused = api.post(f"{EVENTS}/{sent['id']}/retry")

    assert (refused.status_code, refused.json()["code"]) == (409, "program_inactive")


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
