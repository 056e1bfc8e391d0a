"""Each constraint of the database, met by a row that the code above it would not have let through."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from participants import state
from participants.models import Enrollment, Participant, StateChange
from programs.models import Program
from tests.conftest import TESTER


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("external_id_is_not_blank", {"external_id": " "}),
        ("status_is_known", {"status": "GONE"}),
        ("tags_are_few", {"tags": ["x"] * 101}),
        ("tags_are_few", {"tags": ["ok", ""]}),
        ("attributes_are_flat", {"attributes": {"a": {}}}),
        ("attributes_are_flat", {"attributes": {"a": []}}),
        ("attributes_are_flat", {"attributes": {"a": [1]}}),
        ("attributes_are_flat", {"attributes": {"a": None}}),
        ("attributes_are_flat", {"attributes": []}),
        ("attributes_are_flat", {"attributes": "text"}),
        ("attributes_are_flat", {"attributes": {str(n): n for n in range(101)}}),
    ],
)
def test_the_database_refuses_a_participant_outside_the_limits(
    participant: Participant, constraint: str, fields: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Participant.objects.update(**fields)


def test_the_database_takes_a_participant_at_the_limits(participant: Participant) -> None:
    Participant.objects.update(
        external_id="é" * 255,
        tags=["x" * 255] * 100,
        attributes={f"{n:0100}": "\n" * 1000 for n in range(100)},
    )


def test_an_external_id_is_unique(participant: Participant) -> None:
    with pytest.raises(IntegrityError, match="external_id_is_unique"), transaction.atomic():
        Participant.objects.create(external_id=participant.external_id)


def test_one_enrolment_in_a_program(participant: Participant, program: Program) -> None:
    Enrollment.objects.create(participant=participant, program=program)

    with pytest.raises(IntegrityError, match="enrollment_is_unique"), transaction.atomic():
        Enrollment.objects.create(participant=participant, program=program)


def test_the_status_of_an_enrolment_is_known(participant: Participant, program: Program) -> None:
    with pytest.raises(IntegrityError, match="enrollment_status_is_known"), transaction.atomic():
        Enrollment.objects.create(participant=participant, program=program, status="GONE")


@pytest.mark.parametrize("fields", [{"state_type": "mood"}, {"operation": "GUESS"}])
def test_a_state_change_is_of_a_known_kind(
    participant: Participant, fields: dict[str, str]
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        StateChange.objects.update(**fields)


def test_history_holds_the_participant_and_the_program(
    participant: Participant, program: Program
) -> None:
    state.change(state.Change(program_id=program.id), to="ana", by=TESTER)

    with pytest.raises(ProtectedError):
        participant.delete()
    with pytest.raises(ProtectedError):
        program.delete()


def test_ids_and_history_sort_by_time(participant: Participant) -> None:
    for n in range(20):
        state.change(state.Change(attributes={"n": n}), to="ana", by=TESTER)

    rows = list(StateChange.objects.filter(key="n").order_by("id"))

    assert [row.new_value for row in rows] == list(range(20))
    assert {row.id.version for row in rows} == {7}
