"""Every address has a page, for those who ask for one."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern
from django.utils import timezone
from rest_framework.test import APIClient

import participants.api.urls
import programs.api.urls
from participants import state
from participants.events import ingest
from participants.events.request import NewEvent
from participants.models import Event, JournalEntry, Participant
from participants.state import counters
from programs import rulebook
from programs.kernel.actors import Actor, ActorKind
from programs.models import Asset, AssetLink, Program, Rule, TierTrack
from tests.config.api.browsable_pages import submit, text_of
from tests.participants.ledger_world import World

if TYPE_CHECKING:
    pass


TESTER = Actor(ActorKind.COMMAND, "tests")


def _addresses(program: Program) -> Iterator[str]:
    names = {"participant": "external:ana", "program_id": program.id, "pk": program.id}
    names |= {"tag": "vip", "key": "plan", "counter": "spent", "tier": "status", "track": "status"}
    asset, entry = Asset.objects.first(), JournalEntry.objects.first()
    names |= {"asset_id": asset.pk if asset else UUID(int=0)}
    names |= {"entry_id": entry.pk if entry else UUID(int=0)}
    rule = Rule.objects.first()
    names |= {"rule_id": rule.pk if rule else UUID(int=0)}
    event = Event.objects.first()
    names |= {"event_id": event.pk if event else UUID(int=0)}
    for pattern in [*participants.api.urls.urlpatterns, *programs.api.urls.urlpatterns]:
        assert isinstance(pattern, URLPattern)
        route = re.sub(r"<\w+:(\w+)>", lambda found: str(names[found[1]]), str(pattern.pattern))
        named = f"?program_id={program.pk}&idempotency_key=order-1"
        yield f"/v1/{route}{named if route.endswith('by-key') else ''}"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_every_address_has_a_page(
    boss: Client, participant: Participant, program: Program, method: str
) -> None:
    enrolling = state.Change(program_id=program.id, tags=["vip"], attributes={"plan": "free"})
    state.change(enrolling, to="ana", by=TESTER)
    counters.set_counter("ana", "spent", counters.CounterChange(Decimal(1)), by=TESTER)
    TierTrack.objects.create(program=program, key="status")
    points = Asset.objects.create(name="Points", symbol="PTS")
    AssetLink.objects.create(program=program, asset=points)
    World(program, points).credit("1")
    welcome = {"program_id": str(program.pk), "name": "W", "condition": "true", "actions": []}
    rulebook.create(rulebook.clean_new(welcome), by=TESTER)
    ingest.ingest(NewEvent(program.pk, "ana", "order-1", timezone.now(), {}), by=TESTER)

    for path in _addresses(program):
        response = boss.generic(method, path)

        assert response["Content-Type"] == "text/html; charset=utf-8", path
        assert response.status_code in (200, 405), path
        assert (response.status_code == 405) <= ("GET" not in response["Allow"]), path


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_a_key_may_ask_every_address_what_it_is(
    api: APIClient, participant: Participant, program: Program, method: str
) -> None:
    for path in _addresses(program):
        response = api.generic(method, path)

        assert response.status_code in (200, 404, 405), path
        assert b"ana" not in response.content, path


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("participants?limit=0", 400),
        ("participants?status=NONE", 400),
        ("participants?cursor=forged", 400),
        ("participants?search=%00", 400),
        ("participants/external:nobody", 404),
        ("participants/external:nobody/activity/state-history", 404),
        ("participants/external:nobody/state/tags", 404),
        (f"programs/{UUID(int=1)}", 404),
    ],
)
def test_a_refusal_is_a_page_too(boss: Client, path: str, status: int) -> None:
    response = boss.get(f"/v1/{path}")

    assert response.status_code == status
    assert '"request_id"' in text_of(response)


def test_the_page_escapes_what_people_wrote(boss: Client) -> None:
    script = "<script>alert(1)</script>"
    state.change(
        state.Change(profile={"first_name": script}), to=script, by=TESTER, rights=state.ALL_RIGHTS
    )

    responses = [
        boss.get("/v1/participants"),
        submit(boss, "POST", "/v1/participants", {"external_id": script, "email": script}),
        boss.get("/v1/participants", {"status": script}),
    ]

    for response in responses:
        assert b"alert(1)" in response.content
        assert b"<script>alert" not in response.content


def test_the_next_page_is_a_link_away_and_the_first_one_too(boss: Client) -> None:
    for name in ("ana", "bob", "eva"):
        state.change(state.Change(), to=name, by=TESTER, rights=state.ALL_RIGHTS)

    first = text_of(boss.get("/v1/participants?limit=2&sort_by=external_id&sort_dir=asc"))
    [following] = re.findall(r'<a href="(\S+)" rel="next">', first)
    last = text_of(boss.get("/v1/participants" + following))
    [back] = re.findall(r'<a href="(\S+)">First page</a>', last)

    assert re.findall(r'"external_id": "(\w+)"', first) == ["ana", "bob"]
    assert re.findall(r'"external_id": "(\w+)"', last) == ["eva"]
    assert back == "?limit=2&sort_by=external_id&sort_dir=asc"
    assert "First page" not in first
    assert 'rel="next"' not in last


def test_lists_have_a_form_of_their_filters(boss: Client, participant: Participant) -> None:
    filters = text_of(boss.get("/v1/participants")).partition('id="filtersModal"')[2]
    empty = dict.fromkeys(re.findall(r'name="(\w+)"', filters), "")

    response = boss.get("/v1/participants", {**empty, "search": "ana"})

    assert list(empty) == [
        *("external_id", "email", "phone", "search", "program_id", "status", "tag", "from", "to"),
    ]
    assert '"external_id": "ana"' in text_of(response)
    assert 'value="ana"' in text_of(response).partition('id="filtersModal"')[2]


def test_a_page_costs_the_same_however_many_there_are(boss: Client, queries: list[str]) -> None:
    costs = {}
    for count in (1, 30):
        for index in range(count):
            state.change(state.Change(), to=f"{count}-{index}", by=TESTER, rights=state.ALL_RIGHTS)
            Program.objects.create(name=f"{count}-{index}")
        for path in ("participants", f"participants/external:{count}-0", "programs"):
            queries.clear()
            boss.get(f"/v1/{path}")
            costs[path.partition("/")[2][:8] or path, count] = len(queries)

    # The session, the user, their permissions and their groups', and what the page shows.
    assert set(costs.values()) == {5}


# JSON or a page


@pytest.mark.parametrize(
    ("accept", "query", "content_type"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "", "text/html; charset=utf-8"),
        ("text/html", "?format=json", "application/json"),
        ("*/*", "?format=api", "text/html; charset=utf-8"),
        ("application/json, text/html", "", "application/json"),
        ("application/xml", "", "application/json"),
        ("*/*", "", "application/json"),
        ("nonsense", "", "application/json"),
    ],
)
def test_who_asks_for_a_page_gets_one_and_all_others_json(
    api: APIClient, accept: str, query: str, content_type: str
) -> None:
    response = api.get(f"/v1/participants{query}", headers={"Accept": accept})

    assert response.status_code == 200
    assert response["Content-Type"] == content_type


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_a_format_that_there_is_not_is_not_found(api: APIClient, accept: str) -> None:
    response = api.get("/v1/participants?format=nope", headers={"Accept": accept})

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"
