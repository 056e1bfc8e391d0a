"""The list of events: found, filtered, and what it costs."""

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from participants.admin.events import EventChangeList
from participants.models import Event
from programs.models import Asset, AssetLink, Program, Rule
from tests.participants.admin.event_pages import (
    cells,
    listed,
    make_mistake,
    make_redemption,
    plans_of,
    processed,
    stored,
)

EVENTS = "/admin/participants/event/"
PEOPLE = "/admin/participants/participant/"
ASSET = "0198c0dd-3f4a-7b5c-8d6e-7f8091a2b3c4"


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
            "key": f"{key} happened 2026-01-15 10:30:00 UTC",
            "whose_in": f"{whose} in Club",
            "state": state,
            "what_came_of_it": summary,
        }
        for whose, key, state, summary in [
            ("eva", "k-3", "Pending", "Waiting to be processed."),
            ("eva", "k-2", "Failed", "Rule “Redeem”, action 2: DEBIT: AVAILABLE has 0, less than the 1000000 asked for."),
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
    asset = Asset.objects.create(name="Miles", symbol="MILES")
    AssetLink.objects.create(program=other, asset=asset)
    make_redemption(other, asset)
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
        ("rule=x", 302),
        ("rule=00000000-0000-0000-0000-000000000009", 200),
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


def test_a_rule_tells_the_events_in_which_it_matched_or_failed(
    admin_client: Client, program: Program, points: Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Program.objects.create(name="Other", status="ACTIVE")
    for number in range(4):
        processed(program, f"k-{number}", event_data={"amount": 60, "visits": number})
    processed(other, "other")
    mistake = make_mistake(program)
    processed(program, "error", event_data={"amount": 1})
    visits, purchases = (Rule.objects.get(name=name) for name in ("Visits", "Purchases"))

    def found(rule: Rule, more: str = "") -> list[str]:
        return listed(admin_client.get(f"{EVENTS}?rule={rule.pk}{more}"))

    assert found(purchases) == ["k-3", "k-2", "k-1", "k-0"]
    assert found(mistake) == ["error"]
    assert found(visits) == ["k-1"]
    assert found(visits, f"&program={other.pk}") == []
    assert found(visits, "&status__exact=FAILED") == []

    monkeypatch.setattr(EventChangeList, "most_looked_at", 2)
    shown, text = [], ""
    address = f"{EVENTS}?rule={visits.pk}"
    for _ in range(3):
        response = admin_client.get(address)
        shown.append(listed(response))
        text = response.content.decode()
        onward = re.search(r'<a href="([^"]+)">Go on from there', text)
        address = EVENTS + html.unescape(onward[1]) if onward else ""
    assert shown == [[], ["k-1"], []]
    assert "Go on" not in text
    for hostile in ("before=x", f"before={UUID(int=9)}"):
        assert admin_client.get(f"{EVENTS}?rule={visits.pk}&{hostile}").status_code == 302


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
    # Session, user, saved views, rows, programs and rules to filter by, the participant or key searched for (programs to ask), assets.
    assert len(queries) <= 8
    assert not [sql for sql in queries if "COUNT(" in sql.upper()]
    [rows] = [sql for sql in queries if "LIMIT 51" in sql]
    assert '"participants_event"."data"' not in rows


@pytest.mark.parametrize(
    "asked",
    [
        "", "?external_id=p7", "?program={program}", "?q=p7-7", "?q=p7-&program={program}", "?status__exact=FAILED",
        "?status__exact=PENDING", "?status__exact=FAILED&program={program}", "?q={event}", "?from=2026-01-01&to=2026-01-02",
        "?rule={rule}", "?rule={rule}&before={event}",
    ],
)  # fmt: skip
def test_the_list_reads_events_along_an_index(
    admin_client: Client, many: Event, asked: str
) -> None:
    rule = Rule.objects.get(name="Visits")
    address = EVENTS + asked.format(program=many.program_id, event=many.pk, rule=rule.pk)

    [plan] = plans_of("LIMIT 51", lambda: admin_client.get(address))
    assert "Seq Scan on participants_event" not in plan
