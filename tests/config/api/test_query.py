"""No parameter of a query is ignored, on any call."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from participants.models import Participant
from tests.config.api.test_rights import calls

CALLS = [(name, method, path) for name, method, path in calls() if method != "head"]


def address_of(path: str) -> str:
    """An address for a path of the document."""
    names = dict.fromkeys(["tag", "key", "counter", "tier", "track"], "a")
    names["participant"] = "external:ana"
    return re.sub(
        r"{(\w+)}", lambda found: names.get(found[1], "0198c0e1-52f4-7d0a-8b6e-3f9a1c2d4e5f"), path
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "field", "reason"),
    [
        ("programid=1", "programid", "unknown"),
        ("Limit=1", "Limit", "unknown"),
        ("=1", "", "unknown"),
        ("a", "a", "unknown"),
        ("format=", "format", "blank"),
        ("format=json&format=json", "format", "repeated"),
    ],
)
def test_every_call_names_what_it_would_have_ignored(
    api: APIClient, query: str, field: str, reason: str
) -> None:
    for name, method, path in CALLS:
        response = api.generic(method, f"{path}?{query}", "{}", "application/json")

        assert response.status_code == 400, name
        [refused] = response.json()["details"]["fields"]
        assert (refused["field"], refused["reason"]) == (field, reason), name


@pytest.mark.django_db
def test_every_documented_parameter_is_known_blank_and_repeated(api: APIClient) -> None:
    document = api.get("/v1/openapi.json").json()
    seen = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", []):
                if parameter["in"] != "query":
                    continue
                seen += 1
                name = parameter["name"]
                for query, reason in ((f"{name}=", "blank"), (f"{name}=1&{name}=1", "repeated")):
                    answer = getattr(api, method)(f"{address_of(path)}?{query}")
                    fields = answer.json()["details"]["fields"]
                    assert [(each["field"], each["reason"]) for each in fields] == [(name, reason)]
    assert seen > 90


@pytest.mark.django_db
def test_a_mistyped_filter_is_told_which_was_meant(api: APIClient) -> None:
    response = api.get("/v1/participants?Status=CLOSED")

    assert response.json()["details"]["fields"][0]["message"].endswith("Did you mean status?")


@pytest.mark.django_db
def test_a_caller_without_a_right_learns_nothing_of_parameters(client: Client) -> None:
    assert client.get("/v1/participants?x=1").status_code == 401


@pytest.mark.django_db
def test_what_a_page_was_not_filled_in_with_is_left_out(
    client: Client, participant: Participant
) -> None:
    client.force_login(User.objects.create_superuser("boss"))
    for query, status in [("status=&search=", 200), ("status=&nothing=x", 400), ("nothing=", 200)]:
        response = client.get(f"/v1/participants?{query}", headers={"Accept": "text/html"})
        assert response.status_code == status, query
    # A program asks for JSON, and says what it means.
    assert client.get("/v1/participants?status=").status_code == 400
