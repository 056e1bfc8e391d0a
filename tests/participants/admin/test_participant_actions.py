"""What is done with the participants selected in a list."""

import pytest
from django.test import Client

from participants import state
from participants.models import Enrollment, Participant
from programs.models import Program, ProgramStatus
from tests.admin_pages import shown_fields
from tests.conftest import TESTER
from tests.participants.admin.participant_pages import act, later_changes
from tests.staff import told


@pytest.mark.parametrize(
    ("action", "status"), [("suspend", "SUSPENDED"), ("close", "CLOSED"), ("reactivate", "ACTIVE")]
)
def test_an_action_sets_the_status_of_those_selected(
    admin_client: Client, participant: Participant, action: str, status: str
) -> None:
    other = state.change(
        state.Change(status="SUSPENDED"), to="eva", by=TESTER, rights=state.ALL_RIGHTS
    )
    eva = Participant.objects.get(pk=other.participant_id)

    response = act(admin_client, action, participant, eva)

    before = {"ana": "ACTIVE", "eva": "SUSPENDED"}
    changed = [name for name, old in before.items() if old != status]
    same = [name for name, old in before.items() if old == status]
    done = {"suspend": "Suspended", "close": "Closed", "reactivate": "Reactivated"}[action]
    assert set(Participant.objects.values_list("status", flat=True)) == {status}
    assert told(response) == [
        f"{done}: {', '.join(changed)}.",
        *([f"Was so already: {', '.join(same)}."] if same else []),
    ]
    assert len(later_changes(participant)) + len(later_changes(eva)) == len(changed)


@pytest.mark.parametrize("action", ["suspend", "close", "reactivate"])
def test_an_action_asks_first_and_names_what_it_does_to_whom(
    admin_client: Client, participant: Participant, action: str
) -> None:
    asked = {"action": action, "_selected_action": [str(participant.pk)]}

    response = admin_client.post("/admin/participants/participant/", asked)
    fields = shown_fields(response, "confirm_form")

    assert f"<h1>{action.capitalize()} 1 participant</h1>" in response.content.decode()
    assert "<li>ana</li>" in response.content.decode()
    assert later_changes(participant) == []
    assert (
        fields.items()
        >= {
            "confirmed": ["yes"],
            **{k: [v] if isinstance(v, str) else v for k, v in asked.items()},
        }.items()
    )


def test_an_action_never_reaches_beyond_the_selected_rows(
    admin_client: Client, participant: Participant
) -> None:
    state.change(state.Change(), to="eva", by=TESTER, rights=state.ALL_RIGHTS)

    act(admin_client, "close", participant, select_across="1")

    assert Participant.objects.get(external_id="eva").status == "ACTIVE"


def test_the_action_to_enrol_asks_for_the_program_first(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    asked = act(admin_client, "enroll", participant)
    response = act(admin_client, "enroll", participant, program=str(program.pk))

    assert "Enroll participants in a program" in asked.content.decode()
    assert str(participant.pk) in asked.content.decode()
    assert told(response) == ["Enrolled in Club: ana."]
    assert later_changes(participant) == [
        ("enrollment", str(program.pk), "ADD", None, "ACTIVE", "staff:admin")
    ]


def test_enrolling_in_a_program_that_takes_nobody_is_an_error_on_the_form(
    admin_client: Client, participant: Participant
) -> None:
    archived = Program.objects.create(name="Old", status=ProgramStatus.ARCHIVED)

    response = act(admin_client, "enroll", participant, program=str(archived.pk))

    assert response.status_code == 200
    assert "Select a valid choice" in response.content.decode()
    assert not Enrollment.objects.exists()
