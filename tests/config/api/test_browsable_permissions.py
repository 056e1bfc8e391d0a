"""What the permissions of a member of staff let them do in the browsable API."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction

from participants import state
from participants.models import Enrollment, JournalEntry, Participant
from programs.kernel.actors import Actor, ActorKind
from programs.models import Program
from tests.config.api.browsable_pages import form_of, signed_in, submit, text_of
from tests.participants.ledger_world import make_world

if TYPE_CHECKING:
    pass


ANA = "/v1/participants/external:ana"
TESTER = Actor(ActorKind.COMMAND, "tests")


@pytest.mark.parametrize(
    ("permission", "method", "path", "form", "status"),
    [
        ("view_participant", "GET", "", {}, 200),
        ("view_participant", "GET", "/external:ana", {}, 200),
        ("view_participant", "GET", "/external:ana/state/tags", {}, 200),
        ("view_participant", "POST", "", {"external_id": "ana"}, 403),
        ("view_participant", "PATCH", "/external:ana", {"email": "ana@example.com"}, 403),
        ("view_participant", "PUT", "/external:ana/state/tags", {"tags": "[]"}, 403),
        ("view_participant", "DELETE", "/external:ana/state/tags/vip", {}, 403),
        ("add_participant", "GET", "", {}, 403),
        ("add_participant", "POST", "", {"external_id": "bob"}, 201),
        ("add_participant", "POST", "", {"external_id": "ana"}, 403),
        ("add_participant", "PATCH", "/external:ana", {"email": "ana@example.com"}, 403),
        ("add_participant", "POST", "/batch", {"participants": '[{"external_id": "bob"}]'}, 200),
        ("change_participant", "POST", "", {"external_id": "bob"}, 404),
        ("change_participant", "POST", "", {"external_id": "ana"}, 200),
        ("change_participant", "PATCH", "/external:ana", {"email": "ana@example.com"}, 200),
        ("change_participant", "PATCH", "/external:ana/status", {"status": "CLOSED"}, 200),
        ("change_participant", "PUT", "/external:ana/state/tags", {"tags": "[]"}, 200),
        ("change_participant", "PUT", "/external:ana/state/tags/beta", {}, 201),
        ("change_participant", "DELETE", "/external:ana/state/tags/vip", {}, 200),
        ("change_participant", "PUT", "/external:ana/state/attributes/plan", {"value": "1"}, 200),
        ("change_participant", "DELETE", "/external:ana/state/attributes/plan", {}, 200),
        ("change_participant", "PUT", "/external:ana/enrollments/{program}", {}, 403),
        ("delete_participant", "DELETE", "/external:ana/state/tags/vip", {}, 403),
        ("view_enrollment", "GET", "/external:ana/enrollments/{program}", {}, 200),
        ("view_enrollment", "PUT", "/external:ana/enrollments/{program}", {}, 403),
        ("add_enrollment", "PUT", "/external:ana/enrollments/{program}", {}, 403),
        ("change_enrollment", "PUT", "/external:ana/enrollments/{program}", {}, 200),
        ("change_enrollment", "DELETE", "/external:ana/enrollments/{program}", {}, 403),
        ("delete_enrollment", "DELETE", "/external:ana/enrollments/{program}", {}, 200),
        ("view_statechange", "GET", "/external:ana/activity/state-history", {}, 200),
        ("view_participant", "GET", "/external:ana/activity/state-history", {}, 403),
    ],
)
def test_staff_may_do_what_their_permissions_say(
    participant: Participant,
    program: Program,
    permission: str,
    method: str,
    path: str,
    form: dict[str, str],
    status: int,
) -> None:
    enrolling = state.Change(program_id=program.id, tags=["vip"], attributes={"plan": "free"})
    state.change(enrolling, to="ana", by=TESTER)
    path = f"/v1/participants{path}".replace("{program}", str(program.id))

    response = submit(signed_in(permission), method, path, form)

    assert response.status_code == status


@pytest.mark.parametrize(
    ("permission", "method", "path", "form", "status"),
    [
        ("view_program", "GET", "", {}, 200),
        ("view_program", "GET", "/{program}", {}, 200),
        ("view_program", "POST", "", {"name": "Other"}, 403),
        ("add_program", "POST", "", {"name": "Other"}, 201),
        ("add_program", "PATCH", "/{program}", {"name": "Other"}, 403),
        ("change_program", "PATCH", "/{program}", {"name": "Other"}, 200),
        ("change_program", "POST", "", {"name": "Other"}, 403),
    ],
)
def test_staff_may_do_with_programs_what_their_permissions_say(
    program: Program, permission: str, method: str, path: str, form: dict[str, str], status: int
) -> None:
    path = f"/v1/programs{path}".replace("{program}", str(program.id))

    response = submit(signed_in(permission), method, path, form)

    assert response.status_code == status


def enrollment_statuses() -> list[str]:
    return list(Enrollment.objects.values_list("status", flat=True))


ADD, CHANGE = "add_enrollment", "change_enrollment"


@pytest.mark.parametrize(
    ("permissions", "external_id", "had", "status", "has"),
    [
        (["add_participant"], "bob", [], 403, []),
        (["add_participant", ADD], "bob", [], 403, []),
        (["add_participant", CHANGE], "bob", [], 403, []),
        (["add_participant", ADD, CHANGE], "bob", [], 201, ["ACTIVE"]),
        (["add_participant", ADD, CHANGE], "ana", ["CLOSED"], 403, ["CLOSED"]),
        (["change_participant"], "ana", [], 403, []),
        (["change_participant"], "ana", ["CLOSED"], 403, ["CLOSED"]),
        (["change_participant", ADD], "ana", [], 403, []),
        (["change_participant", CHANGE], "ana", ["CLOSED"], 403, ["CLOSED"]),
        (["change_participant", ADD, CHANGE], "ana", [], 200, ["ACTIVE"]),
        (["change_participant", ADD, CHANGE], "ana", ["CLOSED"], 200, ["ACTIVE"]),
        ([ADD, CHANGE], "ana", ["CLOSED"], 403, ["CLOSED"]),
    ],
)
def test_an_upsert_enrols_only_for_who_may_add_and_change_enrolments(
    participant: Participant,
    program: Program,
    permissions: list[str],
    external_id: str,
    had: list[str],
    status: int,
    has: list[str],
) -> None:
    for each in had:
        enrolled = state.Change(program_id=program.id, enrollment_status=each)
        state.change(enrolled, to="ana", by=TESTER)
    body = {"external_id": external_id, "program_id": str(program.id), "phone": "1"}

    response = submit(signed_in(*permissions), "POST", "/v1/participants", body)

    assert response.status_code == status
    assert enrollment_statuses() == has
    assert Participant.objects.filter(phone="1").exists() == (status < 300)
    assert ('"code": "forbidden"' in text_of(response)) == (status == 403)


@pytest.mark.parametrize(
    ("permissions", "had", "status", "has"),
    [
        ([ADD], [], 200, ["FROZEN"]),
        ([ADD], ["ACTIVE"], 403, ["ACTIVE"]),
        ([ADD], ["FROZEN"], 403, ["FROZEN"]),
        ([CHANGE], [], 403, []),
        ([CHANGE], ["ACTIVE"], 200, ["FROZEN"]),
        ([ADD, CHANGE], [], 200, ["FROZEN"]),
        ([ADD, CHANGE], ["ACTIVE"], 200, ["FROZEN"]),
        (["delete_enrollment"], ["ACTIVE"], 403, ["ACTIVE"]),
    ],
)
def test_who_may_add_enrolments_may_not_for_that_reason_change_them_nor_the_reverse(
    participant: Participant,
    program: Program,
    permissions: list[str],
    had: list[str],
    status: int,
    has: list[str],
) -> None:
    for each in had:
        enrolled = state.Change(program_id=program.id, enrollment_status=each)
        state.change(enrolled, to="ana", by=TESTER)
    path = f"{ANA}/enrollments/{program.id}"

    response = submit(signed_in(*permissions), "PUT", path, {"status": "FROZEN"})

    assert response.status_code == status
    assert enrollment_statuses() == has


@pytest.mark.parametrize("permission", [ADD, CHANGE])
def test_an_enrolment_of_nobody_is_not_found(program: Program, permission: str) -> None:
    path = f"/v1/participants/external:nobody/enrollments/{program.id}"

    response = submit(signed_in(permission), "PUT", path, {"status": "ACTIVE"})

    assert response.status_code == 404
    assert enrollment_statuses() == []


@pytest.mark.django_db(transaction=True)
def test_who_may_only_add_changes_no_enrolment_that_somebody_makes_at_that_moment(
    participant: Participant, program: Program
) -> None:
    client = signed_in(ADD)

    def enroll() -> int:
        try:
            path = f"{ANA}/enrollments/{program.id}"
            return submit(client, "PUT", path, {"status": "ACTIVE"}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            frozen = state.Change(program_id=program.id, enrollment_status="FROZEN")
            state.change(frozen, to="ana", by=TESTER)
            status = pool.submit(enroll)
            threading.Event().wait(0.5)  # so that the call has looked, or waits for us
        assert status.result() == 403

    assert enrollment_statuses() == ["FROZEN"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize("is_staff", [True, False], ids=["no permission", "not staff"])
def test_who_has_no_permission_or_is_not_staff_may_do_nothing(
    participant: Participant, is_staff: bool, method: str
) -> None:
    granted = [] if is_staff else ["view_participant", "add_participant", "change_participant"]
    client = signed_in(*granted, is_staff=is_staff)

    response = submit(client, method, "/v1/participants", {"external_id": "bob"})

    assert response.status_code == 403
    assert "ana" not in response.content.decode()
    assert not Participant.objects.filter(external_id="bob").exists()


def test_forms_are_drawn_for_what_one_may_do(participant: Participant) -> None:
    client = signed_in("view_participant", "change_participant")

    listing = text_of(client.get("/v1/participants"))
    tag = text_of(client.get(f"{ANA}/state/tags/vip"))
    enrollment = text_of(client.get(f"{ANA}/enrollments/{uuid4()}"))

    assert 'name="external_id"' in form_of("POST", listing)
    assert form_of("PUT", tag)
    assert 'data-method="DELETE"' in tag
    assert form_of("PUT", enrollment) == ""


def test_view_permission_draws_no_form(participant: Participant) -> None:
    client = signed_in("view_participant")

    listing = text_of(client.get("/v1/participants"))
    detail = text_of(client.get(ANA))

    assert '"external_id": "ana"' in listing
    assert form_of("POST", listing) == ""
    assert '"external_id": "ana"' in detail
    assert form_of("PATCH", detail) == ""


# What moves value


def test_staff_move_value_by_a_form_with_their_own_permission(participant: Participant) -> None:
    world = make_world("ana")
    filled = {
        "program_id": world.program.pk,
        "asset_id": world.asset.pk,
        "type": "CREDIT",
        "amount": "5.50",
        "bucket": "AVAILABLE",
        "description": "A present.",
        "matures_at": "2099-01-01T10:30",
        "idempotency_key": "",
    }
    clerk = signed_in("view_balance", "add_balance", "change_participant")
    refused = submit(clerk, "POST", f"{ANA}/balances/adjust", filled)
    User.objects.all().delete()
    treasurer = signed_in("view_balance", "adjust_balance")
    accepted = submit(treasurer, "POST", f"{ANA}/balances/adjust", filled)
    wrong = submit(treasurer, "POST", f"{ANA}/balances/hold", {**filled, "type": ""})

    assert (refused.status_code, accepted.status_code, wrong.status_code) == (403, 200, 400)
    assert JournalEntry.objects.get().created_by == "staff:rosa"
    assert world.balance() == ("0", "0", "5.5")
