"""The page of an event."""

from uuid import UUID

import pytest
from django.test import Client

from participants.admin import events as page
from participants.events import queue
from participants.models import Event, EventStatus, JournalEntry
from programs import tracks
from programs.api.tiers import NewTierTrackSerializer
from programs.kernel import exact_json
from programs.models import Asset, Program, Rule
from tests.conftest import TESTER
from tests.participants.admin.event_pages import (
    cells,
    make_redemption,
    make_rule,
    page_of,
    processed,
    stored,
    text_of,
)
from tests.staff import staff_client

EVENTS = "/admin/participants/event/"
PEOPLE = "/admin/participants/participant/"
JOURNAL = "/admin/participants/journalentry/"
RULES = "/admin/programs/rule/"


def test_the_page_says_in_words_what_each_rule_did(
    admin_client: Client, program: Program, points: Asset
) -> None:
    make_rule(program, "Later", {"type": "TAG", "tag": "x"}, active_from="2026-02-01T00:00:00Z")

    shown = text_of(admin_client.get(page_of(processed(program))), "event-outcome")
    again = processed(program, "k-2", event_data={"amount": 60.75, "visits": 1})
    response = admin_client.get(page_of(again))

    assert shown == (
        "Outcome events 1"
        " Purchases version 1 Did not match event.amount > 50.0 is false: it is 12.5"
        " Visits version 1 Skipped event.visits is missing"
        " Count version 1 Matched Added 1 to the counter events (new → 1)."
        " Later version 1 Skipped The event's time is outside the rule's window."
    )
    assert text_of(response, "event-outcome").startswith(
        "Outcome +60 POINTS, tag visitor, events 2"
        " Purchases version 1 Matched Credited 60 POINTS (available 0 → 60). Journal entry"
        " Visits version 1 Matched Tagged visitor."
        " Count version 1 Matched Added 1 to the counter events (1 → 2)."
    )
    content = response.content.decode()
    assert f'<a href="{JOURNAL}{JournalEntry.objects.get().pk}/change/">' in content
    assert f'<a href="{RULES}{Rule.objects.get(name="Visits").pk}/change/">Visits</a>' in content
    assert f'<a href="{PEOPLE}{again.participant_id}/change/">ana</a>' in content


def test_the_page_says_who_sent_what_and_when_with_exact_numbers(
    admin_client: Client, program: Program
) -> None:
    data = b'{"amount": 50.00, "small": 0.0000001, "large": 12345678901234567890.123456789, "who": "<b>&"}'
    event = processed(program, event_data=exact_json.loads(data))

    response = admin_client.get(page_of(event))

    shown = text_of(response)
    for text in (
        "Happened at: 2026-01-15 10:30:00 UTC",
        "Created by: command:tests",
        "Idempotency key: k-1",
        str(event.pk),
        "Nothing: the program had no rules.",
    ):
        assert text in shown, shown
    assert response.context["payload"].splitlines() == [
        "{",
        '  "who": "<b>&",',
        '  "large": 12345678901234567890.123456789,',
        '  "small": 0.0000001,',
        '  "amount": 50.00',
        "}",
    ]
    assert "&lt;b&gt;&amp;" in response.content.decode()


def test_a_payload_without_end_is_cut_visibly(admin_client: Client, program: Program) -> None:
    event = processed(program, event_data={"text": "x" * 200_000})

    payload = admin_client.get(page_of(event)).context["payload"]

    assert len(payload) < page.SHOWN_DATA + 50
    assert payload.endswith("(cut here)")


def test_a_failure_stands_first_with_rule_action_and_reason_and_what_was_undone(
    admin_client: Client, program: Program, points: Asset
) -> None:
    make_redemption(program, points)
    make_rule(program, "After")

    response = admin_client.get(page_of(processed(program, event_data={"amount": 60})))

    reason = "DEBIT: AVAILABLE has 60, less than the 1000000 asked for."
    assert text_of(response, "event-failure") == (
        "This event failed, and none of its effects were kept"
        f" Rule “Redeem”, action 2: {reason}"
        " Retry It runs under the current rules, at its original place among the participant's events."
    )
    assert text_of(response, "event-outcome") == (
        "Outcome"
        " Purchases version 1 Matched Undone: Credited 60 POINTS (available 0 → 60)."
        " Visits version 1 Skipped event.visits is missing"
        " Count version 1 Matched Undone: Added 1 to the counter events (new → 1)."
        f" Redeem version 1 Failed {reason} Undone: Tagged redeemer."
        " DEBIT was refused: AVAILABLE has 60, less than the 1000000 asked for."
        " After version 1 Skipped The event failed before this rule."
    )
    assert not JournalEntry.objects.exists()


def test_a_failure_that_is_no_rules_says_so(admin_client: Client, program: Program) -> None:
    event = stored(program)
    Event.objects.update(attempts=queue.MOST_RETRIES)
    [pending] = queue.load({event.participant_id: 0}, 1)
    queue.put_off(pending, ValueError())

    response = admin_client.get(page_of(event))

    assert "It failed 6 times unexpectedly (ValueError); the log says more. Retry" in text_of(
        response, "event-failure"
    )
    assert "failed 6 times unexpectedly Participant" in text_of(response)


def test_an_event_that_is_put_off_says_when_it_is_tried_next(
    admin_client: Client, program: Program
) -> None:
    stored(program)
    Event.objects.update(attempts=1, next_attempt_at="2100-01-01T00:00:00Z")

    [row] = cells(admin_client.get(EVENTS))

    assert row["state"] == (
        "Pending failed once unexpectedly, next attempt 2100-01-01 00:00:00 UTC"
    )
    assert row["what_came_of_it"] == "Waiting to be retried."


def test_tiers_that_were_reached_are_told(admin_client: Client, program: Program) -> None:
    make_rule(program, "Spend", {"type": "COUNTER", "key": "spent", "value": "event.amount"})
    criterion = {"counter": "spent", "operator": ">=", "threshold": "10"}
    level = {
        "key": "gold",
        "rank": 1,
        "display_name": "Gold",
        "qualification": {"mode": "ALL", "criteria": [criterion]},
        "benefits": [],
    }
    track = {"key": "status", "display_name": "Status", "levels": [level]}
    tracks.create(program.pk, NewTierTrackSerializer.read(track), by=TESTER)

    shown = text_of(admin_client.get(page_of(processed(program))), "event-outcome")

    assert shown.startswith("Outcome spent 12.5, status gold ")
    assert shown.endswith("Tiers Rose from the base to gold of status.")


def test_rules_for_which_there_was_no_room_are_counted(
    admin_client: Client, program: Program
) -> None:
    for number in range(100):
        make_rule(program, f"{number} {'ü' * 250}", condition=f'event.type == "{number}"')

    response = admin_client.get(page_of(processed(program, event_data={"type": "y" * 80})))

    omitted = 100 - len(response.context["rules"])
    assert omitted > 0
    assert f"{omitted} more rules did not fit into the stored outcome." in text_of(response)


@pytest.mark.parametrize("event_id", [str(UUID(int=1)), "x"])
def test_an_event_that_is_not_there_is_not_found(
    admin_client: Client, db: None, event_id: str
) -> None:
    assert admin_client.post(f"{EVENTS}{event_id}/retry/").status_code == 404


def test_an_event_can_be_neither_added_changed_nor_deleted(
    admin_client: Client, program: Program
) -> None:
    event = processed(program)

    assert admin_client.get(f"{EVENTS}add/").status_code == 403
    assert admin_client.post(page_of(event), {"status": "PENDING"}).status_code == 403
    assert admin_client.post(page_of(event, "delete/"), {"post": "yes"}).status_code == 403
    deletion = {"action": "delete_selected", "_selected_action": [str(event.pk)], "post": "yes"}
    admin_client.post(EVENTS, deletion)
    assert Event.objects.get().status == EventStatus.COMPLETED


def test_events_need_the_permission_to_see_them(program: Program) -> None:
    event = processed(program)
    client = staff_client("view_participant", "view_journalentry", "view_rule")

    for address in (EVENTS, page_of(event), page_of(event, "history/")):
        assert client.get(address, follow=True).status_code == 403


def test_links_lead_only_where_one_may_go(program: Program, points: Asset) -> None:
    event = processed(program, event_data={"amount": 60})

    content = staff_client("view_event").get(page_of(event)).content.decode()

    assert "Credited 60 POINTS" in content
    assert JOURNAL not in content
    assert RULES not in content


@pytest.mark.parametrize("rules", [0, 50])
def test_the_page_costs_the_same_whatever_came_of_the_event(
    admin_client: Client, program: Program, points: Asset, queries: list[str], rules: int
) -> None:
    credit = {"type": "CREDIT", "asset_id": str(points.pk), "amount": "1"}
    for number in range(rules):
        make_rule(program, f"Rule {number}", credit)
    event = processed(program, event_data={"amount": 60})
    admin_client.get(page_of(event))  # Django keeps the types of models, once they were asked for
    queries.clear()

    admin_client.get(page_of(event))

    assert len(queries) == 5  # session, user, the event, its assets, its retries
