"""The calls for a participant as a whole, and their status."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from programs.models import Program

ANA = "/v1/participants/external:ana"


@pytest.fixture(autouse=True)
def ana(api: APIClient) -> None:
    api.post(
        "/v1/participants",
        {"external_id": "ana", "tags": ["vip", "beta"], "attributes": {"plan": "free", "n": 1}},
    )


def test_a_participant_is_found_by_either_id(api: APIClient) -> None:
    by_external_id = api.get(ANA).json()

    assert api.get(f"/v1/participants/{by_external_id['id']}").json() == by_external_id
    assert api.get(f"/v1/participants/{by_external_id['id'].upper()}").json() == by_external_id


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "", None),
        ("patch", "", {}),
        ("patch", "/status", {"status": "CLOSED"}),
        ("get", "/state/tags", None),
        ("put", "/state/tags", {"tags": []}),
        ("put", "/state/tags/x", None),
        ("delete", "/state/tags/x", None),
        ("get", "/state/attributes", None),
        ("patch", "/state/attributes", {"attributes": {}}),
        ("put", "/state/attributes/x", {"value": 1}),
        ("delete", "/state/attributes/x", None),
        ("get", "/enrollments/{program}", None),
        ("put", "/enrollments/{program}", {}),
        ("delete", "/enrollments/{program}", None),
        ("get", "/activity/state-history", None),
    ],
)
@pytest.mark.parametrize("who", ["external:nobody", "00000000-0000-7000-8000-000000000000"])
def test_nobody_is_404_everywhere(
    api: APIClient, program: Program, who: str, method: str, path: str, body: object
) -> None:
    url = f"/v1/participants/{who}" + path.format(program=program.id)

    response = getattr(api, method)(url, body, format="json")

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


@pytest.mark.parametrize("external_id", ["bea", "ana", None])
def test_patch_refuses_an_external_id(api: APIClient, external_id: str | None) -> None:
    response = api.patch(ANA, {"external_id": external_id})

    assert response.status_code == 400
    [refused] = response.json()["details"]["fields"]
    assert (refused["field"], refused["reason"]) == ("external_id", "read_only")


def test_patch_changes_what_it_names(api: APIClient) -> None:
    before = api.get(ANA).json()

    response = api.patch(
        ANA, {"attributes": {"plan": None, "x": "y"}, "email": "a@example.org", "status": "CLOSED"}
    )

    assert response.status_code == 200
    assert response.json() == {
        **before,
        "attributes": {"n": 1, "x": "y"},
        "email": "a@example.org",
        "status": "CLOSED",
        "updated_at": response.json()["updated_at"],
    }
    assert response.json()["updated_at"] > before["updated_at"]


def test_patch_cannot_change_the_external_id(api: APIClient) -> None:
    response = api.patch(ANA, {"external_id": "bea"})

    assert response.status_code == 400
    assert response.json()["details"]["fields"][0]["field"] == "external_id"


@pytest.mark.parametrize("field", ["program_id", "id", "created_at", "zz", "counters"])
def test_patch_refuses_other_fields(api: APIClient, field: str) -> None:
    assert api.patch(ANA, {field: "x"}).status_code == 400


@pytest.mark.parametrize("old", ["ACTIVE", "SUSPENDED", "CLOSED"])
@pytest.mark.parametrize("new", ["ACTIVE", "SUSPENDED", "CLOSED"])
def test_every_change_of_status_is_allowed(api: APIClient, old: str, new: str) -> None:
    api.patch(f"{ANA}/status", {"status": old})

    response = api.patch(f"{ANA}/status", {"status": new})

    assert response.status_code == 200
    assert response.json()["status"] == new


@pytest.mark.parametrize("body", [{}, {"status": "X"}, {"status": "ACTIVE", "tags": []}, []])
def test_a_status_call_takes_a_status_and_nothing_else(api: APIClient, body: object) -> None:
    assert api.patch(f"{ANA}/status", body).status_code == 400


def test_calls_cost_few_statements(api: APIClient, program: Program, queries: list[str]) -> None:
    calls: list[tuple[int, Callable[[], object]]] = [
        (1, lambda: api.get(ANA)),
        (1, lambda: api.patch(ANA, {"tags": ["q"]})),
        (1, lambda: api.put(f"{ANA}/state/tags/w")),
        (1, lambda: api.get(f"{ANA}/state/attributes")),
        (2, lambda: api.put(f"{ANA}/enrollments/{program.id}", {})),
        (2, lambda: api.get(f"{ANA}/activity/state-history")),
    ]
    for count, call in calls:
        queries.clear()
        call()

        assert len(queries) == count
