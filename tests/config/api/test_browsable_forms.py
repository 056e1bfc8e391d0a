"""The forms of the browsable API: what they create and change, and how a refused one comes back."""

import re
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from participants import state
from participants.models import Enrollment, Participant, StateChange, TierStanding
from programs.kernel.actors import Actor, ActorKind
from programs.models import Program, TierLevel, TierTrack
from tests.config.api.browsable_pages import form_of, signed_in, submit, text_of
from tests.participants.ledger_world import make_world

if TYPE_CHECKING:
    pass


ANA = "/v1/participants/external:ana"
TESTER = Actor(ActorKind.COMMAND, "tests")


def test_the_form_of_a_participant_creates_one(boss: Client, program: Program) -> None:
    form = {
        "external_id": "bob",
        "program_id": str(program.id),
        "status": "",
        "email": "",
        "first_name": "Bob",
        "tags": '["VIP", "beta"]',
        "attributes": '{"plan": "free", "spent": 1.50, "rate": 0.0000001}',
    }

    response = submit(boss, "POST", "/v1/participants", form)

    assert response.status_code == 201
    bob = Participant.objects.get(external_id="bob")
    assert (bob.first_name, bob.tags, bob.status) == ("Bob", ["vip", "beta"], "ACTIVE")
    assert set(bob.enrollments.values_list("program_id", flat=True)) == {program.id}
    assert '"spent": 1.50' in text_of(response)
    assert '"rate": 0.0000001' in text_of(response)
    assert set(StateChange.objects.values_list("changed_by", flat=True)) == {"staff:rosa"}


def test_what_a_form_leaves_empty_stays_as_it_is(boss: Client, participant: Participant) -> None:
    profile = {"email": "ana@example.com"}
    had = state.Change(status="SUSPENDED", profile=profile, tags=["vip"], attributes={"a": 1})
    state.change(had, to="ana", by=TESTER)
    empty = {"status": "", "email": "", "tags": "", "attributes": "", "program_id": ""}

    responses = [
        submit(boss, "POST", "/v1/participants", {"external_id": "ana", **empty}),
        submit(boss, "PATCH", ANA, empty | {"phone": "1"}),
    ]

    assert [response.status_code for response in responses] == [200, 200]
    participant.refresh_from_db()
    assert (participant.status, participant.email, participant.phone) == (
        "SUSPENDED",
        "ana@example.com",
        "1",
    )
    assert (participant.tags, participant.attributes) == (["vip"], {"a": 1})


def test_no_choice_is_made_before_somebody_makes_it(boss: Client, participant: Participant) -> None:
    create = form_of("POST", text_of(boss.get("/v1/participants")))
    change = form_of("PATCH", text_of(boss.get(ANA)))

    for form in (create, change):
        [status] = re.findall(
            r'<select class="form-control" name="status"[^>]*>(.*?)</select>', form, re.DOTALL
        )
        assert re.findall(r'<option value="(\w*)"', status)[0] == ""
        assert "selected" not in status


def test_a_refused_form_comes_back_as_it_was_filled_in(boss: Client) -> None:
    form = {
        "external_id": "bob",
        "status": "CLOSED",
        "email": "no address",
        "tags": '["vip", 7]',
        "attributes": '{"plan": {}}',
    }

    response = submit(boss, "POST", "/v1/participants", form)

    assert response.status_code == 400
    again = form_of("POST", text_of(response))
    assert 'value="bob"' in again
    assert 'value="no address"' in again
    assert '<option value="CLOSED" selected>' in again
    assert '["vip", 7]</textarea>' in again
    assert "tags[1]: Give a string." in again
    assert "attributes.plan: Give a string, a number, true or false; nothing nested." in again


def test_broken_json_in_a_text_area_is_told_beside_it(boss: Client) -> None:
    form = {"external_id": "bob", "attributes": '{"plan": }'}

    response = submit(boss, "POST", "/v1/participants", form)

    assert response.status_code == 400
    again = form_of("POST", text_of(response))
    assert '{"plan": }</textarea>' in again
    assert "The text is not JSON: Expecting value at line 1, column 10." in again


def test_a_refusal_without_fields_keeps_what_was_filled_in(boss: Client, program: Program) -> None:
    Program.objects.update(status="SUSPENDED")
    form = {"external_id": "bob", "program_id": str(program.id)}

    response = submit(boss, "POST", "/v1/participants", form)

    assert response.status_code == 409
    assert 'value="bob"' in form_of("POST", text_of(response))


def test_refused_raw_data_comes_back_too(boss: Client) -> None:
    body = b'{"external_id": "bob", "attributes": {"spent": 1.50}, "nonsense": 1}'

    response = boss.post("/v1/participants", body, content_type="application/json")

    assert response.status_code == 400
    assert '"spent": 1.50\n    },\n    "nonsense": 1\n}</textarea>' in text_of(response)


@pytest.mark.parametrize(
    ("method", "path", "form", "answer"),
    [
        ("PATCH", "/status", {"status": "CLOSED"}, '"status": "CLOSED"'),
        ("PUT", "/state/tags", {"tags": '["Beta"]'}, '"tag": "beta"'),
        ("PUT", "/state/tags/beta", {}, '"tag": "beta"'),
        ("PATCH", "/state/attributes", {"attributes": '{"spent": 1.50}'}, '"value": 1.50'),
        ("PUT", "/state/attributes/spent", {"value": "0.0000001"}, '"value": 0.0000001'),
        ("PUT", "/state/attributes/plan", {"value": '"free"'}, '"value": "free"'),
        ("PUT", "/enrollments/{program}", {"status": ""}, '"status": "ACTIVE"'),
    ],
)
def test_the_form_of_each_part_changes_it(
    boss: Client,
    participant: Participant,
    program: Program,
    method: str,
    path: str,
    form: dict[str, str],
    answer: str,
) -> None:
    path = ANA + path.replace("{program}", str(program.id))
    drawn = form_of(method, text_of(boss.get(path)))

    response = submit(boss, method, path, form)

    assert set(re.findall(r'name="(\w+)"', drawn)) == set(form)
    assert response.status_code in (200, 201)
    assert answer in text_of(response)


def test_the_form_of_an_enrolment_shows_its_status(
    boss: Client, participant: Participant, program: Program
) -> None:
    frozen = state.Change(program_id=program.id, enrollment_status="FROZEN")
    state.change(frozen, to="ana", by=TESTER)
    path = f"{ANA}/enrollments/{program.id}"

    drawn = form_of("PUT", text_of(boss.get(path)))
    response = submit(boss, "PUT", path, {"status": "LOCKED"})

    assert '<option value="FROZEN" selected>' in drawn
    assert '<option value="LOCKED" selected>' in form_of("PUT", text_of(response))
    assert Enrollment.objects.get().status == "LOCKED"


def test_the_forms_of_programs_create_and_change_them(boss: Client) -> None:
    created = submit(
        boss, "POST", "/v1/programs", {"name": "Club", "description": "", "status": ""}
    )
    club = Program.objects.get()

    refused = submit(boss, "PATCH", f"/v1/programs/{club.id}", {"name": " ", "description": "Old"})
    changed = submit(boss, "PATCH", f"/v1/programs/{club.id}", {"name": "", "description": "New"})

    assert (created.status_code, refused.status_code, changed.status_code) == (201, 400, 200)
    assert "A name needs more than white space." in form_of("PATCH", text_of(refused))
    club.refresh_from_db()
    assert (club.name, club.description, club.status) == ("Club", "New", "ACTIVE")


def test_a_key_that_sends_a_form_is_refused(key: str) -> None:
    client = Client(headers={"X-API-Key": key, "Accept": "text/html"})

    many_parts = submit(client, "POST", "/v1/participants", {"external_id": "bob"})
    encoded = client.post(
        "/v1/participants", "external_id=bob", content_type="application/x-www-form-urlencoded"
    )

    assert (many_parts.status_code, encoded.status_code) == (415, 415)
    assert not Participant.objects.exists()


def test_a_refused_form_comes_back_with_its_time(participant: Participant) -> None:
    make_world("ana")
    treasurer = signed_in("view_balance", "adjust_balance")
    filled = {"type": "", "matures_at": "2099-01-01T10:30"}

    refused = submit(treasurer, "POST", f"{ANA}/balances/adjust", filled)

    assert refused.status_code == 400
    assert 'value="2099-01-01T10:30' in refused.content.decode()


def test_staff_set_counters_and_tiers_by_forms(boss: Client, program: Program) -> None:
    state.change(state.Change(program_id=program.pk), to="ana", by=TESTER, rights=state.ALL_RIGHTS)
    track = TierTrack.objects.create(program=program, key="status")
    TierLevel.objects.create(track=track, key="gold", rank=1)

    counter = submit(boss, "PUT", f"{ANA}/state/counters/spent", {"value": "5", "reset_after": ""})
    form = {"level": "gold", "expires_at": "", "pinned": "true"}
    tier = submit(boss, "PUT", f"{ANA}/state/tiers/status", form)

    assert (counter.status_code, tier.status_code) == (200, 200)
    assert TierStanding.objects.get().pinned
