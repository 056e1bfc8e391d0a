"""Finished jobs are deleted with their files once they are old: what they did stays, what they reported was read."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from participants.models import Job, JobFilePart

JOBS: Final = 100  # at once
PARTS: Final = 20  # of files, each up to a megabyte


def forget_ended() -> Iterator[int]:
    """Delete jobs that ended more than JOB_DAYS days ago; yields how many it was after each transaction."""
    while (deleted := _forget_some()) is not None:
        yield deleted


@transaction.atomic
def _forget_some() -> int | None:
    """Delete some parts of their files or, where no part is left, some jobs. None if there are none."""
    old = Job.objects.filter(ended_at__lt=Now() - timedelta(days=settings.JOB_DAYS))
    locked = old.order_by("ended_at", "id").select_for_update(skip_locked=True)
    jobs: list[UUID] = list(locked.values_list("pk", flat=True)[:JOBS])
    if not jobs:
        return None
    parts = JobFilePart.objects.filter(job__in=jobs).order_by()
    some = list(parts.values_list("pk", flat=True)[:PARTS])
    if some:
        JobFilePart.objects.filter(pk__in=some).delete()
        return 0
    Job.objects.filter(pk__in=jobs).delete()
    return len(jobs)
