"""Two who change one rule, program or track by the API: the second is told what the first has done."""

from collections import Counter
from functools import partial
from typing import Any

import pytest
from rest_framework.test import APIClient

from programs.models import Program
from tests.participants.api.test_schemas import validator
from tests.programs.api.refusals import refusals
from tests.programs.api.test_rules_permissions import browser, submit
from tests.threads import at_once

TAG = {"type": "TAG", "tag": "vip"}
SILVER = {"key": "silver", "rank": 1, "display_name": "", "qualification": None, "benefits": []}
# Of each kind: the field that two people change, and one that a third changes; old value, new values.
KINDS = {
    "program": ("name", "Club", "description", ""),
    "track": ("display_name", "Status", "levels", None),
    "rule": ("name", "Welcome", "actions", [TAG]),
}
MODELS = {"program": "program", "track": "tiertrack", "rule": "rule"}
OTHERS: dict[str, Any] = {"program": "Daily", "track": [SILVER], "rule": []}
WRONG: list[Any] = [None, True, "1", 1.5, [1], {}, ""]
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def address(kind: str, request: pytest.FixtureRequest, program: Program) -> str:
    """The address of one of its kind."""
    if kind == "program":
        return f"/v1/programs/{program.id}"
    found: str = request.getfixturevalue({"track": "ladder", "rule": "rule"}[kind])
    return found


@every_kind
def test_a_change_of_the_current_version_makes_the_next(
    api: APIClient, address: str, kind: str
) -> None:
    name, *_ = KINDS[kind]
    assert api.get(address).json()["version"] == 1

    response = api.patch(address, {"version": 1, name: "First"})

    assert (response.status_code, response.json()["version"]) == (200, 2)
    assert response.json()[name] == "First"
    assert api.patch(address, {"version": 2, name: "Second"}).json()["version"] == 3
    assert api.patch(address, {"version": 3, name: "Second"}).json()["version"] == 3


@every_kind
def test_a_change_of_an_older_version_is_told_what_changed_since(
    api: APIClient, address: str, kind: str
) -> None:
    name, original, other, old = KINDS[kind]
    before = api.get(address).json()
    first = api.patch(address, {"version": 1, name: "First"}).json()
    second = api.patch(address, {other: OTHERS[kind]}).json()

    response = api.patch(address, {"version": 1, name: "Mine"})

    error = response.json()
    assert validator("Error").is_valid(error)
    assert (response.status_code, error["code"]) == (409, "changed_meanwhile")
    assert error["message"] == f"Somebody else has changed this {kind} in the meantime."
    [field] = error["details"]["fields"]
    assert (field["field"], field["reason"]) == ("version", "changed_meanwhile")
    assert error["details"]["version"] == 3
    changes = error["details"]["changes"]
    assert {change.pop("changed_by")[:13] for change in changes} == {"api_key:tests"}
    moments = [change.pop("changed_at") for change in changes]
    assert (
        second["updated_at"][:19] >= moments[0][:19] >= moments[1][:19] >= first["created_at"][:19]
    )
    assert changes == [
        {
            "version": 3,
            "field": other,
            "old": before[other] if old is None else old,
            "new": OTHERS[kind],
        },
        {
            "version": 2,
            "field": name,
            "old": original,
            "new": "First",
        },
    ]
    assert api.get(address).json() == {key: second[key] for key in second if key != "warnings"}
    assert api.patch(address, {"version": 3, name: "Mine"}).json()[name] == "Mine"


@every_kind
def test_without_a_version_the_last_change_wins(api: APIClient, address: str, kind: str) -> None:
    name, *_ = KINDS[kind]

    answers = [api.patch(address, {name: each}) for each in ("First", "Second")]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert api.get(address).json()[name] == "Second"


@every_kind
@pytest.mark.parametrize(
    ("version", "reason"),
    [
        *((wrong, "type") for wrong in WRONG),
        *((far, "out_of_range") for far in (0, -1, 2_147_483_648, 10**39)),
    ],
)
def test_a_version_that_is_no_whole_number_is_refused(
    api: APIClient, address: str, kind: str, version: Any, reason: str
) -> None:
    name, original, *_ = KINDS[kind]

    response = api.patch(address, {"version": version, name: "Mine"})

    assert response.status_code == 400
    assert [field for field, _ in refusals(response)] == ["version"]
    if kind != "program":  # which REST framework reads, with reasons of its own
        assert refusals(response) == [("version", reason)]
    assert api.get(address).json()[name] == original


@every_kind
def test_a_version_that_is_not_yet_there_is_refused(
    api: APIClient, address: str, kind: str
) -> None:
    response = api.patch(address, {"version": 2, KINDS[kind][0]: "Mine"})

    assert response.status_code == 409
    assert response.json()["details"]["changes"] == []


@every_kind
def test_a_new_one_takes_no_version(api: APIClient, program: Program, kind: str) -> None:
    address = {"program": "programs", "track": f"programs/{program.id}/tiers", "rule": "rules"}
    key = {"track": {"key": "status"}, "rule": {"program_id": str(program.id), "condition": "true"}}
    body: dict[str, Any] = {"version": 1, **key.get(kind, {"name": "Club"})}

    response = api.post(f"/v1/{address[kind]}", body)

    assert ("version", "unknown") in refusals(response) or kind == "program"
    assert (response.status_code, "version") == (400, "version")


@every_kind
def test_a_refusal_tells_of_the_twenty_newest_versions(
    api: APIClient, address: str, kind: str, queries: list[str]
) -> None:
    name, *_ = KINDS[kind]
    for number in range(2, 27):
        assert api.patch(address, {name: f"Name {number}"}).json()["version"] == number
    queries.clear()

    changes = api.patch(address, {"version": 2, name: "x"}).json()["details"]["changes"]

    assert [change["version"] for change in changes] == list(range(26, 6, -1))
    assert [change["old"] for change in changes] == [f"Name {n}" for n in range(25, 5, -1)]
    assert len(queries) < 15


@every_kind
@pytest.mark.django_db(transaction=True)
def test_of_changes_of_one_version_at_once_one_is_made(
    api: APIClient, address: str, kind: str
) -> None:
    name, *_ = KINDS[kind]
    names = [f"Name {number}" for number in range(8)]

    answers = at_once([partial(api.patch, address, {"version": 1, name: each}) for each in names])

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 7}
    [made] = [answer.json() for answer in answers if answer.status_code == 200]
    assert made["version"] == 2
    for answer in answers:
        if answer.status_code == 409:
            [change] = answer.json()["details"]["changes"]
            assert (change["version"], change["new"]) == (2, made[name])
    assert api.get(address).json()[name] == made[name]


@every_kind
def test_the_forms_in_a_browser_take_a_version_too(address: str, kind: str) -> None:
    name, *_ = KINDS[kind]
    rosa = browser(*(f"{verb}_{MODELS[kind]}" for verb in ("view", "change")))
    form = {"version": "1", name: "Rosa's"}

    assert 'name="version"' in rosa.get(address).content.decode()
    assert submit(rosa, "PATCH", address, form).status_code == 200
    assert submit(rosa, "PATCH", address, form).status_code == 409
    assert submit(rosa, "PATCH", address, {**form, "version": ""}).status_code == 200
    assert submit(rosa, "PATCH", address, {**form, "version": "x"}).status_code == 400
