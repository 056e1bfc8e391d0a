"""Calls about one track at the same moment."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from rest_framework.test import APIClient

from programs.models import TierLevel, TierTrack, TierTrackVersion
from tests.programs.api.refusals import refusals
from tests.programs.api.tracks import GOLD
from tests.threads import at_once

SILVER = {"key": "silver", "rank": 1}
LADDER = {"key": "status", "display_name": "Status", "levels": [GOLD, SILVER]}


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
