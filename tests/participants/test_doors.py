"""Every door through which a participant's fields come reads them alike: the API's calls, the import and the admin."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from participants import state
from participants.models import Participant
from tests.admin_pages import shown_fields
from tests.conftest import TESTER
from tests.participants.management.imports import import_participants, written

ADD_PAGE = "/admin/participants/participant/add/"
ANA = "/v1/participants/external:ana"

Fields = dict[str, Any]
# Sends fields of "ana" to a door, and returns the names of those that were refused.
Door = Callable[["House", Fields], list[str]]


class House:
    """Its doors, as a client with a key, a command and a member of staff find them."""

    def __init__(self, api: APIClient, staff: Client, directory: Path) -> None:
        self.api, self.staff, self.directory = api, staff, directory


def _refused(response: Any) -> list[str]:
    if response.status_code < 400:
        return []
    return [each["field"] for each in response.json()["details"]["fields"]]


def _ana() -> Participant:
    state.change(state.Change(), to="ana", by=TESTER, rights=state.ALL_RIGHTS)
    return Participant.objects.get(external_id="ana")


def upsert(house: House, fields: Fields) -> list[str]:
    return _refused(house.api.post("/v1/participants", {"external_id": "ana", **fields}))


def batch(house: House, fields: Fields) -> list[str]:
    rows = {"participants": [{"external_id": "ana", **fields}]}
    [row] = house.api.post("/v1/participants/batch", rows).json()["results"]
    return [each["field"] for each in row["error"]["details"]["fields"]] if "error" in row else []


def command(house: House, fields: Fields) -> list[str]:
    errors = house.directory / "errors"
    lines = written(house.directory / "lines", {"external_id": "ana", **fields})
    import_participants(lines, "--errors", errors)
    return [json.loads(line)["field"] for line in errors.read_bytes().splitlines()]


def patch(house: House, fields: Fields) -> list[str]:
    _ana()
    return _refused(house.api.patch(ANA, fields))


def put_tags(house: House, fields: Fields) -> list[str]:
    _ana()
    return _refused(house.api.put(f"{ANA}/state/tags", fields))


def put_tag(house: House, fields: Fields) -> list[str]:
    _ana()
    refused = []
    for number, tag in enumerate(fields["tags"]):
        response = house.api.put(f"{ANA}/state/tags/{tag}")
        refused += [f"tags[{number}]"] if _refused(response) else []
    return refused


def added_in_the_admin(house: House, fields: Fields) -> list[str]:
    shown = shown_fields(house.staff.get(ADD_PAGE), "participant_form")
    return _posted(house, ADD_PAGE, {**shown, "external_id": ["ana"]}, fields)


def changed_in_the_admin(house: House, fields: Fields) -> list[str]:
    page = f"/admin/participants/participant/{_ana().pk}/edit/"
    shown = shown_fields(house.staff.get(page), "participant_form")
    return _posted(house, page, shown, fields)


def _posted(house: House, page: str, shown: dict[str, list[str]], fields: Fields) -> list[str]:
    posted = dict(shown)
    for name, value in fields.items():
        posted[name] = ["\n".join(value) if isinstance(value, list) else value or ""]
    response = house.staff.post(page, posted)
    return [] if response.status_code == 302 else list(response.context["adminform"].errors)


def in_the_browser(house: House, fields: Fields) -> list[str]:
    form = {name: json.dumps(value) if name == "tags" else value for name, value in fields.items()}
    house.staff.raise_request_exception = False
    response = house.staff.post(
        "/v1/participants", {"external_id": "ana", **form}, headers={"Accept": "application/json"}
    )
    return _refused(response)


WHOLE = (upsert, batch, command, patch, added_in_the_admin, changed_in_the_admin, in_the_browser)
FOR_TAGS = (*WHOLE, put_tags, put_tag)


@pytest.fixture
def house(api: APIClient, admin_client: Client, tmp_path: Path) -> House:
    return House(api, admin_client, tmp_path)


EMAILS = [
    ("ana@example.com", "ana@example.com"),
    ("  ana@example.com\t", "ana@example.com"),
    ("\u2003ana@example.com\u00a0", "ana@example.com"),
    ("Ana.O'Neil+news@Example.COM", "Ana.O'Neil+news@Example.COM"),
    ("ana@bücher.example", "ana@bücher.example"),
    ("ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"),
    ("ana@例え.テスト", "ana@例え.テスト"),
    ("jürgen@example.com", "jürgen@example.com"),
    ("佐藤.花子@例え.テスト", "佐藤.花子@例え.テスト"),
    ("δοκιμή@παράδειγμα.δοκιμή", "δοκιμή@παράδειγμα.δοκιμή"),
    ("अजय@डाटा.भारत", "अजय@डाटा.भारत"),
    ("", ""),
    ("   ", ""),
    *((text, None) for text in ("nobody", "@example.com", "ana@", "ana@@example.com", "a b@example.com")),
    *((text, None) for text in ("ana.@example.com", "jü rgen@example.com", "jü\u2003r@example.com")),
    *((text, None) for text in ("jü\u202er@example.com", "ana@exam\u200bple.com", "ana@-bücher.example")),
    (f"{'ü' * 250}@example.org", None),
]  # fmt: skip


def test_an_address_is_read_alike_at_every_door(house: House) -> None:
    for door in WHOLE:
        for sent, stored in EMAILS:
            refused = door(house, {"email": sent})

            found = Participant.objects.filter(external_id="ana").first()
            where = (door.__name__, sent)
            assert refused == ([] if stored is not None else ["email"]), where
            assert (found.email if found else "") == (stored or ""), where
            _gone(found)


@pytest.mark.parametrize(
    ("field", "sent", "stored"),
    [
        ("phone", " +1 (555) 010-9 ", "+1 (555) 010-9"),
        ("phone", " " * 60 + "5", "5"),
        ("first_name", "\tAna\u00a0", "Ana"),
        ("last_name", " da  Silva ", "da  Silva"),
        ("display_name", "  ", ""),
        ("display_name", "🙂", "🙂"),
    ],
)
def test_a_text_is_trimmed_at_every_door(house: House, field: str, sent: str, stored: str) -> None:
    for door in WHOLE:
        if door in (added_in_the_admin, changed_in_the_admin) and len(sent) > 50:
            continue  # the form's own input refuses it
        assert door(house, {field: sent}) == [], door.__name__
        found = Participant.objects.get(external_id="ana")
        assert getattr(found, field) == stored, door.__name__
        _gone(found)


@pytest.mark.parametrize("cleared", [None, "", "  "])
def test_null_and_an_empty_text_clear_a_field_at_every_door(
    house: House, cleared: str | None
) -> None:
    whole = {"email": "a@example.com", "phone": "1", "first_name": "A", "last_name": "B", "display_name": "C"}  # fmt: skip
    for door in (upsert, batch, command, patch, changed_in_the_admin):
        for field in whole:
            full = state.Change(profile=whole)
            state.change(full, to="ana", by=TESTER, rights=state.ALL_RIGHTS)

            assert door(house, {field: cleared}) == []

            found = Participant.objects.get(external_id="ana")
            kept = {name: getattr(found, name) for name in whole}
            assert kept == {**whole, field: ""}, (door.__name__, field)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ([" VIP "], ["vip"]),
        (["vip", " Vip\u00a0", "beta "], ["vip", "beta"]),
        (["two words"], ["two words"]),
        (["x" * 255 + " "], ["x" * 255]),
        ([" É "], ["é"]),
    ],
)
def test_tags_are_trimmed_at_every_door(house: House, sent: list[str], stored: list[str]) -> None:
    for door in FOR_TAGS:
        assert door(house, {"tags": sent}) == [], door.__name__
        found = Participant.objects.get(external_id="ana")
        assert found.tags == stored, door.__name__
        _gone(found)


@pytest.mark.parametrize("blank", [" ", "\u00a0", " \t "])
def test_a_blank_tag_is_refused_at_every_door_but_as_an_empty_line(
    house: House, blank: str
) -> None:
    for door in FOR_TAGS:
        in_lines = door in (added_in_the_admin, changed_in_the_admin)
        assert door(house, {"tags": [blank]}) == ([] if in_lines else ["tags[0]"]), door.__name__
        found = Participant.objects.filter(external_id="ana").first()
        assert found is None or found.tags == []
        _gone(found)


def test_what_an_earlier_release_kept_with_spaces_can_be_found_and_removed(api: APIClient) -> None:
    ana = _ana()
    Participant.objects.filter(pk=ana.pk).update(tags=[" vip ", "beta"])

    found = api.get("/v1/participants", {"tag": " VIP "}).json()["data"]
    removed = api.delete(f"{ANA}/state/tags/%20vip%20")

    assert [row["external_id"] for row in found] == ["ana"]
    assert removed.status_code == 204
    assert Participant.objects.get(pk=ana.pk).tags == ["beta"]


def test_a_body_may_begin_with_a_bom(api: APIClient, tmp_path: Path) -> None:
    body = b'\xef\xbb\xbf{"external_id": "ana"}'

    sent = [
        api.post("/v1/participants", body, content_type="application/json"),
        api.generic("PATCH", ANA, "\ufeff{}", content_type="application/json"),
        api.generic("POST", "/v1/participants/batch", '\ufeff{"participants": [{"external_id": "bea"}]}', content_type="application/json"),
    ]  # fmt: skip
    imported = import_participants(
        written(tmp_path / "lines", b'\xef\xbb\xbf{"external_id": "cid"}')
    )

    assert [response.status_code for response in sent] == [201, 200, 200]
    assert imported.code == 0
    assert Participant.objects.count() == 3
    twice = api.post("/v1/participants", b"\xef\xbb\xbf" + body, content_type="application/json")
    assert twice.status_code == 400


def _gone(participant: Participant | None) -> None:
    if participant is not None:
        participant.state_changes.all().delete()
        participant.delete()
