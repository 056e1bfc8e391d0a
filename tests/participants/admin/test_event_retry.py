"""Events tried again from the admin."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from participants.events import process
from participants.models import Event, EventRetry, EventStatus
from programs import rulebook
from programs.models import Asset, AssetLink, Program, Rule
from tests.conftest import TESTER
from tests.participants.admin.event_pages import (
    cells,
    listed,
    make_mistake,
    make_redemption,
    page_of,
    processed,
    stored,
    text_of,
)
from tests.staff import staff_client, told

EVENTS = "/admin/participants/event/"


def test_a_failed_event_is_tried_again_once_and_that_is_logged(
    admin_client: Client, program: Program, points: Asset
) -> None:
    rule = make_redemption(program, points)
    event = processed(program)
    rulebook.change(rule.pk, {"status": "SUSPENDED"}, by=TESTER)

    first = admin_client.post(page_of(event, "retry/"))
    second = admin_client.post(page_of(event, "retry/"))
    process.process_now(event.participant_id)
    response = admin_client.get(page_of(event))

    assert (first.status_code, first.headers["Location"]) == (302, page_of(event))
    assert told(first) == ["The event k-1 will be retried."]
    assert (
        told(second)[-1]
        == "Only a FAILED event, or a COMPLETED one with rule errors, can be retried."
    )
    assert [(each.event_id, each.retried_by) for each in EventRetry.objects.all()] == [
        (event.pk, "staff:admin")
    ]
    assert "by staff:admin" in text_of(response, "event-retries")
    assert "retry_url" not in response.context
    assert "Redeem version 2 Skipped The rule is suspended." in text_of(response, "event-outcome")
    assert admin_client.get(page_of(event, "history/")).headers["Location"] == page_of(event)


def test_events_are_tried_again_from_the_list(
    admin_client: Client, program: Program, points: Asset
) -> None:
    make_redemption(program, points)
    failed = [processed(program, f"k-{n}", of=f"p{n}") for n in range(3)]
    waiting = stored(program, "waiting")
    chosen = {
        "action": "try_again",
        "confirmed": "yes",
        "_selected_action": [str(each.pk) for each in (*failed, waiting)],
    }

    response = admin_client.post(EVENTS, chosen)

    assert told(response) == [
        "waiting: Only a FAILED event, or a COMPLETED one with rule errors, can be retried.",
        "Will be retried: k-0, k-1, k-2.",
    ]
    assert Event.objects.pending().count() == 4
    assert EventRetry.objects.count() == 3


def test_the_button_does_nothing_unless_it_is_posted_with_its_token(
    admin_client: Client, admin_user: User, program: Program, points: Asset
) -> None:
    make_redemption(program, points)
    event = processed(program)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)

    assert admin_client.get(page_of(event, "retry/")).status_code == 302
    assert strict.post(page_of(event, "retry/")).status_code == 403
    assert Event.objects.get().status == EventStatus.FAILED


def test_trying_again_needs_the_permission_to_change_events(
    program: Program, points: Asset
) -> None:
    make_redemption(program, points)
    event = processed(program)
    client = staff_client("view_event")

    assert "Retry" not in text_of(client.get(page_of(event)))
    assert "try_again" not in client.get(EVENTS).content.decode()
    assert client.post(page_of(event, "retry/")).status_code == 403
    client.post(
        EVENTS, {"action": "try_again", "confirmed": "yes", "_selected_action": [str(event.pk)]}
    )
    assert Event.objects.get().status == EventStatus.FAILED


def test_who_may_change_events_tries_them_again_and_changes_nothing_else(
    program: Program, points: Asset
) -> None:
    make_redemption(program, points)
    event = processed(program)
    client = staff_client("change_event")

    response = client.get(page_of(event))

    assert 'name="_save"' not in response.content.decode()
    assert client.post(page_of(event), {"idempotency_key": "x"}).status_code == 403
    assert client.post(page_of(event, "retry/")).status_code == 302
    assert Event.objects.get().status == EventStatus.PENDING


def test_who_may_change_events_retries_all_of_them(unlucky: Program) -> None:
    changer = staff_client("change_event")
    address = f"{EVENTS}retry/"

    assert changer.post(address, form_of(changer.get(address))).status_code == 302
    assert Event.objects.pending().count() == 7


# Rules that failed while the others had their effect


def test_the_page_names_the_rules_that_failed_and_retries_only_those(
    admin_client: Client, program: Program, points: Asset
) -> None:
    rule = make_mistake(program)
    event = processed(program, event_data={"amount": 60})

    response = admin_client.get(page_of(event))
    assert text_of(response, "event-failure") == (
        "1 rule failed, and the others had their effect"
        " Rule “Bonus”: COUNTER: event.bonus is missing."
        " Retry Only this rule will run, as of today, at the event's original place. What the others did stays."
    )
    assert "Undone: Tagged bonus." in text_of(response, "event-outcome")
    [row] = cells(admin_client.get(EVENTS))
    assert row["state"] == "Completed 1 rule error"
    assert row["what_came_of_it"] == (
        "+60 POINTS, events 1. Rule “Bonus”: COUNTER: event.bonus is missing."
    )

    rulebook.change(rule.pk, {"actions": [{"type": "TAG", "tag": "bonus"}]}, by=TESTER)
    retried = admin_client.post(page_of(event, "retry/"))
    [waiting] = cells(admin_client.get(EVENTS))
    process.process_now(event.participant_id)
    page = admin_client.get(page_of(event))

    assert told(retried) == ["The event k-1 will be retried."]
    assert (waiting["state"], waiting["what_came_of_it"]) == (
        "Pending 1 rule error",
        "Waiting to be retried.",
    )
    assert "retry_url" not in page.context
    assert "event-failure" not in page.content.decode()
    assert "Tagged bonus." in text_of(page, "event-outcome")


def test_rules_that_did_not_fit_into_the_outcome_are_counted(
    admin_client: Client, program: Program
) -> None:
    make_mistake(program)
    event = processed(program)
    event.outcome["rule_evaluations"] = []
    event.save(update_fields=["outcome"])

    text = text_of(admin_client.get(page_of(event)), "event-failure")

    assert "1 more that did not fit into the stored outcome." in text
    assert admin_client.get(EVENTS).status_code == 200


@pytest.mark.parametrize(
    ("query", "found"),
    [("", 3), ("has_rule_errors=true", 1), ("has_rule_errors=x", 3)],
)
def test_events_are_filtered_by_rule_errors(
    query: str, found: int, admin_client: Client, program: Program
) -> None:
    processed(program, "k-1")
    rule = make_mistake(program)
    processed(program, "k-2")
    rulebook.change(rule.pk, {"status": "SUSPENDED"}, by=TESTER)
    processed(program, "k-3")

    response = admin_client.get(f"{EVENTS}?{query}", follow=True)

    assert len(listed(response)) == found


# All events of a filter


@pytest.fixture
def unlucky(program: Program, points: Asset) -> Program:
    """Two events with rule errors, then three that failed and one that waits; and a failed one of another program."""
    mistake = make_mistake(program)
    for n in range(2):
        processed(program, f"error-{n}")
    rulebook.change(mistake.pk, {"status": "SUSPENDED"}, by=TESTER)
    redemption = make_redemption(program, points)
    for n in range(3):
        processed(program, f"failed-{n}", of="eva")
    stored(program, "waiting", of="bo")
    other = Program.objects.create(name="Other")
    AssetLink.objects.create(program=other, asset=points)
    make_redemption(other, points)
    processed(other, "elsewhere", of="eva")
    rulebook.change(redemption.pk, {"status": "SUSPENDED"}, by=TESTER)
    return program


def form_of(response: Any) -> dict[str, str]:
    [before] = re.findall(r'name="before" value="([^"]+)"', response.content.decode())
    return {"before": before}


@pytest.mark.parametrize(
    ("query", "failed", "with_errors"),
    [
        ("", 4, 2),
        ("program={program}", 3, 2),
        ("program={program}&status__exact=FAILED", 3, 0),
        ("has_rule_errors=true", 0, 2),
        ("external_id=eva", 4, 0),
        ("q=failed-1&program={program}", 1, 0),
        ("status__exact=PENDING", 0, 0),
    ],
)
def test_all_events_of_a_filter_are_retried_once_it_is_confirmed(
    query: str, failed: int, with_errors: int, admin_client: Client, unlucky: Program
) -> None:
    query = query.format(program=unlucky.pk)
    assert "Retry all that failed…" in text_of(admin_client.get(f"{EVENTS}?{query}"))
    address = f"{EVENTS}retry/?{query}"

    asked = admin_client.get(address)
    assert f" {failed} failed. All" in text_of(asked)
    assert f" {with_errors} completed with rule errors." in text_of(asked)
    assert Event.objects.pending().count() == 1
    response = admin_client.post(address, form_of(asked))

    assert response.headers["Location"] == f"{EVENTS}?{query}"
    assert told(response) == [f"{failed + with_errors} will be retried."]
    assert Event.objects.pending().count() == 1 + failed + with_errors
    assert Event.objects.filter(only_failed_rules=True).count() == with_errors
    assert EventRetry.objects.count() == failed + with_errors


def test_an_event_that_failed_again_since_it_was_asked_is_not_retried_again(
    admin_client: Client, unlucky: Program
) -> None:
    address = f"{EVENTS}retry/"
    asked = form_of(admin_client.get(address))
    admin_client.post(address, asked)
    rulebook.change(
        Rule.objects.get(name="Redeem", program=unlucky).pk, {"status": "ACTIVE"}, by=TESTER
    )
    for event in Event.objects.pending():
        process.process_now(event.participant_id)
    assert Event.objects.retryable().exists()

    response = admin_client.post(address, asked)

    assert told(response)[-1] == "0 will be retried."
    assert not Event.objects.pending().exists()


def test_more_than_one_request_has_time_for_is_gone_on_with(
    admin_client: Client, unlucky: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("participants.admin.events.RETRYING_SECONDS", -1.0)
    monkeypatch.setattr("participants.events.retry.MOST_AT_ONCE", 3)
    address = f"{EVENTS}retry/"
    asked = form_of(admin_client.get(address))

    first = admin_client.post(address, asked)
    assert " 1 failed. All" in text_of(first)
    assert form_of(first) == asked
    second = admin_client.post(address, asked)
    third = admin_client.post(address, asked)

    assert " 2 completed with" in text_of(second)
    assert (second.status_code, third.status_code) == (200, 200)
    assert Event.objects.pending().count() == 7
    assert admin_client.post(address, asked).status_code == 302


def test_events_of_inactive_programs_are_left_out(admin_client: Client, unlucky: Program) -> None:
    Program.objects.filter(pk=unlucky.pk).update(status="SUSPENDED")
    address = f"{EVENTS}retry/"

    response = admin_client.post(address, form_of(admin_client.get(address)))

    assert told(response) == [
        "1 will be retried.",
        "5 left out: their program or enrollment is not active.",
    ]
    assert Event.objects.pending().count() == 2


def test_retrying_all_needs_the_permission_to_change_events(unlucky: Program) -> None:
    viewer = staff_client("view_event")
    address = f"{EVENTS}retry/"

    assert "Retry all" not in text_of(viewer.get(EVENTS))
    assert viewer.get(address).status_code == 403
    assert viewer.post(address, {"before": "2100-01-01T00:00:00+00:00"}).status_code == 403
    assert Event.objects.pending().count() == 1


@pytest.mark.parametrize("query", ["program=x", "from=x", "has_rule_errors=maybe", "o=9.9"])
def test_a_hostile_address_retries_nothing(
    query: str, admin_client: Client, unlucky: Program
) -> None:
    response = admin_client.post(f"{EVENTS}retry/?{query}", {"before": "0001-01-01T00:00:00+14:00"})

    assert response.status_code in (200, 302)
    assert Event.objects.pending().count() == 1


def test_what_is_retried_is_counted_only_so_far(
    admin_client: Client, unlucky: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("participants.admin.events.MOST_COUNTED", 3)

    text = text_of(admin_client.get(f"{EVENTS}retry/"))

    assert " more than 3 failed. All" in text
    assert " 2 completed with rule errors." in text
