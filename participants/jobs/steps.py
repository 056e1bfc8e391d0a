"""Steps of jobs: the queue of unfinished jobs, from which any number of processes take their turns.

A step is one transaction, under the lock of its job's row: what it wrote and where the next one goes on are stored
together, or not at all. Its start is noted before, in a transaction of its own: a step that fails, or whose process is
killed, is started again some seconds later, after other jobs have had their turn, and not without end.
"""

import logging
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

from participants.jobs.kind import Kind, Step
from participants.jobs.kinds import KINDS
from participants.models import MOST_BYTES_OF_PART, Job, JobFilePart, JobStatus
from programs.kernel.database import is_transient, retried
from programs.kernel.exceptions import DomainError

logger = logging.getLogger(__name__)

MOST_ATTEMPTS: Final = 5  # of one step; the next ones after 2, 4, 8 and 16 seconds
KILLED = (
    "The process that carried it out ended each time. Look for what ended it, such as its memory."
)


def take() -> bool:
    """Take one step of the job that has waited longest, and return whether one was due.

    Raises only what a later call may not meet, such as an outage of the database.
    """
    job_id = _start()
    if job_id is None:
        return False
    try:
        _carry_out(job_id)
    except DomainError as refusal:
        _fail(job_id, refusal.message)
    except Exception as error:
        if is_transient(error):
            raise
        logger.exception("A step of the job %s failed.", job_id)
        _give_up_if_last(job_id, error)
    return True


@retried
def _start() -> UUID | None:
    """Note that a step starts. Others leave the job alone until it would be started again."""
    with transaction.atomic():
        job = Job.objects.due().select_for_update(skip_locked=True).first()
        if job is None:
            return None
        job.attempts += 1
        if job.attempts > MOST_ATTEMPTS:
            return _end(job, JobStatus.FAILED, KILLED).pk
        job.status, job.stepped_at = JobStatus.RUNNING, Now()
        job.next_attempt_at = Now() + timedelta(seconds=2**job.attempts)
        job.save(update_fields=["status", "attempts", "stepped_at", "next_attempt_at"])
        return job.pk


@retried
def _carry_out(job_id: UUID) -> None:
    with transaction.atomic():
        job = _locked(job_id)
        if job is None:
            return
        kind = KINDS.get(job.kind)
        if kind is None:
            _end(
                job, JobStatus.FAILED, f"This version of Laurel knows no jobs of kind “{job.kind}”."
            )
        elif reason := _withdrawn(job, kind):
            _end(job, JobStatus.FAILED, reason)
        else:
            _store(job, kind.step(job))


def _locked(job_id: UUID) -> Job | None:
    # Whoever has it is at this step, late as it may be.
    unfinished = Job.objects.unfinished().select_for_update(skip_locked=True, of=("self",))
    return unfinished.filter(pk=job_id).first()


def _withdrawn(job: Job, kind: Kind) -> str:
    """Why whoever asked for the job may not have it carried out any longer; an empty text if they may."""
    if job.user_id is None:
        return ""
    user = User.objects.filter(pk=job.user_id, is_active=True, is_staff=True).first()
    if user is None:
        return "Stopped: whoever asked for it can no longer sign in."
    missing = [name for name in kind.permissions if not user.has_perm(name)]
    return f"Stopped: {user} no longer has the permission {missing[0]}." if missing else ""


def _store(job: Job, step: Step) -> None:
    for name, content in step.files.items():
        _append(job, name, content)
    job.done, job.total, job.state, job.report = step.done, step.total, step.state, step.report
    if step.is_last:
        _end(job, JobStatus.COMPLETED)
    job.attempts, job.next_attempt_at = 0, None
    job.save(update_fields=["done", "total", "state", "report", "attempts", "next_attempt_at"])


def _append(job: Job, name: str, content: bytes) -> None:
    last = job.parts.filter(name=name).aggregate(last=Max("number"))["last"] or 0
    pieces = range(0, len(content), MOST_BYTES_OF_PART)
    for number, first in enumerate(pieces, last + 1):
        part = content[first : first + MOST_BYTES_OF_PART]
        JobFilePart.objects.create(job=job, name=name, number=number, content=part)


@retried
def _fail(job_id: UUID, reason: str) -> None:
    with transaction.atomic():
        job = _locked(job_id)
        if job is not None:
            _end(job, JobStatus.FAILED, reason)


@retried
def _give_up_if_last(job_id: UUID, error: Exception) -> None:
    with transaction.atomic():
        job = _locked(job_id)
        if job is not None and job.attempts >= MOST_ATTEMPTS:
            words = f"{type(error).__name__}: {error}".replace("\0", "")
            _end(job, JobStatus.FAILED, f"A step failed {job.attempts} times. {words}"[:2000])


def _end(job: Job, status: JobStatus, failure: str = "") -> Job:
    job.status, job.failure, job.ended_at, job.state = status, failure, Now(), None
    job.save(update_fields=["status", "failure", "ended_at", "state"])
    return job
