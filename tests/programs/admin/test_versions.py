"""Two who edit one rule, program or track on its page: the second is told, and keeps what was typed."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.test import Client

from programs import programs, rulebook, tracks
from programs.models import Program, Rule, TierTrack
from tests.admin_pages import shown_fields
from tests.conftest import TESTER
from tests.programs.admin.rules.conftest import rule, track  # noqa: F401 (fixtures)
from tests.threads import at_once

MODELS: dict[str, Any] = {"program": Program, "tiertrack": TierTrack, "rule": Rule}
FIELD = {"program": "name", "tiertrack": "display_name", "rule": "name"}
every_kind = pytest.mark.parametrize("kind", MODELS)


@pytest.fixture
def one(kind: str, request: pytest.FixtureRequest) -> Any:
    """One of its kind."""
    return request.getfixturevalue({"tiertrack": "track"}.get(kind, kind))


def change(one: Any, text: str) -> None:
    match one:
        case Program():
            programs.change(one.pk, {"name": text}, by=TESTER)
        case Rule():
            rulebook.change(one.pk, {"name": text}, by=TESTER)
        case TierTrack():
            tracks.change(one.pk, tracks.TrackChange(text), by=TESTER)


def page_of(one: Any) -> str:
    form = "edit" if isinstance(one, Program) else "change"
    return f"/admin/programs/{one._meta.model_name}/{one.pk}/{form}/"


def fields_of(client: Client, one: Any) -> dict[str, list[str]]:
    return shown_fields(client.get(page_of(one)), f"{one._meta.model_name}_form")


def current(one: Any) -> Any:
    return type(one).objects.get(pk=one.pk)


@every_kind
def test_a_page_that_was_overtaken_says_what_changed_and_keeps_what_was_typed(
    admin_client: Client, one: Any, kind: str
) -> None:
    fields, name = fields_of(admin_client, one), FIELD[kind]
    [original] = fields[name]
    change(one, "<b>Theirs</b>")

    response = admin_client.post(page_of(one), fields | {name: ["Mine, typed long"]})

    page = response.content.decode()
    assert response.status_code == 200
    assert page.count(f"Somebody else has changed this {current_word(kind)} in the meantime.") == 1
    assert "by command:tests, 20" in page
    assert f"<del>{original}</del> <ins>&lt;b&gt;Theirs&lt;/b&gt;</ins>" in page
    typed = shown_fields(response, f"{kind}_form")
    assert typed[name] == ["Mine, typed long"]
    assert (getattr(current(one), name), current(one).version) == ("<b>Theirs</b>", 2)

    again = admin_client.post(page_of(one), typed)
    assert (again.status_code, current(one).version) == (200, 2)
    anew = fields_of(admin_client, one) | {name: ["Mine, typed long"]}
    assert admin_client.post(page_of(one), anew).status_code == 302
    assert (getattr(current(one), name), current(one).version) == ("Mine, typed long", 3)


def current_word(kind: str) -> str:
    return "track" if kind == "tiertrack" else kind


@every_kind
def test_a_page_without_its_version_changes_nothing(
    admin_client: Client, one: Any, kind: str
) -> None:
    fields = fields_of(admin_client, one) | {FIELD[kind]: ["Mine"]}
    del fields["shown_version"]

    assert admin_client.post(page_of(one), fields).status_code == 200
    assert current(one).version == 1


@every_kind
@pytest.mark.django_db(transaction=True)
def test_of_pages_that_are_saved_at_once_one_is_and_the_others_are_told(
    admin_client: Client, one: Any, kind: str
) -> None:
    fields, name = fields_of(admin_client, one), FIELD[kind]
    posts: list[Callable[[], Any]] = [
        partial(admin_client.post, page_of(one), fields | {name: [f"Name {number}"]})
        for number in range(4)
    ]

    responses = at_once(posts)

    assert sorted(response.status_code for response in responses) == [200] * 3 + [302]
    told = [each.content.decode() for each in responses if each.status_code == 200]
    assert all(f"<ins>{getattr(current(one), name)}</ins>" in page for page in told)
    assert current(one).version == 2
