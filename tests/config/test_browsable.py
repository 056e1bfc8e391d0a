import html
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections, transaction
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import URLPattern
from django.utils import timezone
from rest_framework.test import APIClient

import participants.api.urls
import programs.api.urls
from participants import state
from participants.events import ingest
from participants.events.request import NewEvent
from participants.models import Enrollment, Event, JournalEntry, Participant, StateChange
from participants.state import counters
from programs import rulebook
from programs.kernel.actors import Actor, ActorKind
from programs.models import Asset, AssetLink, Program, Rule, TierLevel, TierTrack
from tests.participants.ledger_world import World, make_world

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

ANA = "/v1/participants/external:ana"
TOKEN = "t" * 32
TESTER = Actor(ActorKind.COMMAND, "tests")


def signed_in(*permissions: str, is_staff: bool = True) -> Client:
    """The browser of somebody with these permissions ("view_participant"), who is signed in."""
    user = User.objects.create_user("rosa", password="a long secret", is_staff=is_staff)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client(
        headers={"Accept": "text/html", "X-CSRFToken": TOKEN},
        enforce_csrf_checks=True,
        raise_request_exception=False,
    )
    client.cookies["csrftoken"] = TOKEN
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def boss(db: None) -> Client:
    """The browser of a member of staff who may do everything."""
    return signed_in(*Permission.objects.values_list("codename", flat=True))


def submit(client: Client, method: str, path: str, form: dict[str, Any]) -> "Response":
    """What the page's form sends: all of its inputs, also those that are empty."""
    body = encode_multipart(BOUNDARY, form)
    return client.generic(method, path, body, content_type=MULTIPART_CONTENT)


def text_of(response: "Response") -> str:
    assert response["Content-Type"] == "text/html; charset=utf-8"
    return html.unescape(response.content.decode())


def form_of(method: str, text: str) -> str:
    """The HTML form for this method; an empty text where the page has none."""
    found = re.search(
        rf'<form [^>]*method="{method}" enctype="multipart.*?</form>', text, re.DOTALL
    )
    return found.group() if found else ""


# Signing in and out


@pytest.mark.django_db
def test_a_visitor_sees_the_refusal_and_a_way_to_sign_in() -> None:
    response = Client().get("/v1/participants?status=ACTIVE", headers={"Accept": "text/html"})

    assert response.status_code == 401
    assert '"code": "unauthorized"' in text_of(response)
    assert "/api-auth/login/?next=/v1/participants%3Fstatus%3DACTIVE" in text_of(response)
    assert form_of("POST", text_of(response)) == ""


@pytest.mark.django_db
def test_signing_in_and_signing_out_lead_back_to_the_page() -> None:
    User.objects.create_user("rosa", password="a long secret", is_staff=True)
    client = Client(headers={"Accept": "text/html"})
    answers = {"username": "rosa", "password": "a long secret", "next": "/v1/programs"}

    entered = client.post("/api-auth/login/", answers)
    inside = client.get("/v1/programs")
    left = client.post("/api-auth/logout/?next=/v1/programs")
    outside = client.get("/v1/programs")

    assert (entered.status_code, entered["Location"]) == (302, "/v1/programs")
    assert "Sign out rosa" in text_of(inside)
    assert (left.status_code, left["Location"]) == (302, "/v1/programs")
    assert outside.status_code == 401


@pytest.mark.django_db
def test_a_wrong_password_is_told_on_the_page_and_locks_after_ten() -> None:
    User.objects.create_user("rosa", password="a long secret", is_staff=True)
    client = Client()
    wrong = {"username": "rosa", "password": "a guess"}

    answers = [client.post("/api-auth/login/", wrong) for _ in range(10)]
    right = client.post("/api-auth/login/", {**wrong, "password": "a long secret"})

    assert "Please enter a correct username and password." in text_of(answers[0])
    assert right.status_code == 429


# What each may do


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
    state.apply(enrolling, to="ana", by=TESTER)
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
        state.apply(enrolled, to="ana", by=TESTER)
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
        state.apply(enrolled, to="ana", by=TESTER)
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

    def enrol() -> int:
        try:
            path = f"{ANA}/enrollments/{program.id}"
            return submit(client, "PUT", path, {"status": "ACTIVE"}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            frozen = state.Change(program_id=program.id, enrollment_status="FROZEN")
            state.apply(frozen, to="ana", by=TESTER)
            status = pool.submit(enrol)
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
    enrolment = text_of(client.get(f"{ANA}/enrollments/{uuid4()}"))

    assert 'name="external_id"' in form_of("POST", listing)
    assert form_of("PUT", tag)
    assert 'data-method="DELETE"' in tag
    assert form_of("PUT", enrolment) == ""


def test_view_permission_draws_no_form(participant: Participant) -> None:
    client = signed_in("view_participant")

    listing = text_of(client.get("/v1/participants"))
    detail = text_of(client.get(ANA))

    assert '"external_id": "ana"' in listing
    assert form_of("POST", listing) == ""
    assert '"external_id": "ana"' in detail
    assert form_of("PATCH", detail) == ""


# Forms


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
    state.apply(had, to="ana", by=TESTER)
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
            r'<select class="form-control" name="status">(.*?)</select>', form, re.DOTALL
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
    state.apply(frozen, to="ana", by=TESTER)
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


# Bodies that nobody's form sends


def test_a_key_that_sends_a_form_is_refused(key: str) -> None:
    client = Client(headers={"X-API-Key": key, "Accept": "text/html"})

    many_parts = submit(client, "POST", "/v1/participants", {"external_id": "bob"})
    encoded = client.post(
        "/v1/participants", "external_id=bob", content_type="application/x-www-form-urlencoded"
    )

    assert (many_parts.status_code, encoded.status_code) == (415, 415)
    assert not Participant.objects.exists()


def _multipart(name: str, value: object) -> tuple[bytes, str]:
    return encode_multipart(BOUNDARY, {"external_id": "bob", name: value}), MULTIPART_CONTENT


LARGE = "x" * 2_000_000
GARBLED = (
    b'--edge\r\nContent-Disposition: form-data; name="photo"; filename="photo.png"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\nx\r\n--edge--"
)
URLENCODED = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (f"display_name={LARGE}", URLENCODED, 413),
        (*_multipart("display_name", LARGE), 413),
        (*_multipart("photo", SimpleUploadedFile("photo.png", LARGE.encode())), 413),
        ("&".join(f"n{i}=1" for i in range(2_000)), URLENCODED, 400),
        ("display_name", "text/plain", 415),
        (GARBLED, "multipart/form-data; boundary=edge", 400),
        (b"--something", "multipart/form-data", 400),
        ("display_name=a%00b", URLENCODED, 400),
        (*_multipart("display_name", "a\0b"), 400),
        (*_multipart("tags", '["a\\u0000b"]'), 400),
        (*_multipart("tags", SimpleUploadedFile("tags.json", b"[]")), 400),
        (*_multipart("photo", SimpleUploadedFile("photo.png", b"png")), 400),
        (*_multipart("nonsense", "1"), 400),
    ],
    ids=[
        "large",
        "large part",
        "large file",
        "many",
        "text",
        "garbled",
        "no boundary",
        "NUL",
        "NUL in a part",
        "NUL in JSON",
        "file for a field",
        "file",
        "unknown field",
    ],
)
def test_a_body_that_no_form_sends_is_refused(
    boss: Client,
    participant: Participant,
    method: str,
    body: str | bytes,
    content_type: str,
    status: int,
) -> None:
    path = "/v1/participants" if method == "POST" else ANA

    response = boss.generic(method, path, body, content_type=content_type)

    assert response.status_code == status
    participant.refresh_from_db()
    assert participant.display_name == ""
    assert Participant.objects.count() == 1


def test_a_session_needs_the_token_of_its_forms_and_a_key_does_not(key: str) -> None:
    client = signed_in("view_participant", "add_participant")
    token = re.search(r'"csrfToken": "(\w+)"', text_of(client.get("/v1/participants")))
    assert token
    del client.defaults["HTTP_X_CSRFTOKEN"]
    bob = {"external_id": "bob"}

    without = submit(client, "POST", "/v1/participants", bob)
    in_the_form = submit(
        client, "POST", "/v1/participants", bob | {"csrfmiddlewaretoken": token[1]}
    )
    in_the_header = client.post(
        "/v1/participants",
        {"external_id": "eva"},
        content_type="application/json",
        headers={"X-CSRFToken": token[1]},
    )
    by_key = client.post(
        "/v1/participants",
        {"external_id": "joe"},
        content_type="application/json",
        headers={"X-API-Key": key},
    )

    statuses = [answer.status_code for answer in (without, in_the_form, in_the_header, by_key)]
    assert statuses == [403, 201, 201, 201]


# Every page


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
    state.apply(enrolling, to="ana", by=TESTER)
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
        ("participants/batch", 405),
    ],
)
def test_a_refusal_is_a_page_too(boss: Client, path: str, status: int) -> None:
    response = boss.get(f"/v1/{path}")

    assert response.status_code == status
    assert '"request_id"' in text_of(response)


def test_the_page_escapes_what_people_wrote(boss: Client) -> None:
    script = "<script>alert(1)</script>"
    state.apply(state.Change(profile={"first_name": script}), to=script, by=TESTER, may_create=True)

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
        state.apply(state.Change(), to=name, by=TESTER, may_create=True)

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

    assert list(empty) == ["external_id", "search", "program_id", "status", "tag", "from", "to"]
    assert '"external_id": "ana"' in text_of(response)
    assert 'value="ana"' in text_of(response).partition('id="filtersModal"')[2]


def test_a_page_costs_the_same_however_many_there_are(boss: Client, queries: list[str]) -> None:
    costs = {}
    for count in (1, 30):
        for index in range(count):
            state.apply(state.Change(), to=f"{count}-{index}", by=TESTER, may_create=True)
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


def test_a_refused_form_comes_back_with_its_time(participant: Participant) -> None:
    make_world("ana")
    treasurer = signed_in("view_balance", "adjust_balance")
    filled = {"type": "", "matures_at": "2099-01-01T10:30"}

    refused = submit(treasurer, "POST", f"{ANA}/balances/adjust", filled)

    assert refused.status_code == 400
    assert 'value="2099-01-01T10:30' in refused.content.decode()


def test_staff_set_counters_and_tiers_by_forms(boss: Client, program: Program) -> None:
    state.apply(state.Change(program_id=program.pk), to="ana", by=TESTER, may_create=True)
    track = TierTrack.objects.create(program=program, key="status")
    TierLevel.objects.create(track=track, key="gold", rank=1)

    counter = submit(boss, "PUT", f"{ANA}/state/counters/spent", {"value": "5", "reset_after": ""})
    tier = submit(boss, "PUT", f"{ANA}/state/tiers/status", {"level": "gold", "expires_at": ""})

    assert (counter.status_code, tier.status_code) == (200, 200)
