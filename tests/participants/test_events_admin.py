import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from participants.admin import events as page
from participants.admin import outcomes
from participants.events import process, queue
from participants.events.ingest import ingest
from participants.events.request import clean_event
from participants.models import Event, EventStatus, JournalEntry, Participant, StateChange
from programs import rulebook, tracks
from programs.kernel import exact_json
from programs.models import Asset, AssetLink, Program, Rule
from tests.conftest import TESTER

EVENTS = "/admin/participants/event/"
PEOPLE = "/admin/participants/participant/"
JOURNAL = "/admin/participants/journalentry/"
RULES = "/admin/programs/rule/"


@pytest.fixture
def points(program: Program) -> Asset:
    """What the program gives: whole points for purchases of more than 50."""
    points = Asset.objects.create(name="Points", symbol="POINTS", scale=0)
    AssetLink.objects.create(program=program, asset=points)
    credit = {"type": "CREDIT", "asset_id": str(points.pk), "amount": "event.amount"}
    make_rule(program, "Purchases", credit, condition="event.amount > 50.0")
    make_rule(program, "Visits", {"type": "TAG", "tag": "visitor"}, condition="event.visits == 1")
    count = {"type": "COUNTER", "key": "events", "value": "1"}
    make_rule(program, "Count", count)
    return points


def make_rule(program: Program, name: str, *actions: dict[str, Any], **more: Any) -> Rule:
    body = {"program_id": str(program.pk), "name": name, "condition": "true", **more}
    return rulebook.create(rulebook.clean_new({**body, "actions": list(actions)}), by=TESTER)


def make_redemption(program: Program, points: Asset) -> Rule:
    """A rule that takes more than anybody has, after it has tagged."""
    tag = {"type": "TAG", "tag": "redeemer"}
    debit = {"type": "DEBIT", "asset_id": str(points.pk), "amount": "1000000"}
    return make_rule(program, "Redeem", tag, debit)


def stored(program: Program, key: str = "k-1", of: str = "ana", **more: Any) -> Event:
    """An event that waits."""
    body = {
        "program_id": str(program.pk),
        "external_id": of,
        "idempotency_key": key,
        "event_timestamp": "2026-01-15T10:30:00Z",
        "event_data": {"type": "purchase", "amount": 12.5},
        **more,
    }
    event = clean_event(exact_json.loads(exact_json.dumps(body)))
    return Event.objects.get(pk=ingest(event, by=TESTER).id)


def processed(program: Program, key: str = "k-1", of: str = "ana", **more: Any) -> Event:
    event = stored(program, key, of, **more)
    process.process_now(event.participant_id)
    event.refresh_from_db()
    return event


def page_of(event: Event, name: str = "change/") -> str:
    return f"{EVENTS}{event.pk}/{name}"


def staff_client(*permissions: str) -> Client:
    user = User.objects.create_user("sam", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def text_of(response: Any, section: str = "") -> str:
    """What the page, or its part with this class, shows, with one space between words."""
    content = response.content.decode()
    if section:
        [content] = re.findall(
            rf'<section class="(?:module )?{section}.*?</section>', content, re.DOTALL
        )
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", content))).strip()


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def listed(response: Any) -> list[str]:
    return [event.idempotency_key for event in response.context["cl"].result_list]


def cells(response: Any) -> list[dict[str, str]]:
    found = re.findall(r'<t[dh] class="field-(\w+)[^"]*">(.*?)</t[dh]>', response.content.decode())
    names = ("received", "key", "whose_in", "state", "what_came_of_it")
    texts = [html.unescape(re.sub("<[^>]+>", "", cell)) for _, cell in found]
    rows = zip(*[iter(texts)] * len(names), strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


# The page of an event


def test_the_page_says_in_words_what_each_rule_did(
    admin_client: Client, program: Program, points: Asset
) -> None:
    make_rule(program, "Later", {"type": "TAG", "tag": "x"}, active_from="2026-02-01T00:00:00Z")

    shown = text_of(admin_client.get(page_of(processed(program))), "event-outcome")
    again = processed(program, "k-2", event_data={"amount": 60.75, "visits": 1})
    response = admin_client.get(page_of(again))

    assert shown == (
        "What came of it events 1"
        " Purchases version 1 Did not match event.amount > 50.0 is false (event.amount is 12.5)"
        " Visits version 1 Skipped event.visits is missing"
        " Count version 1 Matched Added 1 to the counter events (new → 1)."
        " Later version 1 Skipped The event's time is outside of the rule's window."
    )
    assert text_of(response, "event-outcome").startswith(
        "What came of it +60 POINTS, tag visitor, events 2"
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
        "Happened at: 2026-01-15T10:30:00.000000Z",
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

    reason = "DEBIT: AVAILABLE has 60, and 1000000 are asked for."
    assert text_of(response, "event-failure") == (
        "This event failed, and nothing of it was carried out"
        f" Rule “Redeem”, action 2: {reason}"
        " Try again It runs under the rules of now, at its old place in the order of the participant's events."
    )
    assert text_of(response, "event-outcome") == (
        "What came of it"
        " Purchases version 1 Matched Undone: Credited 60 POINTS (available 0 → 60)."
        " Visits version 1 Skipped event.visits is missing"
        " Count version 1 Matched Undone: Added 1 to the counter events (new → 1)."
        f" Redeem version 1 Failed {reason} Undone: Tagged redeemer."
        " DEBIT was refused: AVAILABLE has 60, and 1000000 are asked for."
        " After version 1 Skipped An earlier rule failed."
    )
    assert not JournalEntry.objects.exists()


def test_a_failure_that_is_no_rules_says_so(admin_client: Client, program: Program) -> None:
    event = stored(program)
    Event.objects.update(attempts=queue.MOST_RETRIES)
    [pending] = queue.load([event.participant_id], 1)
    queue.put_off(pending, ValueError())

    response = admin_client.get(page_of(event))

    assert "It failed 6 times unexpectedly (ValueError); the log says more. Try again" in text_of(
        response, "event-failure"
    )
    assert "failed 6 times unexpectedly Participant" in text_of(response)


def test_an_event_that_is_put_off_says_when_it_is_tried_next(
    admin_client: Client, program: Program
) -> None:
    stored(program)
    Event.objects.update(attempts=1, next_attempt_at="2100-01-01T00:00:00Z")

    [row] = cells(admin_client.get(EVENTS))

    assert row["state"] == ("Pending failed once unexpectedly, next attempt 2100-01-01 00:00:00")
    assert row["what_came_of_it"] == "Waits to be tried again."


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
    tracks.create(program.pk, tracks.clean_new(track), by=TESTER)

    shown = text_of(admin_client.get(page_of(processed(program))), "event-outcome")

    assert shown.startswith("What came of it spent 12.5, status gold ")
    assert shown.endswith("Tiers Rose from the base to gold of status.")


def test_rules_for_which_there_was_no_room_are_counted(
    admin_client: Client, program: Program
) -> None:
    for number in range(100):
        make_rule(program, f"{number} {'ü' * 250}", condition=f'event.type == "{number}"')

    response = admin_client.get(page_of(processed(program, event_data={"type": "y" * 80})))

    omitted = 100 - len(response.context["rules"])
    assert omitted > 0
    assert f"{omitted} more rules said something for which there was no room." in text_of(response)


# Words

ASSET = "0198c0dd-3f4a-7b5c-8d6e-7f8091a2b3c4"


def moved(kind: str, amount: str, before: str, after: str, **more: Any) -> dict[str, Any]:
    """An effect; the amounts before and after are available, held, deferred."""
    buckets = ("available", "held", "deferred")
    return {
        "type": kind,
        "asset_id": ASSET,
        "amount": amount,
        "before": dict(zip(buckets, before.split(), strict=True)),
        "after": dict(zip(buckets, after.split(), strict=True)),
        **more,
    }


@pytest.mark.parametrize(
    ("effect", "text", "short"),
    [
        (moved("CREDIT", "12", "0 0 0", "12 0 0"), "Credited 12 PTS (available 0 → 12).", "+12 PTS"),
        (moved("CREDIT", "5", "0 0 0", "0 5 0", bucket="HELD"), "Credited 5 PTS to held (held 0 → 5).", "+5 PTS"),
        (moved("CREDIT", "5", "1 0 0", "1 0 5", bucket="DEFERRED"), "Credited 5 PTS to deferred (deferred 0 → 5).", "+5 PTS"),
        (moved("CREDIT", "0.00", "1 0 0", "1 0 0"), "Credited 0.00 PTS: nothing moved.", None),
        (moved("DEBIT", "5", "1 0 0", "-4 0 0"), "Debited 5 PTS (available 1 → -4).", "-5 PTS"),
        (moved("HOLD", "5", "5 0 0", "0 5 0"), "Held 5 PTS (available 5 → 0, held 0 → 5).", "5 PTS held"),
        (moved("RELEASE", "5", "0 5 0", "5 0 0"), "Released 5 PTS (available 0 → 5, held 5 → 0).", "5 PTS released"),
        (moved("FORFEIT", "5", "5 0 0", "0 0 0", bucket="AVAILABLE"), "Forfeited 5 PTS (available 5 → 0).", "-5 PTS forfeited"),
        (moved("FORFEIT", "5", "0 5 0", "0 0 0", bucket="HELD"), "Forfeited 5 PTS of held (held 5 → 0).", "-5 PTS forfeited"),
        ({"type": "TAG", "tag": "vip", "before": False, "after": True}, "Tagged vip.", "tag vip"),
        ({"type": "TAG", "tag": "vip", "before": True, "after": True}, "Had the tag vip.", None),
        ({"type": "UNTAG", "tag": "vip", "before": True, "after": False}, "Took away the tag vip.", "no more tag vip"),
        ({"type": "UNTAG", "tag": "vip", "before": False, "after": False}, "Had no tag vip.", None),
        ({"type": "COUNTER", "key": "n", "value": "2", "before": None, "after": "2"}, "Added 2 to the counter n (new → 2).", "n 2"),
        ({"type": "COUNTER", "key": "n", "value": "-1", "before": "2", "after": "1"}, "Added -1 to the counter n (2 → 1).", "n 1"),
        ({"type": "SET_ATTRIBUTE", "key": "plan", "before": None, "after": "gold"}, 'Set the attribute plan (not set → "gold").', 'plan "gold"'),
        ({"type": "SET_ATTRIBUTE", "key": "n", "before": 1, "after": [1, True]}, "Set the attribute n (1 → [1,true]).", "n [1,true]"),
        ({"type": "SET_TIER", "tier": "club", "level": "gold", "before": "", "after": "gold"}, "Set the level of club (the base → gold).", "club gold"),
        ({"type": "SET_TIER", "tier": "club", "level": "", "before": "gold", "after": ""}, "Set the level of club (gold → the base).", "club the base"),
        ({"type": "TELEPORT", "before": 1, "after": 2}, "TELEPORT.", None),
    ],
)  # fmt: skip
def test_what_an_action_did_is_told_in_words(
    effect: dict[str, Any], text: str, short: str | None
) -> None:
    rule = {
        "rule_id": ASSET,
        "rule_name": "R",
        "rule_version": 1,
        "outcome": "matched",
        "reason": "",
    }
    outcome = {"rule_evaluations": [{**rule, "actions": [effect]}]}
    event = Event(status=EventStatus.COMPLETED, outcome=outcome)
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True)

    [shown] = outcomes.rules_told(event, {ASSET: "PTS"}, request)

    assert [each.text for each in shown.effects] == [text]
    assert outcomes.summary(event, {ASSET: "PTS"}) == (short or "Nothing changed.")


def test_the_line_of_a_list_tells_movements_first_and_no_more_than_a_few() -> None:
    tags = [{"type": "TAG", "tag": f"t{n}", "before": False, "after": True} for n in range(5)]
    rule = {"outcome": "matched", "actions": [*tags, moved("CREDIT", "1", "0 0 0", "1 0 0")]}
    event = Event(status=EventStatus.COMPLETED, outcome={"rule_evaluations": [rule]})

    summary = outcomes.summary(event, {ASSET: "PTS"})

    assert summary == "+1 PTS, tag t0, tag t1, tag t2, tag t3, …"


# Trying again


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
    assert told(first) == ["The event k-1 is tried again."]
    assert told(second)[-1] == "Only a FAILED event can be tried again."
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
        "3 tried again.",
        "1 refused: Only a FAILED event can be tried again.",
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

    assert "Try again" not in text_of(client.get(page_of(event)))
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
        assert client.get(address).status_code == 403


def test_links_lead_only_where_one_may_go(program: Program, points: Asset) -> None:
    event = processed(program, event_data={"amount": 60})

    content = staff_client("view_event").get(page_of(event)).content.decode()

    assert "Credited 60 POINTS" in content
    assert JOURNAL not in content
    assert RULES not in content


# The list


def test_the_list_says_in_one_line_what_came_of_each(
    admin_client: Client, program: Program, points: Asset
) -> None:
    processed(program, "k-1", event_data={"amount": 60})
    make_redemption(program, points)
    processed(program, "k-2", of="eva")
    stored(program, "k-3", of="eva")

    rows = cells(admin_client.get(EVENTS))

    assert [{name: row[name] for name in list(row)[1:]} for row in rows] == [
        {
            "key": f"{key} happened 2026-01-15 10:30:00",
            "whose_in": f"{whose} in Club",
            "state": state,
            "what_came_of_it": summary,
        }
        for whose, key, state, summary in [
            ("eva", "k-3", "Pending", "Waits to be processed."),
            ("eva", "k-2", "Failed", "Rule “Redeem”, action 2: DEBIT: AVAILABLE has 0, and 1000000 are asked for."),
            ("ana", "k-1", "Completed", "+60 POINTS, events 1"),
        ]
    ]  # fmt: skip


@pytest.fixture
def some(program: Program) -> Program:
    """Events of ana and eva in two programs; the last failed."""
    other = Program.objects.create(name="Other", status="ACTIVE")
    processed(program, "order-1")
    processed(program, "order-10")
    processed(program, "order_1", of="eva")
    processed(other, "order-1", of="eva")
    make_rule(other, "Fail", {"type": "COUNTER", "key": "n", "value": "event.nothing"})
    processed(other, "0198c0dd-3f4a-7b5c-8d6e-7f8091a2b3c4", of="eva")
    return program


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [ASSET, "order-1", "order_1", "order-10", "order-1"]),
        ("status__exact=FAILED", [ASSET]),
        ("status__exact=PENDING", []),
        ("status__exact=x", []),
        ("program={club}", ["order_1", "order-10", "order-1"]),
        ("program={nothing}", []),
        ("external_id=ana", ["order-10", "order-1"]),
        ("external_id=an", []),
        ("external_id=", [ASSET, "order-1", "order_1", "order-10", "order-1"]),
        ("external_id=eva&program={club}&status__exact=COMPLETED", ["order_1"]),
        ("from={today}&to={today}&external_id=ana", ["order-10", "order-1"]),
        ("to={yesterday}", []),
        ("q=order-1", ["order-1", "order-1"]),
        ("q=order", []),
        ("q=order&program={club}", ["order-1", "order-10", "order_1"]),
        ("q=order-&program={club}", ["order-1", "order-10"]),
        ("q=order_&program={club}", ["order_1"]),
        ("q=rder&program={club}", []),
        ("q=%25&program={club}", []),
        ("q=order&program={club}&external_id=eva", ["order_1"]),
        ("q={event}", ["order_1"]),
        ("q={event}&program={nothing}", []),
        ("q=" + ASSET, [ASSET]),
        ("q={nothing}", []),
    ],
)
def test_events_are_found_by_filters_and_search(
    admin_client: Client, some: Program, query: str, found: list[str]
) -> None:
    asked = query.format(
        club=some.pk,
        nothing=UUID(int=9),
        event=Event.objects.get(idempotency_key="order_1").pk,
        today=timezone.now().date(),
        yesterday=timezone.now().date() - timedelta(days=1),
    )

    assert listed(admin_client.get(f"{EVENTS}?{asked}")) == found


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("program=x", 302),
        ("program=%00", 302),
        ("external_id=%00", 302),
        ("q=%00", 302),
        ("from=soon", 302),
        ("to=9999-12-31", 302),
        ("from=0001-01-01&to=9999-12-30", 200),
        ("external_id=" + "x" * 5000, 200),
        ("q=" + "x" * 5000, 200),
        ("q=" + "x" * 5000 + "&program=00000000-0000-0000-0000-000000000009", 200),
        ("idempotency_key__regex=(a%2B)%2B$", 400),
        ("participant__external_id=x", 400),
        ("data__amount=1", 400),
        ("p=99999999999", 200),
        ("o=1.2.3", 200),
        ("_facets=1", 200),
        ("status__exact=%F0%9F%92%A9", 200),
    ],
)
def test_hostile_addresses_show_no_error_page(
    admin_client: Client, some: Program, query: str, status: int
) -> None:
    response = admin_client.get(f"{EVENTS}?{query}")

    assert response.status_code == status
    if status == 302:
        assert response.headers["Location"] == f"{EVENTS}?e=1"


@pytest.fixture(scope="module")
def tidied(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The table is as small afterwards as it was: the rows of a test that is rolled back leave their room behind."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("VACUUM FULL participants_event")


@pytest.fixture
def many(tidied: None, program: Program, points: Asset) -> Event:
    """An event with an outcome, and twenty thousand more like it of two hundred people in some programs."""
    event = processed(program, event_data={"amount": 60, "text": "x" * 500})
    Program.objects.bulk_create(Program(name=f"Program {number}") for number in range(20))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO participants_participant (id, external_id, created_at, updated_at)
            SELECT gen_random_uuid(), 'p' || n, now(), now() FROM generate_series(1, 200) AS n;
            INSERT INTO participants_event (id, program_id, participant_id, idempotency_key, event_timestamp, data, status,
                outcome, created_by, created_at, processed_at)
            SELECT gen_random_uuid(), event.program_id, person.id, person.external_id || '-' || n, event_timestamp, event.data,
                event.status, outcome, created_by, event.created_at - (n / 10 || ' minutes')::interval, processed_at
            FROM participants_event AS event, participants_participant AS person, generate_series(1, 100) AS n
            WHERE person.external_id <> 'ana';
            ANALYZE participants_event; ANALYZE participants_participant; ANALYZE programs_program;
            """
        )
    return event


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("", 50),
        ("?p=2", 50),
        ("?p=100000000", 50),
        ("?external_id=p7", 50),
        ("?program={program}", 50),
        ("?q=p7-7", 1),
        ("?q=p7-&program={program}", 50),
        ("?q={event}", 1),
        ("?status__exact=FAILED", 0),
        ("?status__exact=PENDING", 0),
        ("?status__exact=COMPLETED&external_id=p7", 50),
        ("?o=2.3", 50),
        ("?_facets=1", 50),
    ],
)
def test_the_list_takes_a_few_queries_counts_nothing_and_reads_no_payload(
    admin_client: Client, many: Event, queries: list[str], asked: str, shown: int
) -> None:
    queries.clear()

    response = admin_client.get(EVENTS + asked.format(program=many.program_id, event=many.pk))

    assert len(listed(response)) == shown
    # Session, user, rows, programs to filter by, the participant or key searched for (programs to ask), assets.
    assert len(queries) <= 6
    assert not [sql for sql in queries if "COUNT(" in sql.upper()]
    [rows] = [sql for sql in queries if "LIMIT 51" in sql]
    assert '"participants_event"."data"' not in rows


@pytest.mark.parametrize(
    "asked",
    [
        "", "?external_id=p7", "?program={program}", "?q=p7-7", "?q=p7-&program={program}", "?status__exact=FAILED",
        "?status__exact=PENDING", "?status__exact=FAILED&program={program}", "?q={event}", "?from=2026-01-01&to=2026-01-02",
    ],
)  # fmt: skip
def test_the_list_reads_events_along_an_index(
    admin_client: Client, many: Event, asked: str
) -> None:
    plans: list[str] = []

    def explain(execute: Any, sql: str, params: Any, *rest: Any) -> Any:
        if "LIMIT 51" in sql:
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}", params)
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
        return execute(sql, params, *rest)

    with connection.execute_wrapper(explain):
        admin_client.get(EVENTS + asked.format(program=many.program_id, event=many.pk))

    [plan] = plans
    assert "Seq Scan on participants_event" not in plan


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

    assert len(queries) == 4  # session, user, the event, its assets


# Where events are linked


def test_a_participants_page_shows_their_last_events(
    admin_client: Client, program: Program, points: Asset
) -> None:
    for number in range(21):
        last = processed(program, f"k-{number}", event_data={"amount": 60})
    processed(program, "other", of="eva")

    response = admin_client.get(f"{PEOPLE}{last.participant_id}/change/")

    [table] = [each for each in response.context["holdings"] if each.name == "events"]
    assert [row.cells[3].text for row in table.rows] == [f"k-{n}" for n in range(20, 0, -1)]
    assert [cell.text for cell in table.rows[0].cells][1:] == [
        "2026-01-15 10:30", "Club", "k-20", "Completed", "+60 POINTS, events 21",
    ]  # fmt: skip
    assert table.rows[0].url == page_of(last)
    assert f'<a href="{EVENTS}?external_id=ana">All events</a>' in response.content.decode()


def test_many_events_cost_a_participants_page_two_queries(
    admin_client: Client, many: Event, queries: list[str]
) -> None:
    who = Participant.objects.get(external_id="p7")
    queries.clear()

    admin_client.get(f"{PEOPLE}{who.pk}/change/")

    about = [
        sql for sql in queries if "participants_event" in sql or 'FROM "programs_asset"' in sql
    ]
    assert len(about) == 2  # the events, and the symbols of what they moved
    assert '"participants_event"."data"' not in about[0]


def test_the_link_to_all_events_holds_for_any_external_id(
    admin_client: Client, program: Program
) -> None:
    event = processed(program, of='a&b="c" ü?#')

    response = admin_client.get(f"{PEOPLE}{event.participant_id}/change/")

    [table] = [each for each in response.context["holdings"] if each.name == "events"]
    assert table.link is not None
    assert listed(admin_client.get(table.link[1])) == ["k-1"]


def test_who_may_not_see_events_is_not_shown_those_of_a_participant(program: Program) -> None:
    event = processed(program)

    response = staff_client("view_participant").get(f"{PEOPLE}{event.participant_id}/change/")

    assert response.context["holdings"] == []


def test_a_journal_entry_leads_to_the_event_that_caused_it(
    admin_client: Client, program: Program, points: Asset
) -> None:
    event = processed(program, event_data={"amount": 60})
    address = f"{JOURNAL}{JournalEntry.objects.get().pk}/change/"

    content = admin_client.get(address).content.decode()
    unseen = staff_client("view_journalentry").get(address).content.decode()

    assert f'<a href="{page_of(event)}">The event that caused it</a>' in content
    assert page_of(event) not in unseen


def test_an_entry_of_an_event_that_is_not_here_has_no_link(
    admin_client: Client, program: Program, points: Asset
) -> None:
    processed(program, event_data={"amount": 60})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE participants_journalentry SET event_id = %s", [UUID(int=7)])

    response = admin_client.get(f"{JOURNAL}{JournalEntry.objects.get().pk}/change/")

    assert "The event that caused it" not in response.content.decode()


def test_the_state_history_leads_to_the_event(
    admin_client: Client, program: Program, points: Asset
) -> None:
    event = processed(program)
    link = f'<a href="{page_of(event)}">rule:Count v1</a>'
    who = Participant.objects.get()

    assert StateChange.objects.filter(event_id=event.pk).count() == 1
    assert link in admin_client.get("/admin/participants/statechange/").content.decode()
    assert link in admin_client.get(f"{PEOPLE}{who.pk}/change/").content.decode()
    unseen = staff_client("view_participant", "view_statechange")
    assert page_of(event) not in unseen.get(f"{PEOPLE}{who.pk}/change/").content.decode()
