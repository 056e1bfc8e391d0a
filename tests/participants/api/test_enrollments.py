import pytest
from rest_framework.test import APIClient

from participants.models import Enrollment
from programs.models import Program, ProgramStatus

ANA = "/v1/participants/external:ana"


@pytest.fixture(autouse=True)
def ana(api: APIClient) -> None:
    api.post(
        "/v1/participants",
        {"external_id": "ana", "tags": ["vip", "beta"], "attributes": {"plan": "free", "n": 1}},
    )


def test_an_enrolment_is_made_frozen_and_closed(api: APIClient, program: Program) -> None:
    url = f"{ANA}/enrollments/{program.id}"

    assert api.get(url).status_code == 404
    assert api.delete(url).status_code == 404
    made = api.put(url, {})
    assert made.status_code == 200
    assert made.json() == {
        "program_id": str(program.id),
        "status": "ACTIVE",
        "created_at": made.json()["created_at"],
        "updated_at": made.json()["updated_at"],
    }
    assert api.get(ANA).json()["program_ids"] == [str(program.id)]
    assert api.put(url, {"status": "FROZEN"}).json()["status"] == "FROZEN"
    assert api.get(ANA).json()["program_ids"] == []
    assert api.delete(url).status_code == 204
    assert api.get(url).json()["status"] == "CLOSED"
    assert api.put(url, {"status": "X"}).status_code == 400


@pytest.mark.parametrize("status", [ProgramStatus.ARCHIVED, ProgramStatus.SUSPENDED])
def test_an_enrolment_in_a_program_that_takes_nobody_can_only_end(
    api: APIClient, program: Program, status: str
) -> None:
    url = f"{ANA}/enrollments/{program.id}"
    api.put(url, {})
    other = Program.objects.create(name="Other", status=status)
    Program.objects.update(status=status)

    assert api.put(url, {"status": "ACTIVE"}).status_code == 409
    assert api.put(url, {"status": "FROZEN"}).status_code == 200
    assert api.delete(url).status_code == 204
    assert api.put(f"{ANA}/enrollments/{other.id}", {"status": "CLOSED"}).status_code == 409
    assert Enrollment.objects.count() == 1


def test_enrolling_in_an_unknown_program_is_404(api: APIClient) -> None:
    url = f"{ANA}/enrollments/00000000-0000-7000-8000-000000000000"

    assert api.put(url, {}).status_code == 404
