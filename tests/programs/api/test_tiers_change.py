"""Tracks changed and deleted, and the versions that this leaves."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from programs.kernel import exact_json
from programs.models import TierLevel, TierTrack, TierTrackVersion
from tests.programs.api.refusals import refusals
from tests.programs.api.tracks import GOLD

SILVER = {"key": "silver", "rank": 1}
LADDER = {"key": "status", "display_name": "Status", "levels": [GOLD, SILVER]}


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
