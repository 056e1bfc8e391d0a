"""Asking for a job, and cancelling one."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from participants.exceptions import JobFinished, JobNotFound
from participants.jobs.kind import Kind
from participants.models import Job, JobStatus
from programs.kernel.actors import Actor

MAX_TITLE_LENGTH = 300


def request(
    kind: Kind,
    title: str,
    parameters: dict[str, Any],
    *,
    by: Actor,
    user: User | None,
    program_id: UUID | None = None,
) -> Job:
    """Store a job for the workers to carry out, with the rights of `user`; a command has all rights."""
    return Job.objects.create(
        kind=kind.name,
        title=title[:MAX_TITLE_LENGTH],
        parameters=parameters,
        program_id=program_id,
        requested_by=str(by),
        user_id=user.pk if user else None,
    )


def cancel(job_id: UUID, *, by: Actor) -> Job:
    """End a job after the step that is running, if one is. What its steps have done stays.

    Raises JobNotFound, and JobFinished where it has ended already.
    """
    with transaction.atomic():
        # A step holds the row's lock to its end.
        job = Job.objects.select_for_update().filter(pk=job_id).first()
        if job is None:
            raise JobNotFound
        if job.is_finished:
            raise JobFinished
        job.status, job.cancelled_by, job.ended_at = JobStatus.CANCELLED, str(by), Now()
        job.save(update_fields=["status", "cancelled_by", "ended_at"])
    return job
