"""Who may see and change participants in the admin."""

from django.test import Client

from participants.models import Enrollment, Participant
from programs.models import Program
from tests.participants.admin.participant_pages import (
    act,
    enrolled,
    overview_of,
    page_of,
    shown,
)
from tests.staff import staff_client

PEOPLE = "/admin/participants/participant/"
HISTORY = "/admin/participants/statechange/"


def test_staff_who_may_only_look_see_everything_and_change_nothing(
    ana: Participant, program: Program
) -> None:
    enrolled(ana, program)
    client = staff_client("view_participant", "view_enrollment", "view_statechange", "view_program")

    page = client.get(page_of(ana))
    overview = client.get(overview_of(ana))
    listed = client.get(PEOPLE)

    text = page.content.decode()
    assert '<span class="tag">vip</span>' in text
    assert "<b>price</b>: 12345678901234567890.1234567890" in text
    assert overview.context["timeline"].lines
    assert overview.context["actions"] == []
    assert "Club" in text
    assert 'name="_save"' not in text
    assert "<textarea" not in text
    assert 'name="action"' not in listed.content.decode()
    assert client.post(page_of(ana), {"status": "CLOSED"}).status_code == 403
    act(client, "close", ana)
    assert Participant.objects.get().status == "ACTIVE"


def test_the_history_is_for_those_who_may_see_it(participant: Participant) -> None:
    client = staff_client("view_participant")

    page = client.get(overview_of(participant))

    assert page.context["timeline"] is None
    assert "Timeline" not in page.content.decode()
    assert client.get(HISTORY).status_code == 403


def test_staff_without_a_permission_for_enrollments_cannot_send_them_along(
    participant: Participant, program: Program
) -> None:
    enrollment = enrolled(participant, program)
    client = staff_client("view_participant", "change_participant", "view_enrollment")
    fields = shown(client, participant) | {
        "first_name": ["Ana"],
        "enrollments-TOTAL_FORMS": ["1"],
        "enrollments-INITIAL_FORMS": ["1"],
        "enrollments-0-id": [str(enrollment.pk)],
        "enrollments-0-participant": [str(participant.pk)],
        "enrollments-0-status": ["CLOSED"],
    }

    client.post(page_of(participant), fields)
    act(client, "enroll", participant, program=str(program.pk))

    assert Participant.objects.get().first_name == "Ana"
    assert Enrollment.objects.get().status == "ACTIVE"


def test_nobody_deletes_a_participant(admin_client: Client, participant: Participant) -> None:
    response = admin_client.post(f"{PEOPLE}{participant.pk}/delete/", {"post": "yes"})

    assert response.status_code == 403
    assert Participant.objects.exists()
