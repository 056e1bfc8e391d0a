import json
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from rest_framework.test import APIClient

from programs.models import Program, TierLevel, TierTrack, TierTrackVersion
from tests.programs.api.refusals import refusals
from tests.programs.api.tracks import GOLD

SPENT = {"counter": "spent", "operator": ">=", "threshold": "1000"}
SILVER = {"key": "silver", "rank": 1}
LADDER = {"key": "status", "display_name": "Status", "levels": [GOLD, SILVER]}


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


def test_a_key_is_unique_in_its_program(api: APIClient, path: str, ladder: str) -> None:
    other = Program.objects.create(name="Other")

    again = api.post(path, {"key": "status"})
    elsewhere = api.post(f"/v1/programs/{other.pk}/tiers", {"key": "status"})

    assert refusals(again) == [("key", "unique")]
    assert elsewhere.status_code == 201
    assert TierTrackVersion.objects.count() == 2


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
