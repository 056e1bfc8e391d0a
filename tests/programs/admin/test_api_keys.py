import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.utils import timezone

from programs import api_keys
from programs.api.permissions import DECLARED
from programs.models import ApiKey, Program, Scope
from tests.conftest import TESTER
from tests.staff import told

PROGRAMS = "/admin/programs/program/"
KEYS = "/admin/programs/apikey/"
PARTICIPANTS_READ = [
    name.split(".")[1]
    for row in DECLARED.values()
    if row.scope == Scope.PARTICIPANTS_READ
    for name in row.all_of
]
KEY = re.compile(r"lrl_[0-9A-Za-z]{38}")


@pytest.fixture
def row(db: None) -> ApiKey:
    row, _ = api_keys.issue(name="shop", scopes=[Scope.PARTICIPANTS_READ], by=TESTER)
    return row


@pytest.mark.parametrize(("path", "action"), [(PROGRAMS, "archive"), (KEYS, "revoke")])
def test_an_action_on_rows_that_could_not_exist_selects_none(
    admin_client: Client, program: Program, row: ApiKey, path: str, action: str
) -> None:
    response = admin_client.post(path, {"action": action, "_selected_action": ["abc", "\0"]})

    assert response.status_code == 302
    assert told(response) == [
        "Items must be selected in order to perform actions on them. No items have been changed."
    ]
    assert Program.objects.get().status == "ACTIVE"
    assert ApiKey.objects.get().is_usable


def test_programs_and_keys_are_not_deleted(
    admin_client: Client, program: Program, row: ApiKey
) -> None:
    for page in (f"{PROGRAMS}{program.pk}/delete/", f"{KEYS}{row.pk}/delete/"):
        assert admin_client.post(page, {"post": "yes"}).status_code == 403

    assert Program.objects.exists()
    assert ApiKey.objects.exists()


def issue(client: Client, **more: Any) -> Any:
    return client.post(
        f"{KEYS}add/",
        {"name": "shop", "scopes": ["participants:write", "participants:read"], **more},
    )


def test_an_issued_key_works_and_is_shown_on_the_next_page_only(
    admin_client: Client, client: Client
) -> None:
    page = issue(admin_client).headers["Location"]

    shown = admin_client.get(page)
    again = admin_client.get(page)

    [key] = KEY.findall(shown.content.decode())
    row = ApiKey.objects.get()
    assert client.get("/v1/participants", headers={"X-API-Key": key}).status_code == 200
    assert (row.scopes, row.created_by) == (
        ["participants:read", "participants:write"],
        "staff:admin",
    )
    assert "no-store" in shown.headers["Cache-Control"]
    assert again.headers["Location"] == f"{KEYS}{row.pk}/change/"
    for other in (KEYS, f"{KEYS}{row.pk}/change/", f"{KEYS}add/"):
        assert key not in admin_client.get(other).content.decode()


def test_an_issued_key_lies_neither_in_the_database_nor_in_an_address(
    admin_client: Client,
) -> None:
    response = issue(admin_client)

    [key] = KEY.findall(admin_client.get(response.headers["Location"]).content.decode())
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT "{table}"::text FROM "{table}"')
            assert key not in str(cursor.fetchall())
    assert key not in str([session.get_decoded() for session in Session.objects.all()])
    assert key not in response.headers["Location"]


def test_the_cookie_that_hands_a_key_over_goes_to_its_page_alone(admin_client: Client) -> None:
    response = issue(admin_client)

    cookie = response.cookies["issued_key"]
    assert cookie["path"] == response.headers["Location"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Strict", 60)
    shown = admin_client.get(response.headers["Location"])
    assert (shown.cookies["issued_key"].value, shown.cookies["issued_key"]["max-age"]) == ("", 0)


def test_a_page_shows_no_key_that_another_page_was_handed(
    admin_client: Client, row: ApiKey
) -> None:
    issue(admin_client)

    response = admin_client.get(f"{KEYS}{row.pk}/issued/")

    assert response.headers["Location"] == f"{KEYS}{row.pk}/change/"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scopes", []),
        ("scopes", ["everything:write"]),
        ("name", ""),
        ("name", " "),
        ("expires_at", "2020-01-01"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_issued(
    admin_client: Client, field: str, value: Any
) -> None:
    expiry = {"expires_at_0": value, "expires_at_1": "00:00:00"}

    response = issue(admin_client, **(expiry if field == "expires_at" else {field: value}))

    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == [field]
    assert not ApiKey.objects.exists()


def test_of_a_key_only_the_name_changes(
    admin_client: Client, row: ApiKey, queries: list[str]
) -> None:
    posted = {
        "name": "web shop",
        "scopes": Scope.values,
        "expires_at_0": "2100-01-01",
        "expires_at_1": "00:00:00",
        "digest": "0" * 64,
        "prefix": "lrl_xxxx",
        "revoked_at_0": "2020-01-01",
    }

    admin_client.post(f"{KEYS}{row.pk}/change/", posted)

    [update] = [sql for sql in queries if sql.startswith('UPDATE "programs_apikey"')]
    changed = ApiKey.objects.get()
    assert changed.name == "web shop"
    # Written alone: whoever revokes the key at this moment is not undone.
    assert update.count(" = ") == 2
    for name in ("scopes", "expires_at", "digest", "prefix", "suffix", "revoked_at", "created_by"):
        assert getattr(changed, name) == getattr(row, name)


def test_a_key_is_revoked_after_a_question(admin_client: Client, row: ApiKey) -> None:
    page = f"{KEYS}{row.pk}/revoke/"

    asked = admin_client.get(page)
    still_usable = ApiKey.objects.get().is_usable
    admin_client.post(page)

    assert "It cannot be undone." in asked.content.decode()
    assert still_usable
    assert ApiKey.objects.get().revoked_at is not None
    assert LogEntry.objects.get().change_message == "Revoked."


def test_the_action_to_revoke_asks_first_too(admin_client: Client, row: ApiKey) -> None:
    chosen = {"action": "revoke", "_selected_action": [str(row.pk)]}

    asked = admin_client.post(KEYS, chosen)
    still_usable = ApiKey.objects.get().is_usable
    admin_client.post(KEYS, chosen | {"confirmed": "yes"})

    assert "It cannot be undone." in asked.content.decode()
    assert still_usable
    assert ApiKey.objects.get().revoked_at is not None


def test_rotating_shows_a_second_key_and_lets_the_first_live_as_long_as_chosen(
    admin_client: Client, row: ApiKey
) -> None:
    response = admin_client.post(f"{KEYS}{row.pk}/rotate/", {"overlap": "1"}, follow=True)

    [key] = KEY.findall(response.content.decode())
    new = ApiKey.objects.exclude(pk=row.pk).get()
    row.refresh_from_db()
    assert (new.prefix, new.suffix, new.scopes) == (key[:8], key[-4:], row.scopes)
    assert row.expires_at is not None
    assert timedelta(minutes=59) < row.expires_at - timezone.now() < timedelta(minutes=61)


def test_a_key_that_no_longer_works_is_not_rotated(admin_client: Client, row: ApiKey) -> None:
    api_keys.revoke(row)

    response = admin_client.post(f"{KEYS}{row.pk}/rotate/", {"overlap": "1"})

    assert told(response) == ["A key that no longer works cannot be rotated; issue a new one."]
    assert ApiKey.objects.count() == 1


def test_the_list_of_keys_tells_their_states(admin_client: Client, row: ApiKey) -> None:
    issued = [api_keys.issue(name=name, scopes=row.scopes, by=TESTER) for name in ("old", "gone")]
    ApiKey.objects.filter(pk=issued[0][0].pk).update(expires_at=timezone.now())
    api_keys.revoke(issued[1][0])

    found = {
        wanted: [
            key.name for key in admin_client.get(KEYS, {"state": wanted}).context["cl"].result_list
        ]
        for wanted in ("usable", "expired", "revoked")
    }

    assert found == {"usable": ["shop"], "expired": ["old"], "revoked": ["gone"]}


@pytest.mark.parametrize(
    ("permissions", "pages"),
    [
        (["view_apikey"], {"change": 200, "revoke": 403, "rotate": 403}),
        # A rotation makes a key, which whoever may only change keys may not.
        (["view_apikey", "change_apikey"], {"change": 200, "revoke": 200, "rotate": 403}),
        # And whoever may not do what the key may does not give that to anybody.
        (["change_apikey", "add_apikey"], {"change": 200, "revoke": 200, "rotate": 403}),
        (
            ["change_apikey", "add_apikey", *PARTICIPANTS_READ],
            {"change": 200, "revoke": 200, "rotate": 200},
        ),
    ],
)
def test_staff_need_the_permission_for_what_they_do_with_keys(
    client: Client, row: ApiKey, permissions: list[str], pages: dict[str, int]
) -> None:
    user = User.objects.create_user("sam", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)

    answered = {page: client.get(f"{KEYS}{row.pk}/{page}/").status_code for page in pages}

    assert answered == pages
    for page, status in pages.items():
        if page != "change":
            link = f"{KEYS}{row.pk}/{page}/"
            assert (link in client.get(f"{KEYS}{row.pk}/change/").content.decode()) == (
                status == 200
            )


@pytest.mark.parametrize("page", ["issued", "revoke", "rotate"])
def test_the_pages_of_an_unknown_key_are_not_found(admin_client: Client, page: str) -> None:
    assert admin_client.get(f"{KEYS}nothing/{page}/").status_code == 404
