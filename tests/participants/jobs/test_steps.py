"""Jobs of a made-up kind: run in steps, killed, resumed, cancelled, refused."""

import os
import subprocess
import sys
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone
from psycopg import errors

from config.quickstart.embedded import PROJECT
from participants import jobs
from participants.exceptions import JobFinished, JobNotFound
from participants.jobs import steps
from participants.jobs.kind import Kind, Step
from participants.jobs.kinds import KINDS
from participants.jobs.worker import Worker
from participants.models import Job, JobFilePart, JobStatus
from programs.exceptions import ProgramNotFound
from programs.kernel.database import uuid7
from tests.conftest import TESTER
from tests.participants.events.workers import soon
from tests.participants.jobs.made_up import MADE_UP, PERMISSIONS, PROGRAM, asked


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "made_up", MADE_UP)


def written(job: Job) -> list[int]:
    return list(job.parts.values_list("number", flat=True))


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def step(job: Job) -> Step:
        job.parts.create(name="half", number=1, content=b"")
        raise error

    monkeypatch.setitem(KINDS, "made_up", Kind("made_up", "Made up", PERMISSIONS, step))


def let_time_pass() -> None:
    Job.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.django_db
def test_a_job_goes_on_step_by_step_to_its_report() -> None:
    job = asked(steps=3)

    assert steps.take()
    job.refresh_from_db()
    assert (job.status, job.done, job.total, job.attempts) == (JobStatus.RUNNING, 1, 3, 0)
    Worker().drain()

    job.refresh_from_db()
    assert (job.status, job.done, job.report) == (JobStatus.COMPLETED, 3, {"steps": 3})
    assert job.state is None
    assert job.ended_at is not None
    assert written(job) == [1, 2, 3]
    assert not steps.take()


@pytest.mark.django_db
def test_jobs_take_turns() -> None:
    first, second = asked(steps=5), asked(steps=5)

    for _ in range(4):
        steps.take()

    assert [Job.objects.get(pk=job.pk).done for job in (first, second)] == [2, 2]


@pytest.mark.django_db
def test_a_cancelled_job_takes_no_further_step_and_keeps_what_it_did() -> None:
    job = asked(steps=3)
    steps.take()

    jobs.cancel(job.pk, by=TESTER)

    assert not steps.take()
    job.refresh_from_db()
    assert (job.status, job.cancelled_by) == (JobStatus.CANCELLED, "command:tests")
    assert written(job) == [1]
    with pytest.raises(JobFinished):
        jobs.cancel(job.pk, by=TESTER)
    with pytest.raises(JobNotFound):
        jobs.cancel(uuid7(), by=TESTER)


@pytest.mark.django_db
def test_a_job_of_an_unknown_kind_fails_with_words() -> None:
    job = Job.objects.create(kind="of_tomorrow", title="?", requested_by="command:tests")

    steps.take()

    job.refresh_from_db()
    assert job.failure == "This version of Laurel knows no jobs of kind “of_tomorrow”."


@pytest.mark.django_db
def test_a_right_that_is_withdrawn_stops_the_job() -> None:
    user = User.objects.create_user("sam", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_program"))
    job = jobs.request(MADE_UP, "Counting", {"steps": 9}, by=TESTER, user=user)
    steps.take()

    user.user_permissions.clear()
    steps.take()

    job.refresh_from_db()
    assert (job.status, job.done) == (JobStatus.FAILED, 1)
    assert job.failure == "Stopped: sam no longer has the permission programs.view_program."


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}])
def test_a_user_who_can_no_longer_sign_in_has_no_running_jobs(change: dict[str, bool]) -> None:
    user = User.objects.create_superuser("sam")
    job = jobs.request(MADE_UP, "Counting", {"steps": 9}, by=TESTER, user=user)

    User.objects.update(**change)
    steps.take()

    job.refresh_from_db()
    assert job.failure == "Stopped: whoever asked for it can no longer sign in."


@pytest.mark.django_db(transaction=True)
def test_what_the_domain_refuses_fails_the_job_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    job = asked(steps=3)
    failing(monkeypatch, ProgramNotFound())

    steps.take()

    job.refresh_from_db()
    assert (job.status, job.failure) == (JobStatus.FAILED, ProgramNotFound.message)
    assert written(job) == []


@pytest.mark.django_db(transaction=True)
def test_a_step_that_fails_is_tried_again_later_and_not_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job, other = asked(steps=3), asked(steps=1)
    with monkeypatch.context() as patch:
        failing(patch, ValueError("no such luck"))
        steps.take()
    steps.take()
    assert not steps.take()  # the first waits
    assert Job.objects.get(pk=other.pk).status == JobStatus.COMPLETED
    let_time_pass()
    steps.take()
    job.refresh_from_db()
    assert (job.done, job.attempts) == (1, 0)

    failing(monkeypatch, ValueError("no such luck"))
    for _ in range(steps.MOST_ATTEMPTS):
        let_time_pass()
        steps.take()

    job.refresh_from_db()
    assert job.failure == "A step failed 5 times. ValueError: no such luck"
    assert written(job) == [1]


@pytest.mark.django_db(transaction=True)
def test_an_outage_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    job = asked(steps=1)
    outage = OperationalError()
    outage.__cause__ = errors.AdminShutdown()
    with monkeypatch.context() as patch:
        failing(patch, outage)
        with pytest.raises(OperationalError):
            steps.take()

    let_time_pass()
    Worker().drain()

    job.refresh_from_db()
    assert (job.status, job.failure) == (JobStatus.COMPLETED, "")


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_does_nothing_twice_and_leaves_nothing_half_done() -> None:
    job = asked(steps=8, seconds=0.1)
    name = str(connection.settings_dict["NAME"])
    command = [sys.executable, "-c", PROGRAM, name]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}

    worker = subprocess.Popen(command, cwd=PROJECT, env=environment)
    try:
        assert soon(lambda: Job.objects.get(pk=job.pk).done >= 3, 30)
    finally:
        worker.kill()
        worker.wait()
    reached = Job.objects.get(pk=job.pk).done
    assert reached < 8
    assert written(job) == list(range(1, reached + 1))
    let_time_pass()
    Worker().drain()

    job.refresh_from_db()
    assert (job.status, job.done) == (JobStatus.COMPLETED, 8)
    assert written(job) == list(range(1, 9))


@pytest.mark.django_db(transaction=True)
def test_a_step_that_kills_its_process_ends_the_job_and_holds_up_no_other() -> None:
    job, other = asked(steps=3), asked(steps=1)
    for _ in range(steps.MOST_ATTEMPTS):  # each begins a step and gets no further
        Job.objects.filter(pk=job.pk).update(
            attempts=Job.objects.get(pk=job.pk).attempts + 1, next_attempt_at=timezone.now()
        )
    Worker().drain()

    job.refresh_from_db()
    assert (job.status, job.failure) == (JobStatus.FAILED, steps.KILLED)
    assert Job.objects.get(pk=other.pk).status == JobStatus.COMPLETED


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_share_the_jobs_and_do_each_step_once() -> None:
    several = [asked(steps=5) for _ in range(3)]

    def work() -> None:
        Worker().drain()
        connection.close()

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    def done() -> list[list[int]]:
        Worker().drain()
        return [written(job) for job in several]

    # A step that another worker held for a moment, while looking for its own, is taken two seconds later.
    assert soon(lambda: done() == [[1, 2, 3, 4, 5]] * 3), done()


def made(**values: Any) -> Job:
    return Job.objects.create(kind="made_up", title="x", requested_by="command:tests", **values)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"status": "STUCK", "ended_at": timezone.now()}, "job_status_is_known"),
        ({"status": "COMPLETED"}, "job_has_an_end_where_it_is_finished"),
        ({"ended_at": timezone.now()}, "job_has_an_end_where_it_is_finished"),
        ({"status": "FAILED", "ended_at": timezone.now()}, "job_says_why_it_failed"),
        ({"failure": "No."}, "job_says_why_it_failed"),
    ],
)
def test_the_database_refuses(values: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        made(**values)


@pytest.mark.django_db
def test_the_parts_of_a_file_are_numbered_once_and_bounded() -> None:
    job = made()
    job.parts.create(name="a", number=1, content=b"")
    with pytest.raises(IntegrityError, match="job_file_part_is_unique"), transaction.atomic():
        job.parts.create(name="a", number=1, content=b"")
    with pytest.raises(IntegrityError, match="job_file_part_is_bounded"), transaction.atomic():
        JobFilePart.objects.create(job=job, name="a", number=2, content=bytes(1_000_001))
