"""Tracks found and listed."""

from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from programs.models import Program, TierTrack
from tests.programs.api.tracks import GOLD

SILVER = {"key": "silver", "rank": 1}
LADDER = {"key": "status", "display_name": "Status", "levels": [GOLD, SILVER]}


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
