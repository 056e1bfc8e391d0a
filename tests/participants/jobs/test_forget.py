"""Old finished jobs are deleted, a bounded number at a time."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from participants.jobs import forget
from participants.jobs.chores import CHORES
from participants.models import Job, JobFilePart, JobStatus
from tests.participants.jobs.made_up import asked

pytestmark = pytest.mark.django_db


def ended(days: float, status: JobStatus = JobStatus.COMPLETED, parts: int = 0) -> Job:
    job = asked(steps=1)
    job.status, job.ended_at = status, timezone.now() - timedelta(days=days)
    job.failure = "Why." if status == JobStatus.FAILED else ""
    job.save()
    for number in range(parts):
        job.parts.create(name="report.csv", number=number, content=b"x")
    return job


def test_jobs_that_ended_long_ago_go_with_their_files() -> None:
    for status in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED):
        ended(91, status, parts=2)
    kept = [ended(89, parts=1), asked(steps=1)]
    Job.objects.filter(pk=kept[1].pk).update(created_at=timezone.now() - timedelta(days=400))

    assert sum(forget.forget_ended()) == 3

    assert {*Job.objects.all()} == {*kept}
    assert JobFilePart.objects.count() == 1
    assert [*forget.forget_ended()] == []
    assert forget.forget_ended in CHORES


def test_the_setting_says_for_how_long() -> None:
    ended(3)
    with override_settings(JOB_DAYS=4):
        assert sum(forget.forget_ended()) == 0
    with override_settings(JOB_DAYS=2):
        assert sum(forget.forget_ended()) == 1


def test_each_transaction_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forget, "JOBS", 2)
    monkeypatch.setattr(forget, "PARTS", 3)
    for _ in range(5):
        ended(100, parts=2)

    # Of two jobs at a time first the four parts, three and one, then the jobs.
    assert [*forget.forget_ended()] == [0, 0, 2, 0, 0, 2, 0, 1]


def test_they_are_found_by_an_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        old = Job.objects.filter(ended_at__lt=timezone.now()).order_by("ended_at", "id")
        assert "job_by_ended_at" in old[:100].explain()
