"""`/v1`, and what leads from page to page below it."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from django.test import Client
from rest_framework.test import APIClient

import participants.api.urls
import programs.api.urls
from participants.models import JournalEntry, Participant
from programs.api_keys import issue
from programs.models import Program, Scope
from tests.config.api.browsable_pages import form_of, signed_in, submit, text_of
from tests.conftest import TESTER
from tests.participants.ledger_world import make_world

pytestmark = pytest.mark.django_db
ANA = "/v1/participants/external:ana"


def lists() -> Iterator[str]:
    for pattern in [*participants.api.urls.urlpatterns, *programs.api.urls.urlpatterns]:
        route, view = str(pattern.pattern), cast(Any, pattern.callback)
        if "<" not in route and view.actions.get("get") == "list":
            yield f"/v1/{route}"


def test_it_leads_to_every_list_and_to_the_documentation(api: APIClient) -> None:
    answer = api.get("/v1").json()

    urls = [each["url"].removeprefix("http://testserver") for each in answer["lists"]]
    assert sorted(urls) >= sorted(lists())
    assert [api.get(url).status_code for url in urls] == [200] * len(urls)
    for name in ("docs", "rule_language", "openapi"):
        assert api.get(answer[name]).status_code == 200
    assert answer["lists"][0] == {"title": "Events", "url": "http://testserver/v1/events"}


def test_a_key_sees_the_lists_of_its_scopes() -> None:
    _, key = issue(name="shop", scopes=[Scope.PROGRAMS_READ], by=TESTER)

    answer = APIClient(headers={"X-API-Key": key}).get("/v1").json()

    assert [each["title"] for each in answer["lists"]] == ["Programs", "Assets", "Rules"]


def test_staff_see_the_lists_of_their_permissions() -> None:
    page = text_of(signed_in("view_event", "view_rule").get("/v1"))

    assert '<html lang="en">' in page
    for path in ("/v1/events", "/v1/rules", "/docs", "/docs/rules"):
        assert f'<a href="{path}">' in page
    assert '<li><a href="/v1/assets">' not in page


@pytest.mark.parametrize("path", ["/v1", "/v1?nonsense=1"])
def test_nobody_sees_it_without_a_key(client: Client, path: str) -> None:
    assert client.get(path).status_code == 401


def test_it_reads_no_unknown_parameter_and_takes_no_body(api: APIClient) -> None:
    assert api.get("/v1?nonsense=1").status_code == 400
    assert api.post("/v1", {}).status_code == 405


def test_a_page_leads_to_what_lies_below_it(participant: Participant, program: Program) -> None:
    staff = signed_in("view_participant", "view_balance", "adjust_balance", "view_program")

    one = text_of(staff.get(ANA))
    balances = text_of(staff.get(f"{ANA}/balances"))

    assert f'<a href="{ANA}/balances">Balances</a>' in one
    assert f'<a href="{ANA}/state/tags">Tags</a>' in one
    assert "activity/history" not in one
    for verb in ("adjust", "hold", "release", "forfeit"):
        assert f'<a href="{ANA}/balances/{verb}">{verb.capitalize()}</a>' in balances
    assert f"/v1/programs/{program.pk}/simulate" in text_of(staff.get(f"/v1/programs/{program.pk}"))


def test_value_is_moved_by_forms() -> None:
    world = make_world()
    staff = signed_in("adjust_balance")
    path = f"{ANA}/balances"
    said = {
        "program_id": str(world.program.pk),
        "asset_id": str(world.asset.pk),
        "description": "Sorry",
        "idempotency_key": "",
        "amount": "5",
    }
    opened = text_of(staff.get(f"{path}/adjust"))

    assert "<h2>Credit or debit</h2>" in opened
    assert "HTTP 405" not in opened
    assert 'name="allow_negative"' in form_of("POST", opened)
    more = {"bucket": "", "matures_at": ""}
    for call in [{"type": "CREDIT"}, {"type": "DEBIT", "amount": "1"}]:
        assert submit(staff, "POST", f"{path}/adjust", said | more | call).status_code == 200
    for verb, amount in [("hold", "3"), ("release", ""), ("forfeit", "2")]:
        sent = said | {"amount": amount}
        assert submit(staff, "POST", f"{path}/{verb}", sent).status_code == 200, verb
    assert JournalEntry.objects.count() == 5
    refused = submit(staff, "POST", f"{path}/adjust", said | {"type": "DEBIT", "amount": "9"})
    assert refused.status_code == 422
    assert 'value="Sorry"' in form_of("POST", text_of(refused))


def test_events_are_sent_and_simulated_by_forms() -> None:
    world = make_world()
    staff = signed_in("add_event", "view_program")
    event = {
        "program_id": str(world.program.pk),
        "participant_id": "",
        "external_id": "ana",
        "idempotency_key": "order-1",
        "event_timestamp": "2026-01-15T10:30",
        "event_data": '{"type": "purchase"}',
    }

    stored = submit(staff, "POST", "/v1/events", event)
    path = f"/v1/programs/{world.program.pk}/simulate"
    simulated = submit(
        staff, "POST", path, {"event": '{"type": "purchase"}', "participant_state": "{}"}
    )

    assert stored.status_code == 202
    assert simulated.status_code == 200
    assert 'name="event"' in form_of("POST", text_of(staff.get(path)))
    # Who may only add events sees no list of them, but the form.
    assert staff.get("/v1/events").status_code == 403
