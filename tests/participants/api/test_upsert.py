from datetime import datetime

import pytest
from rest_framework.test import APIClient

from participants.models import Enrollment, Participant, StateChange
from programs.models import Program, ProgramStatus

UNKNOWN = "00000000-0000-7000-8000-000000000000"


def test_a_new_external_id_creates_a_participant(api: APIClient, program: Program) -> None:
    response = api.post(
        "/v1/participants",
        {
            "external_id": "Ana-1",
            "program_id": str(program.id),
            "email": "ana@example.org",
            "phone": "+351 1",
            "first_name": "Ana",
            "last_name": "Lima",
            "display_name": "Aninha",
            "tags": ["VIP", "beta", "vip"],
            "attributes": {"plan": "free", "visits": 3, "active": True},
        },
    )

    created = Participant.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "id": str(created.id),
        "external_id": "Ana-1",
        "status": "ACTIVE",
        "email": "ana@example.org",
        "phone": "+351 1",
        "first_name": "Ana",
        "last_name": "Lima",
        "display_name": "Aninha",
        "tags": ["vip", "beta"],
        "attributes": {"plan": "free", "visits": 3, "active": True},
        "counters": {},
        "tiers": {},
        "balances": [],
        "program_ids": [str(program.id)],
        "created_at": f"{created.created_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "updated_at": f"{created.updated_at:%Y-%m-%dT%H:%M:%S.%fZ}",
    }


def test_upsert_keeps_what_the_call_leaves_out(api: APIClient) -> None:
    api.post("/v1/participants", {"external_id": "ana", "tags": ["vip"], "status": "SUSPENDED"})

    response = api.post("/v1/participants", {"external_id": "ana", "attributes": {"plan": "free"}})

    assert response.status_code == 200
    assert response.json()["tags"] == ["vip"]
    assert response.json()["status"] == "SUSPENDED"
    assert response.json()["attributes"] == {"plan": "free"}


def test_attributes_merge_and_a_null_removes(api: APIClient) -> None:
    api.post("/v1/participants", {"external_id": "ana", "attributes": {"a": "1", "b": 2, "c": 3}})

    response = api.post(
        "/v1/participants", {"external_id": "ana", "attributes": {"a": "x", "b": None, "d": False}}
    )

    assert response.json()["attributes"] == {"a": "x", "c": 3, "d": False}


def test_a_null_for_an_attribute_of_somebody_new_adds_nothing(api: APIClient) -> None:
    response = api.post("/v1/participants", {"external_id": "ana", "attributes": {"a": None}})

    assert response.json()["attributes"] == {}


def test_given_tags_replace_the_set(api: APIClient) -> None:
    api.post("/v1/participants", {"external_id": "ana", "tags": ["a", "b"]})

    response = api.post("/v1/participants", {"external_id": "ana", "tags": ["c", "b"]})

    assert response.json()["tags"] == ["c", "b"]


def test_an_empty_string_clears_a_profile_field(api: APIClient) -> None:
    api.post("/v1/participants", {"external_id": "ana", "email": "ana@example.org"})

    response = api.post("/v1/participants", {"external_id": "ana", "email": ""})

    assert response.json()["email"] == ""


def test_external_ids_differ_by_case(api: APIClient) -> None:
    api.post("/v1/participants", {"external_id": "ana"})

    response = api.post("/v1/participants", {"external_id": "ANA"})

    assert response.status_code == 201


def test_an_upsert_that_changes_nothing_writes_nothing(api: APIClient, program: Program) -> None:
    body = {
        "external_id": "ana",
        "program_id": str(program.id),
        "email": "ana@example.org",
        "tags": ["vip"],
        "attributes": {"n": 1},
    }
    first = api.post("/v1/participants", body).json()
    changes = StateChange.objects.count()

    second = api.post("/v1/participants", body)

    assert second.status_code == 200
    assert second.json() == first
    assert StateChange.objects.count() == changes


def test_numbers_come_back_digit_for_digit(api: APIClient) -> None:
    body = (
        b'{"external_id": "ana", "attributes": {"a": 0.1, "b": 1.50, "c": 0.0000001,'
        b' "d": 1234567890123456789012345678901234567890, "e": 99999999999999999999.999999999999999999}}'
    )

    response = api.post("/v1/participants", body, content_type="application/json")

    assert response.status_code == 201
    for spelling in (
        b'"a": 0.1,',
        b'"b": 1.50,',
        b'"c": 0.0000001,',
        b'"d": 1234567890123456789012345678901234567890,',
        b'"e": 99999999999999999999.999999999999999999}',
    ):
        assert spelling in response.content


def test_an_equal_number_with_another_spelling_is_no_change(api: APIClient) -> None:
    api.post(
        "/v1/participants",
        b'{"external_id": "ana", "attributes": {"n": 1.50}}',
        content_type="application/json",
    )

    response = api.post(
        "/v1/participants",
        b'{"external_id": "ana", "attributes": {"n": 1.5}}',
        content_type="application/json",
    )

    assert b'"n": 1.50}' in response.content
    assert StateChange.objects.filter(operation="CHANGE").count() == 0


def test_true_and_one_are_different_values(api: APIClient) -> None:
    api.post("/v1/participants", {"external_id": "ana", "attributes": {"x": 1}})

    response = api.post("/v1/participants", {"external_id": "ana", "attributes": {"x": True}})

    assert response.json()["attributes"] == {"x": True}
    assert StateChange.objects.filter(operation="CHANGE", key="x").count() == 1


@pytest.mark.parametrize("status", ["FROZEN", "LOCKED", "CLOSED"])
def test_an_enrolling_upsert_reactivates(api: APIClient, program: Program, status: str) -> None:
    body = {"external_id": "ana", "program_id": str(program.id)}
    api.post("/v1/participants", body)
    Enrollment.objects.update(status=status)

    response = api.post("/v1/participants", body)

    assert response.json()["program_ids"] == [str(program.id)]
    assert Enrollment.objects.get().status == "ACTIVE"


def test_programs_stand_in_the_order_of_enrolment(api: APIClient) -> None:
    programs = [str(Program.objects.create(name=name).id) for name in "abc"]
    order = [programs[1], programs[2], programs[0]]
    for program_id in order:
        response = api.post("/v1/participants", {"external_id": "ana", "program_id": program_id})

    assert response.json()["program_ids"] == order
    assert api.get("/v1/participants/external:ana").json()["program_ids"] == order


def test_an_unknown_program_stores_nothing(api: APIClient) -> None:
    response = api.post("/v1/participants", {"external_id": "ana", "program_id": UNKNOWN})

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"
    assert not Participant.objects.exists()


@pytest.mark.parametrize("status", [ProgramStatus.ARCHIVED, ProgramStatus.SUSPENDED])
def test_a_program_that_takes_nobody_stores_nothing(
    api: APIClient, program: Program, status: str
) -> None:
    api.post("/v1/participants", {"external_id": "bea"})
    Program.objects.update(status=status)

    for name in ("ana", "bea"):
        response = api.post(
            "/v1/participants",
            {"external_id": name, "program_id": str(program.id), "tags": ["vip"]},
        )
        assert response.status_code == 409
        assert response.json()["code"] == "program_inactive"

    assert [person.tags for person in Participant.objects.all()] == [[]]
    assert not Enrollment.objects.exists()


def test_the_merge_may_not_pass_the_limit_of_attributes(api: APIClient) -> None:
    api.post(
        "/v1/participants",
        {"external_id": "ana", "attributes": {f"k{n}": n for n in range(100)}},
    )

    refused = api.post("/v1/participants", {"external_id": "ana", "attributes": {"one-more": 1}})
    swapped = api.post(
        "/v1/participants", {"external_id": "ana", "attributes": {"one-more": 1, "k0": None}}
    )

    assert refused.status_code == 400
    assert refused.json()["details"]["fields"] == [
        {
            "field": "attributes",
            "reason": "too_many",
            "message": "At most 100, after the merge too.",
        }
    ]
    assert swapped.status_code == 200


def test_times_are_spelled_alike_from_every_door(api: APIClient) -> None:
    posted = api.post("/v1/participants", {"external_id": "ana"}).json()

    read = api.get(f"/v1/participants/{posted['id']}").json()
    [row] = api.get("/v1/participants").json()["data"]

    assert posted == read
    assert (row["created_at"], row["updated_at"]) == (posted["created_at"], posted["updated_at"])
    assert datetime.strptime(posted["created_at"], "%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: DTZ007


def test_an_upsert_is_one_statement(api: APIClient, program: Program, queries: list[str]) -> None:
    api.post("/v1/participants", {"external_id": "warm"})  # the key and its last use
    queries.clear()

    api.post("/v1/participants", {"external_id": "ana", "program_id": str(program.id)})
    api.post("/v1/participants", {"external_id": "ana", "tags": ["vip"]})

    assert len(queries) == 2
