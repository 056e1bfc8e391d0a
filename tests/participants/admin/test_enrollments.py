"""Enrollments in the admin: on the page of their participant and on their own."""

from django.contrib.admin.models import LogEntry
from django.test import Client

from participants import state
from participants.models import Enrollment, Participant
from programs.models import Program, ProgramStatus
from tests.admin_pages import shown_fields
from tests.conftest import TESTER
from tests.participants.admin.participant_pages import enrolled, later_changes, page_of, shown

ENROLLMENTS = "/admin/participants/enrollment/"


def test_an_enrollment_changes_its_status_on_the_page_of_its_participant(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    enrollment = enrolled(participant, program)
    fields = shown(admin_client, participant)

    admin_client.post(page_of(participant), fields | {"enrollments-0-status": ["LOCKED"]})

    enrollment.refresh_from_db()
    assert enrollment.status == "LOCKED"
    assert later_changes(participant) == [
        ("enrollment", str(program.pk), "CHANGE", "ACTIVE", "LOCKED", "staff:admin")
    ]


def test_an_untouched_enrollment_keeps_what_somebody_else_made_of_it(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    enrollment = enrolled(participant, program)
    fields = shown(admin_client, participant)
    closed = state.Change(program_id=program.pk, enrollment_status="CLOSED")
    state.change(closed, to=participant.pk, by=TESTER)

    admin_client.post(page_of(participant), fields | {"first_name": ["Ana"]})

    enrollment.refresh_from_db()
    assert enrollment.status == "CLOSED"


def test_a_refused_enrollment_is_an_error_on_its_row_and_nothing_of_the_page_is_stored(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    suspended = Program.objects.create(name="Old", status=ProgramStatus.SUSPENDED)
    # The choice offers no such program; it was suspended while the page was open.
    fields = shown(admin_client, participant) | {"first_name": ["Ana"]}
    fields |= {"enrollments-TOTAL_FORMS": ["2"]}
    fields |= {"enrollments-0-program": [str(program.pk)], "enrollments-0-status": ["ACTIVE"]}
    fields |= {"enrollments-1-program": [str(suspended.pk)], "enrollments-1-status": ["ACTIVE"]}

    response = admin_client.post(page_of(participant), fields)

    [formset] = response.context["inline_admin_formsets"]
    assert response.status_code == 200
    assert formset.formset.errors == [
        {},
        {"__all__": ["The program is suspended or archived and accepts no enrollments or events."]},
    ]
    assert later_changes(participant) == []
    assert not Enrollment.objects.exists()
    assert not LogEntry.objects.exists()


def test_a_second_row_for_one_program_is_refused(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    enrolled(participant, program)
    fields = shown(admin_client, participant) | {"enrollments-TOTAL_FORMS": ["2"]}
    fields |= {"enrollments-1-program": [str(program.pk)], "enrollments-1-status": ["CLOSED"]}

    response = admin_client.post(page_of(participant), fields)

    [formset] = response.context["inline_admin_formsets"]
    assert formset.formset.errors[1] == {"program": ["This program already has a row."]}


def test_an_enrollment_is_added_changed_and_never_deleted(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    ids = {"participant": str(participant.pk), "program": str(program.pk)}
    added = admin_client.post(f"{ENROLLMENTS}add/", ids | {"status": "ACTIVE"})
    enrollment = Enrollment.objects.get()
    page = f"{ENROLLMENTS}{enrollment.pk}/change/"
    fields = shown_fields(admin_client.get(page), "enrollment_form")

    changed = admin_client.post(page, fields | {"status": ["FROZEN"]})
    again = admin_client.post(f"{ENROLLMENTS}add/", ids | {"status": "CLOSED"})
    deleted = admin_client.post(f"{ENROLLMENTS}{enrollment.pk}/delete/", {"post": "yes"})

    assert (added.status_code, changed.status_code, deleted.status_code) == (302, 302, 403)
    assert again.context["adminform"].form.errors == {
        "program": ["The participant is already enrolled there."]
    }
    assert [row[2:] for row in later_changes(participant)] == [
        ("ADD", None, "ACTIVE", "staff:admin"),
        ("CHANGE", "ACTIVE", "FROZEN", "staff:admin"),
    ]


def test_saving_the_untouched_page_of_an_enrollment_keeps_what_somebody_else_made_of_it(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    page = f"{ENROLLMENTS}{enrolled(participant, program).pk}/change/"
    fields = shown_fields(admin_client.get(page), "enrollment_form")
    closed = state.Change(program_id=program.pk, enrollment_status="CLOSED")
    state.change(closed, to=participant.pk, by=TESTER)

    admin_client.post(page, fields)

    assert Enrollment.objects.get().status == "CLOSED"


def test_enrolling_in_a_suspended_program_is_an_error_on_the_form(
    admin_client: Client, participant: Participant
) -> None:
    suspended = Program.objects.create(name="Old", status=ProgramStatus.SUSPENDED)
    ids = {"participant": str(participant.pk), "program": str(suspended.pk), "status": "ACTIVE"}

    response = admin_client.post(f"{ENROLLMENTS}add/", ids)

    assert response.context["adminform"].form.errors == {
        "__all__": ["The program is suspended or archived and accepts no enrollments or events."]
    }
