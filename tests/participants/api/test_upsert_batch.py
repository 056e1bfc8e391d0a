from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from rest_framework.test import APIClient

from participants.models import Enrollment, Participant, StateChange
from programs.models import Program


def batch(api: APIClient, *people: Any) -> Any:
    return api.post("/v1/participants/batch", {"participants": list(people)})


def test_a_bad_row_does_not_stop_the_others(api: APIClient, program: Program) -> None:
    api.post("/v1/participants", {"external_id": "bea"})

    response = batch(
        api,
        {"external_id": "ana", "program_id": str(program.id)},
        {"external_id": ""},
        {"external_id": "bea", "tags": ["vip"]},
        "nonsense",
        {"external_id": "cid", "program_id": "00000000-0000-7000-8000-000000000000"},
    )

    ids = dict(Participant.objects.values_list("external_id", "id"))
    assert response.status_code == 200
    assert response.json() == {
        "total": 5,
        "success_count": 2,
        "error_count": 3,
        "results": [
            {"index": 0, "status": "created", "participant_id": str(ids["ana"])},
            {
                "index": 1,
                "status": "error",
                "error": {
                    "code": "validation_failed",
                    "message": "external_id: Give more than white space.",
                    "details": {
                        "fields": [
                            {
                                "field": "external_id",
                                "reason": "blank",
                                "message": "Give more than white space.",
                            }
                        ]
                    },
                },
            },
            {"index": 2, "status": "updated", "participant_id": str(ids["bea"])},
            {
                "index": 3,
                "status": "error",
                "error": {
                    "code": "validation_failed",
                    "message": "body: Give a JSON object.",
                    "details": {
                        "fields": [
                            {"field": "body", "reason": "type", "message": "Give a JSON object."}
                        ]
                    },
                },
            },
            {
                "index": 4,
                "status": "error",
                "error": {"code": "not_found", "message": "There is no program with this id."},
            },
        ],
    }
    assert set(ids) == {"ana", "bea"}


def test_of_two_rows_with_one_external_id_the_later_counts(api: APIClient) -> None:
    response = batch(
        api,
        {"external_id": "ana", "tags": ["first"]},
        {"external_id": "bea"},
        {"external_id": "ana", "tags": ["second"]},
    )

    assert [row["status"] for row in response.json()["results"]] == ["error", "created", "created"]
    assert response.json()["results"][0]["error"]["code"] == "duplicate_in_batch"
    assert Participant.objects.get(external_id="ana").tags == ["second"]


def test_an_invalid_later_row_leaves_the_earlier_one_standing(api: APIClient) -> None:
    response = batch(api, {"external_id": "ana"}, {"external_id": "ana", "status": "x"})

    assert [row["status"] for row in response.json()["results"]] == ["created", "error"]
    assert response.json()["results"][1]["error"]["code"] == "validation_failed"


@pytest.mark.parametrize(
    ("enrolling", "outcome"),
    [
        ([], "error"),
        (["add_enrollment"], "error"),
        (["change_enrollment"], "error"),
        (["add_enrollment", "change_enrollment"], "created"),
    ],
)
def test_a_row_that_enrols_is_an_error_for_staff_who_may_not(
    program: Program, enrolling: list[str], outcome: str
) -> None:
    user = User.objects.create_user("rosa", is_staff=True)
    codenames = ["add_participant", "change_participant", *enrolling]
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    staff = APIClient()
    staff.force_login(user)

    response = batch(
        staff, {"external_id": "ana", "program_id": str(program.id)}, {"external_id": "bea"}
    )

    enrolled = outcome == "created"
    rows = response.json()["results"]
    assert [row["status"] for row in rows] == [outcome, "created"]
    assert enrolled or rows[0]["error"] == {
        "code": "forbidden",
        "message": "A program_id adds or changes an enrollment; you need both permissions.",
    }
    assert Participant.objects.filter(external_id="ana").exists() == enrolled
    assert Enrollment.objects.exists() == enrolled


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"participants": []},
        {"participants": {}},
        {"participants": [{"external_id": str(n)} for n in range(1001)]},
        {"participants": [{"external_id": "a"}], "program_id": "x"},
    ],
)
def test_a_batch_has_one_to_a_thousand_rows(api: APIClient, body: Any) -> None:
    response = api.post("/v1/participants/batch", body, format="json")

    assert response.status_code == 400
    assert not Participant.objects.exists()


def test_a_thousand_rows_are_one_statement(api: APIClient, queries: list[str]) -> None:
    people = [{"external_id": f"p{n}", "tags": [f"t{n}"]} for n in range(1000)]
    batch(api, {"external_id": "warm"})
    queries.clear()

    created = batch(api, *people)
    updated = batch(api, *people)

    assert len(queries) == 2
    assert {row["status"] for row in created.json()["results"]} == {"created"}
    assert {row["status"] for row in updated.json()["results"]} == {"updated"}
    assert Participant.objects.count() == 1001
    assert StateChange.objects.count() == 2001


def test_no_plan_of_a_batch_outlives_it(api: APIClient) -> None:
    for _ in range(3):
        batch(api, {"external_id": "ana"}, {"external_id": "bea"})

    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        kept = [statement for (statement,) in cursor.fetchall()]
    assert not any("jsonb_to_recordset" in text and "LIMIT 1" not in text for text in kept)
