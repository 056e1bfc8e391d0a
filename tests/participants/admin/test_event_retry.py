"""Events tried again from the admin."""

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from participants.events import process
from participants.models import Event, EventStatus
from programs import rulebook
from programs.models import Asset, Program
from tests.conftest import TESTER
from tests.participants.admin.event_pages import (
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
    assert [entry.change_message for entry in LogEntry.objects.all()] == ["Tried again."]
    assert "retry_url" not in response.context
    assert "Redeem version 2 Skipped The rule is suspended." in text_of(response, "event-outcome")
    assert "Tried again." in text_of(admin_client.get(page_of(event, "history/")))


def test_events_are_tried_again_from_the_list(
    admin_client: Client, program: Program, points: Asset
) -> None:
    make_redemption(program, points)
    failed = [processed(program, f"k-{n}", of=f"p{n}") for n in range(3)]
    waiting = stored(program, "waiting")
    chosen = {
        "action": "try_again",
        "_selected_action": [str(each.pk) for each in (*failed, waiting)],
    }

    response = admin_client.post(EVENTS, chosen)

    assert told(response) == [
        "3 will be retried.",
        "1 refused: Only a FAILED event, or a COMPLETED one with rule errors, can be retried.",
    ]
    assert Event.objects.pending().count() == 4
    assert LogEntry.objects.count() == 3


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
    client.post(EVENTS, {"action": "try_again", "_selected_action": [str(event.pk)]})
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
