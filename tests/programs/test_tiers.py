import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from rest_framework.test import APIClient

from programs.api_keys import issue
from programs.kernel import exact_json
from programs.models import Program, Scope, TierLevel, TierTrack, TierTrackVersion
from tests.conftest import TESTER
from tests.participants.test_races import at_once

SPENT = {"counter": "spent", "operator": ">=", "threshold": "1000"}
SILVER = {"key": "silver", "rank": 1}
GOLD = {
    "key": "gold",
    "rank": 2,
    "display_name": "Gold",
    "qualification": {"mode": "ALL", "criteria": [SPENT]},
    "benefits": [{"type": "discount", "percent": 7}],
}
LADDER = {"key": "status", "display_name": "Status", "levels": [GOLD, SILVER]}


@pytest.fixture
def path(program: Program) -> str:
    return f"/v1/programs/{program.id}/tiers"


@pytest.fixture
def ladder(api: APIClient, path: str) -> str:
    """The address of a track with two levels."""
    assert api.post(path, LADDER).status_code == 201
    return f"{path}/status"


def refusals(response: Any) -> list[tuple[str, str]]:
    assert response.status_code == 400, response.json()
    assert response.json()["code"] == "validation_failed"
    return [(each["field"], each["reason"]) for each in response.json()["details"]["fields"]]


def test_a_track_is_created_with_its_levels_from_the_lowest_up(
    api: APIClient, program: Program, path: str
) -> None:
    response = api.post(path, LADDER)

    track = TierTrack.objects.get()
    silver: dict[str, Any] = {"display_name": "", "qualification": None, "benefits": []}
    assert response.status_code == 201
    assert response.json() == {
        "id": str(track.id),
        "program_id": str(program.id),
        "key": "status",
        "display_name": "Status",
        "levels": [{**SILVER, **silver}, GOLD],
        "version": 1,
        "created_at": f"{track.created_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "updated_at": f"{track.updated_at:%Y-%m-%dT%H:%M:%S.%fZ}",
    }
    assert api.get(f"{path}/status").json() == response.json()
    assert api.get(path).json()["data"] == [response.json()]


def test_a_track_needs_no_more_than_a_key(api: APIClient, path: str) -> None:
    response = api.post(path, {"key": "status"})

    assert response.status_code == 201
    assert (response.json()["display_name"], response.json()["levels"]) == ("", [])


def test_numbers_come_back_digit_for_digit(api: APIClient, path: str) -> None:
    long = "1234567890123456789.012345678901234567"
    level = (
        f'{{"key": "gold", "rank": 1, "benefits": {{"a": 0.1, "b": {long}, "c": 1.50, "d": 1e-7}}}}'
    )

    body = f'{{"key": "status", "levels": [{level}]}}'
    created = api.generic("POST", path, body, content_type="application/json")
    shown = api.get(f"{path}/status")

    assert created.content == shown.content
    benefits = f'"benefits":{{"a":0.1,"b":{long},"c":1.50,"d":0.0000001}}'
    assert benefits in shown.content.decode()


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("100.00", "100"),
        ("0", "0"),
        ("0.0", "0"),
        ("-2.50", "-2.5"),
        ("99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"),
    ],
)
def test_a_threshold_is_written_without_trailing_zeros(
    api: APIClient, path: str, given: str, written: str
) -> None:
    qualification = {"mode": "ANY", "criteria": [{**SPENT, "threshold": given}]}

    answer = api.post(path, {"key": "status", "levels": [{**SILVER, "qualification": qualification}]})  # fmt: skip

    [criterion] = answer.json()["levels"][0]["qualification"]["criteria"]
    assert criterion["threshold"] == written


@pytest.mark.parametrize("operator", [">=", ">", "<=", "<", "=="])
@pytest.mark.parametrize("mode", ["ALL", "ANY"])
def test_each_operator_and_mode_is_known(
    api: APIClient, path: str, operator: str, mode: str
) -> None:
    qualification = {"mode": mode, "criteria": [{**SPENT, "operator": operator}]}

    answer = api.post(path, {"key": "status", "levels": [{**SILVER, "qualification": qualification}]})  # fmt: skip

    assert answer.json()["levels"][0]["qualification"] == qualification


def test_the_largest_track_fits(api: APIClient, path: str) -> None:
    criteria = [{**SPENT, "counter": "ü" * 100}] * 20
    qualification = {"mode": "ALL", "criteria": criteria}
    levels = [
        {
            "key": f"level_{number:058}",
            "rank": 2_147_483_647 - number,
            "display_name": "x" * 255,
            "qualification": qualification,
            "benefits": ["x" * 3_996],
        }
        for number in range(100)
    ]
    body = {"key": "k" * 64, "display_name": "x" * 255, "levels": levels}

    response = api.post(path, body)

    assert response.status_code == 201
    assert response.json()["levels"] == levels[::-1]


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"key": None}, "key", "required"),
        ({"key": ""}, "key", "invalid"),
        ({"key": 7}, "key", "type"),
        ({"key": "Status"}, "key", "invalid"),
        ({"key": "1st"}, "key", "invalid"),
        ({"key": "a-b"}, "key", "invalid"),
        ({"key": "a\n"}, "key", "invalid"),
        ({"key": "ä"}, "key", "invalid"),
        ({"key": "k" * 65}, "key", "too_long"),
        ({"display_name": None}, "display_name", "type"),
        ({"display_name": 7}, "display_name", "type"),
        ({"display_name": "x" * 256}, "display_name", "too_long"),
        ({"levels": None}, "levels", "type"),
        ({"levels": {}}, "levels", "type"),
        ({"levels": "gold"}, "levels", "type"),
        ({"levels": [{}] * 101}, "levels", "too_many"),
        ({"levels": ["gold"]}, "levels[0]", "type"),
        ({"colour": "red"}, "colour", "unknown"),
        ({"id": "x"}, "id", "unknown"),
        ({"version": 7}, "version", "unknown"),
    ],
)
def test_a_track_outside_its_limits_is_refused(
    api: APIClient, path: str, body: dict[str, Any], field: str, reason: str
) -> None:
    response = api.post(path, {"key": "status", **body})

    assert (field, reason) in refusals(response)
    assert not TierTrack.objects.exists()


@pytest.mark.parametrize(
    ("more", "field", "reason"),
    [
        ({"key": None}, "key", "required"),
        ({"key": "Gold"}, "key", "invalid"),
        ({"key": "k" * 65}, "key", "too_long"),
        ({"key": "silver"}, "key", "unique"),
        ({"rank": None}, "rank", "required"),
        ({"rank": 0}, "rank", "out_of_range"),
        ({"rank": -1}, "rank", "out_of_range"),
        ({"rank": 2_147_483_648}, "rank", "out_of_range"),
        ({"rank": 10**39}, "rank", "out_of_range"),
        ({"rank": True}, "rank", "type"),
        ({"rank": 2.5}, "rank", "type"),
        ({"rank": "2"}, "rank", "type"),
        ({"rank": 1}, "rank", "unique"),
        ({"display_name": None}, "display_name", "type"),
        ({"display_name": "x" * 256}, "display_name", "too_long"),
        ({"benefits": None}, "benefits", "type"),
        ({"benefits": "free coffee"}, "benefits", "type"),
        ({"benefits": 7}, "benefits", "type"),
        ({"benefits": ["x" * 3_997]}, "benefits", "too_long"),
        ({"colour": "red"}, "colour", "unknown"),
        ({"qualification": []}, "qualification", "type"),
        ({"qualification": "ALL"}, "qualification", "type"),
    ],
)
def test_a_level_outside_its_limits_is_refused_with_its_path(
    api: APIClient, path: str, more: dict[str, Any], field: str, reason: str
) -> None:
    response = api.post(path, {"key": "status", "levels": [SILVER, {**GOLD, **more}]})

    assert refusals(response)[0] == (f"levels[1].{field}", reason)
    assert not TierTrack.objects.exists()


@pytest.mark.parametrize(
    ("qualification", "field", "reason"),
    [
        ({}, "mode", "required"),
        ({"mode": "SOME", "criteria": [SPENT]}, "mode", "invalid"),
        ({"mode": ["ALL"], "criteria": [SPENT]}, "mode", "invalid"),
        ({"mode": "ALL"}, "criteria", "required"),
        ({"mode": "ALL", "criteria": []}, "criteria", "length"),
        ({"mode": "ALL", "criteria": [SPENT] * 21}, "criteria", "length"),
        ({"mode": "ALL", "criteria": {}}, "criteria", "type"),
        ({"mode": "ALL", "criteria": ["spent"]}, "criteria[0]", "type"),
        ({"mode": "ALL", "criteria": [SPENT], "all": 1}, "all", "unknown"),
    ],
)
def test_a_qualification_that_makes_no_sense_is_refused(
    api: APIClient, path: str, qualification: Any, field: str, reason: str
) -> None:
    level = {**SILVER, "qualification": qualification}

    response = api.post(path, {"key": "status", "levels": [level]})

    assert (f"levels[0].qualification.{field}", reason) in refusals(response)


@pytest.mark.parametrize(
    ("more", "field", "reason"),
    [
        ({"counter": None}, "counter", "required"),
        ({"counter": 7}, "counter", "type"),
        ({"counter": ""}, "counter", "key"),
        ({"counter": "x" * 101}, "counter", "key"),
        ({"operator": None}, "operator", "required"),
        ({"operator": "!="}, "operator", "invalid"),
        ({"operator": "="}, "operator", "invalid"),
        ({"operator": {}}, "operator", "invalid"),
        ({"threshold": None}, "threshold", "type"),
        ({"threshold": 1000}, "threshold", "type"),
        ({"threshold": 0.1}, "threshold", "type"),
        ({"threshold": True}, "threshold", "type"),
        ({"threshold": ""}, "threshold", "invalid"),
        ({"threshold": "1e3"}, "threshold", "invalid"),
        ({"threshold": "NaN"}, "threshold", "invalid"),
        ({"threshold": "-0"}, "threshold", "invalid"),
        ({"threshold": " 1"}, "threshold", "invalid"),
        ({"threshold": "9" * 21}, "threshold", "too_long"),
        ({"threshold": "0." + "1" * 19}, "threshold", "too_long"),
        ({"unit": "EUR"}, "unit", "unknown"),
    ],
)
def test_a_criterion_that_makes_no_sense_is_refused_with_its_path(
    api: APIClient, path: str, more: dict[str, Any], field: str, reason: str
) -> None:
    qualification = {"mode": "ALL", "criteria": [SPENT, {**SPENT, **more}]}
    levels = [GOLD, {**SILVER, "qualification": qualification}]

    response = api.post(path, {"key": "status", "levels": levels})

    assert refusals(response) == [(f"levels[1].qualification.criteria[1].{field}", reason)]


def test_a_criterion_needs_all_of_its_parts(api: APIClient, path: str) -> None:
    level = {**SILVER, "qualification": {"mode": "ALL", "criteria": [{}]}}

    response = api.post(path, {"key": "status", "levels": [level]})

    where = "levels[0].qualification.criteria[0]"
    assert refusals(response) == [
        (f"{where}.{name}", "required") for name in ("counter", "operator", "threshold")
    ]


def test_very_many_mistakes_are_answered_with_the_first(api: APIClient, path: str) -> None:
    response = api.post(path, {"key": "status", "levels": [{}] * 100})

    assert len(refusals(response)) == 51


@pytest.mark.parametrize("text", [r"\u0000", r"\ud800", "\0"])
@pytest.mark.parametrize(
    "level",
    [
        {**SILVER, "display_name": "@"},
        {**SILVER, "benefits": {"@": "@"}},
        {**SILVER, "qualification": {"mode": "ALL", "criteria": [{**SPENT, "counter": "@"}]}},
    ],
)
def test_text_that_cannot_be_stored_is_refused(
    api: APIClient, path: str, level: dict[str, Any], text: str
) -> None:
    body = json.dumps({"key": "status", "levels": [level]}).replace("@", text)

    response = api.generic("POST", path, body, content_type="application/json")

    assert response.status_code == 400


@pytest.mark.parametrize("number", ["1e400", "NaN", "Infinity", "1" * 41])
def test_a_number_that_is_too_large_to_keep_is_refused(
    api: APIClient, path: str, number: str
) -> None:
    body = json.dumps({"key": "status", "levels": [{**SILVER, "benefits": ["@"]}]})

    response = api.generic(
        "POST", path, body.replace('"@"', number), content_type="application/json"
    )

    assert response.status_code == 400


@pytest.mark.parametrize(("depth", "status"), [(13, 201), (14, 400), (100_000, 400)])
def test_benefits_are_nested_as_deep_as_a_body_may_be(
    api: APIClient, path: str, depth: int, status: int
) -> None:
    body = json.dumps({"key": "status", "levels": [{**SILVER, "benefits": "@"}]})
    deep = "[" * depth + "]" * depth

    response = api.generic("POST", path, body.replace('"@"', deep), content_type="application/json")

    assert response.status_code == status
    assert api.get(path).status_code == 200
    assert TierTrackVersion.objects.count() == (status == 201)


@pytest.mark.parametrize("body", [[], "status", 7, [LADDER]])
def test_a_body_that_is_no_object_is_refused(
    api: APIClient, path: str, ladder: str, body: Any
) -> None:
    assert api.post(path, body).status_code == 400
    assert api.patch(ladder, body).status_code == 400


# Changing


def test_levels_are_replaced_as_a_whole_and_known_ones_stay_the_same_rows(
    api: APIClient, ladder: str
) -> None:
    rows = dict(TierLevel.objects.values_list("key", "id"))
    bronze = {"key": "bronze", "rank": 1, "display_name": "", "qualification": None, "benefits": {}}
    gold = {**GOLD, "rank": 7, "qualification": None}

    response = api.patch(ladder, {"levels": [gold, bronze]})

    assert response.status_code == 200
    assert response.json()["levels"] == [bronze, gold]
    assert response.json()["display_name"] == "Status"
    assert response.json() == api.get(ladder).json()
    assert TierLevel.objects.get(key="gold").id == rows["gold"]
    assert not TierLevel.objects.filter(key="silver").exists()


@pytest.mark.django_db(transaction=True)
def test_two_levels_change_places_in_one_call(api: APIClient, ladder: str) -> None:
    response = api.patch(ladder, {"levels": [{**GOLD, "rank": 1}, {**SILVER, "rank": 2}]})

    assert [(level["key"], level["rank"]) for level in response.json()["levels"]] == [
        ("gold", 1),
        ("silver", 2),
    ]


def test_a_change_leaves_what_it_does_not_name(api: APIClient, ladder: str) -> None:
    before = api.get(ladder).json()

    renamed = api.patch(ladder, {"display_name": "Rank"}).json()
    emptied = api.patch(ladder, {"levels": []}).json()

    assert renamed["levels"] == before["levels"]
    assert (emptied["display_name"], emptied["levels"]) == ("Rank", [])
    assert renamed["updated_at"] > before["updated_at"]
    assert renamed["created_at"] == before["created_at"]


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"key": "status"}, ("key", "read_only")),
        ({"key": "other"}, ("key", "read_only")),
        ({"levels": [{"key": "gold"}]}, ("levels[0].rank", "required")),
        ({"levels": None}, ("levels", "type")),
        ({"display_name": None}, ("display_name", "type")),
        ({"colour": "red"}, ("colour", "unknown")),
    ],
)
def test_a_change_outside_the_limits_is_refused(
    api: APIClient, ladder: str, body: dict[str, Any], refused: tuple[str, str]
) -> None:
    before = api.get(ladder).json()

    response = api.patch(ladder, {"display_name": "New", **body})

    assert refusals(response) == [refused]
    assert api.get(ladder).json() == before


def test_each_change_keeps_a_version_with_who_made_it(api: APIClient, ladder: str) -> None:
    created = api.get(ladder).json()

    api.patch(ladder, {"display_name": "Rank"})
    changed = api.patch(ladder, {"levels": [GOLD]}).json()
    api.delete(ladder)

    versions = list(TierTrackVersion.objects.order_by("version"))
    assert changed["version"] == 3
    assert [version.version for version in versions] == [1, 2, 3, 4]
    assert all(version.changed_by.startswith("api_key:tests") for version in versions)
    shown = [exact_json.loads(exact_json.dumps(version.snapshot)) for version in versions]
    whole = {"key": "status", "display_name": "Rank", "levels": created["levels"]}
    assert shown == [
        {**whole, "display_name": "Status"},
        whole,
        {**whole, "levels": [GOLD]},
        {**whole, "levels": [GOLD], "deleted": True},
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"display_name": "Status"},
        {"levels": [SILVER, GOLD]},
        {"levels": [GOLD, {**SILVER, "benefits": [], "qualification": None}]},
    ],
)
def test_a_change_of_nothing_makes_no_version(
    api: APIClient, ladder: str, body: dict[str, Any]
) -> None:
    before = api.get(ladder).json()

    response = api.patch(ladder, body)

    assert response.json() == before
    assert TierTrackVersion.objects.count() == 1


@pytest.mark.parametrize(("had", "has"), [("1", "true"), ("1.5", "1.50"), ("0", "false")])
def test_benefits_that_only_python_takes_for_equal_are_a_change(
    api: APIClient, path: str, had: str, has: str
) -> None:
    def body(value: str) -> str:
        level = json.dumps({**SILVER, "benefits": ["@"]}).replace('"@"', value)
        return f'{{"levels": [{level}]}}'

    api.post(path, {"key": "status"})
    api.generic("PATCH", f"{path}/status", body(had), content_type="application/json")
    response = api.generic("PATCH", f"{path}/status", body(has), content_type="application/json")

    assert response.json()["version"] == 3
    assert f'"benefits":[{has}]'.encode() in response.content


# Deleting


def test_a_deleted_track_is_gone_and_frees_its_key(api: APIClient, path: str, ladder: str) -> None:
    deleted = api.delete(ladder)

    assert (deleted.status_code, deleted.content) == (204, b"")
    for response in (api.get(ladder), api.patch(ladder, {}), api.delete(ladder)):
        assert response.status_code == 404
        assert response.json()["message"] == "There is no tier track with this key in this program."
    assert api.get(path).json()["data"] == []
    assert TierTrack.objects.exclude(deleted_at=None).count() == 1
    assert api.post(path, LADDER).status_code == 201


# Finding


def test_a_key_is_unique_in_its_program(api: APIClient, path: str, ladder: str) -> None:
    other = Program.objects.create(name="Other")

    again = api.post(path, {"key": "status"})
    elsewhere = api.post(f"/v1/programs/{other.pk}/tiers", {"key": "status"})

    assert refusals(again) == [("key", "unique")]
    assert elsewhere.status_code == 201
    assert TierTrackVersion.objects.count() == 2


def test_a_track_is_found_in_its_own_program_only(api: APIClient, ladder: str) -> None:
    other = Program.objects.create(name="Other")
    elsewhere = f"/v1/programs/{other.pk}/tiers/status"

    for call in (api.get, api.patch, api.delete):
        assert call(elsewhere).status_code == 404
    assert TierTrack.objects.current().count() == 1


@pytest.mark.parametrize("wanted", ["nothing", "STATUS", "%ED%A0%80", "k" * 5_000, "a%2Fb"])
def test_an_unknown_track_is_not_found(api: APIClient, path: str, ladder: str, wanted: str) -> None:
    assert api.get(f"{path}/{wanted}").status_code == 404


def test_the_tracks_of_an_unknown_program_are_not_found(api: APIClient) -> None:
    path = f"/v1/programs/{uuid4()}/tiers"

    responses = [
        api.get(path),
        api.post(path, LADDER),
        api.get(f"{path}/status"),
        api.patch(f"{path}/status", {}),
        api.delete(f"{path}/status"),
    ]

    for response in responses:
        assert response.status_code == 404
        assert response.json()["message"] == "There is no program with this id."


def test_an_archived_programs_tracks_can_be_read_and_set_up(
    api: APIClient, path: str, ladder: str
) -> None:
    Program.objects.update(status="ARCHIVED")

    assert api.get(ladder).status_code == 200
    assert api.patch(ladder, {"display_name": "x"}).status_code == 200
    assert api.post(path, {"key": "other"}).status_code == 201


def test_tracks_are_listed_page_by_page(api: APIClient, path: str) -> None:
    for key in "abc":
        api.post(path, {"key": key})

    first = api.get(path, {"limit": 2}).json()
    second = api.get(path, {"cursor": first["pagination"]["next_cursor"]}).json()

    assert [row["key"] for row in first["data"]] == ["c", "b"]
    assert [row["key"] for row in second["data"]] == ["a"]


def test_a_list_costs_the_same_however_many_there_are(
    api: APIClient, path: str, queries: list[str]
) -> None:
    costs = set()
    for count in (1, 20):
        for number in range(count):
            api.post(path, {**LADDER, "key": f"track_{count}_{number}"})
        queries.clear()
        rows = api.get(path).json()["data"]
        costs.add(len(queries))

    assert len(rows) == 21
    assert costs == {3}  # the program, its tracks, their levels


@pytest.mark.parametrize(
    ("scope", "method", "place", "status"),
    [
        (Scope.PROGRAMS_READ, "get", "", 200),
        (Scope.PROGRAMS_READ, "get", "/status", 200),
        (Scope.PROGRAMS_READ, "post", "", 403),
        (Scope.PROGRAMS_READ, "patch", "/status", 403),
        (Scope.PROGRAMS_READ, "delete", "/status", 403),
        (Scope.PROGRAMS_WRITE, "get", "", 403),
        (Scope.PROGRAMS_WRITE, "post", "", 400),
        (Scope.PROGRAMS_WRITE, "patch", "/status", 200),
        (Scope.PROGRAMS_WRITE, "delete", "/status", 204),
        (Scope.BALANCES_WRITE, "patch", "/status", 403),
    ],
)
def test_each_call_needs_its_scope(
    path: str, ladder: str, scope: Scope, method: str, place: str, status: int
) -> None:
    _, secret = issue(name="tests", scopes=[scope], by=TESTER)

    response = getattr(APIClient(headers={"X-API-Key": secret}), method)(path + place, {})

    assert response.status_code == status


# At the same moment


@pytest.mark.django_db(transaction=True)
def test_of_calls_that_take_one_key_at_once_one_succeeds(api: APIClient, path: str) -> None:
    responses = at_once([partial(api.post, path, LADDER) for _ in range(20)])

    assert Counter(response.status_code for response in responses) == {201: 1, 400: 19}
    refused = [response for response in responses if response.status_code == 400]
    assert all(refusals(response) == [("key", "unique")] for response in refused)
    assert (TierTrack.objects.count(), TierLevel.objects.count()) == (1, 2)
    assert TierTrackVersion.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_changes_at_once_are_each_whole_and_each_a_version(api: APIClient, ladder: str) -> None:
    def ladder_of(name: str) -> dict[str, Any]:
        levels = [
            {"key": f"{name}_{n}" if n % 2 else f"both_{n}", "rank": n, "display_name": name}
            for n in range(1, 6)
        ]
        return {"display_name": name, "levels": levels}

    names = [f"n{number}" for number in range(12)]
    calls: list[Callable[[], Any]] = [partial(api.patch, ladder, ladder_of(n)) for n in names]
    responses = at_once(calls)

    assert {response.status_code for response in responses} == {200}
    for name, response in zip(names, responses, strict=True):
        assert response.json()["display_name"] == name
        assert {level["display_name"] for level in response.json()["levels"]} == {name}
    versions = sorted(response.json()["version"] for response in responses)
    assert versions == list(range(2, 14))
    kept = {version.version: version.snapshot for version in TierTrackVersion.objects.all()}
    for response in responses:
        assert kept[response.json()["version"]]["levels"] == response.json()["levels"]


@pytest.mark.django_db(transaction=True)
def test_of_deletions_at_once_one_succeeds(api: APIClient, ladder: str) -> None:
    responses = at_once([partial(api.delete, ladder) for _ in range(10)])

    assert Counter(response.status_code for response in responses) == {204: 1, 404: 9}
    assert TierTrackVersion.objects.count() == 2


# By hand, in the browser


def test_the_forms_of_tracks_create_and_change_them(
    admin_client: Client, path: str, program: Program
) -> None:
    page = Client.get
    browser: Any = {"headers": {"Accept": "text/html"}}
    form = {"key": "status", "display_name": "", "levels": json.dumps([GOLD])}

    created = admin_client.post(path, form, **browser)
    broken = admin_client.post(path, {"key": "other", "levels": "[{]"}, **browser)
    refused = admin_client.post(path, {"key": "other", "levels": "[{}]"}, **browser)
    shown = page(admin_client, f"{path}/status", **browser).content.decode()

    assert (created.status_code, broken.status_code, refused.status_code) == (201, 400, 400)
    assert "The text is not JSON" in broken.content.decode()
    assert "levels[0].key: Give a key: a string." in refused.content.decode()
    assert '<textarea name="levels"' in shown
    assert TierTrackVersion.objects.get().changed_by == "staff:admin"


# What the database holds by itself


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"key": "gold"}, "tier_level_key_is_unique"),
        ({"rank": 2}, "tier_level_rank_is_unique"),
        ({"rank": 0}, "tier_level_rank_is_from_1"),
        ({"key": "Gold"}, "tier_level_key_is_plain"),
    ],
)
def test_the_database_holds_what_a_level_must_be(
    ladder: str, values: dict[str, Any], constraint: str
) -> None:
    track = TierTrack.objects.get()

    connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        TierLevel.objects.create(**{"track": track, "key": "new", "rank": 9, **values})


@pytest.mark.parametrize(
    ("wanted", "constraint"),
    [("status", "tier_track_key_is_unique"), ("Status", "tier_track_key_is_plain")],
)
def test_the_database_holds_what_a_track_must_be(
    program: Program, ladder: str, wanted: str, constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        TierTrack.objects.create(program=program, key=wanted)
