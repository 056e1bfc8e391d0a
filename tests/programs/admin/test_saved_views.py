"""Views of lists that people save for themselves."""

import re

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.test import Client

from programs.admin.saved_views import MOST
from programs.models import SavedView

EVENTS = "/admin/participants/event/"
SAVE = "/admin/views/save/"
FAILED = "status__exact=FAILED"


def saved(client: Client, **fields: str) -> int:
    body = {"list": "participants.event", "name": "To mend", "query": f"?{FAILED}&p=3", **fields}
    return client.post(SAVE, body).status_code


def shown(client: Client, query: str = "") -> list[str]:
    text = client.get(EVENTS + query).content.decode()
    _, found, rest = text.partition('aria-label="Saved views"')
    return (
        re.findall(r'<a href="\?[^"]*"[^>]*>([^<]+)</a>', rest.partition("</nav>")[0])
        if found
        else []
    )


def test_a_view_is_saved_found_again_changed_and_deleted(admin_client: Client) -> None:
    assert "Save this view" in admin_client.get(f"{EVENTS}?{FAILED}").content.decode()
    assert "Save this view" not in admin_client.get(EVENTS).content.decode()

    assert saved(admin_client) == 302

    view = SavedView.objects.get()
    assert (view.name, view.query) == ("To mend", FAILED)
    assert shown(admin_client) == ["To mend"]
    text = admin_client.get(f"{EVENTS}?{FAILED}").content.decode()
    assert "Save this view" not in text
    assert f"/admin/views/{view.pk}/delete/" in text
    saved(admin_client, query="has_rule_errors=true")
    assert SavedView.objects.get().query == "has_rule_errors=true"
    admin_client.post(f"/admin/views/{view.pk}/delete/")
    assert shown(admin_client) == []


def test_views_of_two_people_and_of_two_lists_do_not_mix(admin_client: Client) -> None:
    User.objects.create_superuser("eva", password="x")
    eva = Client()
    eva.force_login(User.objects.get(username="eva"))
    saved(admin_client)
    saved(
        admin_client, list="participants.participant", name="Closed", query="status__exact=CLOSED"
    )
    saved(eva, name="Mine")

    assert shown(admin_client) == ["To mend"]
    assert shown(eva) == ["Mine"]
    theirs = SavedView.objects.get(name="To mend")
    assert eva.post(f"/admin/views/{theirs.pk}/delete/").status_code == 404
    assert SavedView.objects.count() == 3


def test_what_is_no_view_is_not_saved(admin_client: Client) -> None:
    assert saved(admin_client, list="participants.nothing") == 404
    assert saved(admin_client, list="auth.permission") == 404
    for fields in ({"name": " "}, {"name": "x" * 61}, {"query": "x" * 2001}, {"name": "a\0b"}):
        assert saved(admin_client, **fields) == 302
    assert not SavedView.objects.exists()
    for number in range(MOST + 2):
        saved(admin_client, name=str(number))
    assert SavedView.objects.count() == MOST
    assert Client().post(SAVE).status_code == 302
    assert admin_client.get(SAVE).status_code == 405


@pytest.mark.django_db
def test_the_database_refuses_a_second_view_of_a_name_and_one_without() -> None:
    view = {"username": "ana", "list": "participants.event", "query": ""}
    SavedView.objects.create(**view, name="A")
    for name in ("A", " "):
        with pytest.raises(IntegrityError), transaction.atomic():
            SavedView.objects.create(**view, name=name)
