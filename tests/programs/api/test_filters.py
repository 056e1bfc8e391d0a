"""What filters of lists refuse, instead of breaking or of answering something else than was asked."""

from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

from participants.models import Participant


@pytest.mark.parametrize("instant", ["2000-01-01T00:00:00+18:08", "2000-01-01T00:00:00-23:59"])
def test_an_offset_that_postgresql_does_not_know_is_an_instant_like_others(
    api: APIClient, participant: Participant, instant: str
) -> None:
    response = api.get(f"/v1/participants?from={quote(instant)}")

    assert [row["id"] for row in response.json()["data"]] == [str(participant.pk)]


@pytest.mark.parametrize(
    "query",
    [
        "from=0001-01-01T00:00:00%2B23:00",
        "to=9999-12-31T23:59:59-23:00",
        "to=yesterday",
        "program_id=%20",
        "status=active",
        "tag=a&tag=b",
    ],
)
def test_a_parameter_that_cannot_be_read_is_refused_by_name(api: APIClient, query: str) -> None:
    response = api.get(f"/v1/participants?{query}")

    assert response.status_code == 400
    [refused] = response.json()["details"]["fields"]
    assert refused["field"] == query.partition("=")[0]


def test_include_archived_is_true_or_false_and_nothing_else(api: APIClient) -> None:
    statuses = {
        value: api.get(f"/v1/programs?include_archived={value}").status_code
        for value in ("true", "false", "", "yes", "null")
    }

    assert statuses == {"true": 200, "false": 200, "": 400, "yes": 400, "null": 400}


def test_an_external_id_is_looked_for_as_it_is_given(api: APIClient) -> None:
    api.post("/v1/participants", {"external_id": " ana "})

    found = api.get("/v1/participants?external_id=%20ana%20").json()["data"]
    others = api.get("/v1/participants?external_id=ana").json()["data"]

    assert [row["external_id"] for row in found] == [" ana "]
    assert others == []
