"""Enrollments, set by hand."""

from uuid import UUID

from django.db import transaction

from participants.models import Enrollment, EnrollmentStatus
from participants.state import persons
from participants.state.changes import Change
from participants.state.rights import ALL_RIGHTS, Rights
from participants.state.upsert import change
from programs.kernel.actors import Actor
from programs.kernel.database import retried


@retried
def set_enrollment(
    of: str | UUID,
    program_id: UUID,
    status: str,
    *,
    by: Actor,
    rights: Rights = ALL_RIGHTS,
    reason: str = "",
) -> None:
    """Enroll a participant in a program, or change the status of their enrollment.

    Raises ParticipantNotFound, ProgramNotFound, ProgramInactive, and NotAllowed where `rights` lack it.
    """
    requested = Change(program_id=program_id, enrollment_status=EnrollmentStatus(status))
    if rights == ALL_RIGHTS:  # and it makes no difference whether the enrollment exists
        change(requested, to=of, by=by, reason=reason)
        return
    with transaction.atomic():
        # Everybody who writes an enrollment locks its participant, so what exists now still does when we write.
        person, _ = persons.opened(of)
        enrollments = Enrollment.objects.filter(participant=person.id, program=program_id)
        rights.check(exists=enrollments.exists(), what="enrollments")
        change(requested, to=of, by=by, reason=reason)
