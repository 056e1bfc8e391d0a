"""Of an answer, staff get what their permissions let them see, whichever call gives it; a key gets all of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from participants.admin import export
from participants.api.participants import ParticipantSerializer
from participants.api.permissions import FIELDS, OUTCOME, REQUIREMENTS, SIMULATING_A_PARTICIPANT
from participants.models import JournalEntry, Participant
from programs.api_keys import issue
from tests.conftest import TESTER
from tests.participants.ledger_world import World, make_world

ANA = "/v1/participants/external:ana"
PERSON = ("view_participant", "add_participant", "change_participant")
Call = Callable[[Any], Any]
JSON = "application/json"

WHOLE: dict[str, Call] = {
    "ParticipantViewSet.retrieve": lambda client: client.get(ANA),
    "ParticipantViewSet.create": lambda client: client.post(
        "/v1/participants", '{"external_id": "ana"}', content_type=JSON
    ),
    "ParticipantViewSet.partial_update": lambda client: client.patch(ANA, "{}", content_type=JSON),
    "StatusViewSet.partial_update": lambda client: client.patch(
        f"{ANA}/status", '{"status": "ACTIVE"}', content_type=JSON
    ),
}


@pytest.fixture
def world(db: None) -> World:
    world = make_world("ana")
    world.credit("987654")
    return world


def staff(*permissions: str) -> Client:
    user = User.objects.create_user("rosa", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def permissions_of(call: str) -> set[str]:
    return {name.removeprefix("participants.") for name in REQUIREMENTS[call].all_of}


def test_each_field_that_is_not_the_participants_own_has_a_row() -> None:
    own = {field.name for field in Participant._meta.get_fields()}

    assert ParticipantSerializer().fields.keys() - own == FIELDS.keys() - own
    assert FIELDS.keys() <= ParticipantSerializer().fields.keys()
    assert {*FIELDS.values(), OUTCOME} <= REQUIREMENTS.keys()


@pytest.mark.django_db
def test_the_document_says_what_staff_need_for_each_of_them() -> None:
    schemas = Client().get("/v1/openapi.json").json()["components"]["schemas"]

    for name, call in FIELDS.items():
        described = schemas["Participant"]["properties"][name]["description"]
        assert all(f"`{each}`" in described for each in REQUIREMENTS[call].all_of), name


@pytest.mark.parametrize("call", WHOLE)
def test_staff_get_the_fields_that_they_may_see(world: World, call: str) -> None:
    everything = {name for other in FIELDS.values() for name in permissions_of(other)}
    for hidden in [(), *((name,) for name in FIELDS), tuple(FIELDS)]:
        lacking = {each for name in hidden for each in permissions_of(FIELDS[name])}
        client = staff(*PERSON, *(everything - lacking))

        response = WHOLE[call](client)
        page = client.get(ANA, headers={"Accept": "text/html"}).content.decode()

        assert response.status_code == 200
        assert FIELDS.keys() - response.json().keys() == {*hidden}
        assert response.json()["external_id"] == "ana"
        assert ("987654" in page) == ("balances" not in hidden)
        assert ("&quot;program_ids" in page) == ("program_ids" not in hidden)
        User.objects.all().delete()


@pytest.mark.parametrize("call", WHOLE)
def test_a_key_gets_the_whole_answer_of_what_it_may_do(world: World, call: str) -> None:
    _, key = issue(name="one", scopes=[str(REQUIREMENTS[call].scope)], by=TESTER)

    response = WHOLE[call](APIClient(headers={"X-API-Key": key}))

    assert response.status_code == 200
    assert FIELDS.keys() <= response.json().keys()


@pytest.mark.parametrize("may_see", [True, False])
def test_the_outcome_of_an_event_is_for_those_who_may_read_the_event(
    api: APIClient, world: World, may_see: bool
) -> None:
    event = {
        "program_id": str(world.program.pk),
        "external_id": "ana",
        "idempotency_key": "one",
        "event_timestamp": "2026-01-15T10:30:00Z",
        "event_data": {},
    }
    stored = api.post("/v1/events", event).json()
    call_command("process_events", once=True)
    client = staff("add_event", *(permissions_of(OUTCOME) if may_see else ()))

    response = client.post("/v1/events", json.dumps(event), content_type=JSON)

    assert (response.status_code, response.json()["id"]) == (200, stored["id"])
    assert ("rule_evaluations" in response.json()) == may_see
    assert response.json()["status"] == "COMPLETED"


def test_a_simulation_of_somebody_needs_all_that_a_condition_can_read(world: World) -> None:
    needed = {each.removeprefix("participants.") for each in SIMULATING_A_PARTICIPANT.all_of}
    assert needed == {"view_participant", "view_counter", "view_tierstanding", "view_balance", "view_enrollment"}  # fmt: skip
    trial = json.dumps({"event": {}, "external_id": "ana"})
    path = f"/v1/programs/{world.program.pk}/simulate"

    for lacking in (None, *sorted(needed)):
        client = staff("view_program", *(needed - {lacking}))
        response = client.post(path, trial, content_type=JSON)
        assert response.status_code == (403 if lacking else 200), lacking
        assert lacking is None or lacking in response.json()["message"]
        User.objects.all().delete()


def test_balances_after_an_entry_are_for_who_may_see_balances(world: World) -> None:
    entry = JournalEntry.objects.get()
    pages = {
        "API": f"{ANA}/activity/history",
        "page": f"/admin/participants/journalentry/{entry.pk}/change/",
        "export": "/admin/participants/journalentry/export/",
    }

    def seen(client: Client) -> dict[str, str]:
        return {name: client.get(page).getvalue().decode() for name, page in pages.items()}

    hidden = seen(staff("view_journalentry"))
    User.objects.all().delete()
    shown = seen(staff("view_journalentry", "view_balance"))

    marks = {
        "API": '"balance":',
        "page": "Balances after it",
        "export": ",available,held,deferred,",
    }
    for name, mark in marks.items():
        assert mark not in hidden[name], name
        assert mark in shown[name], name
        assert "987654" in hidden[name].replace(",", ""), name  # the amount is the entry's own
    widths = [len(line.split(",")) for line in hidden["export"].splitlines()]
    assert widths == [len(export.HEADS) - 3] * 2
