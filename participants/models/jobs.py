from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Length, Now
from django.db.models.lookups import LessThanOrEqual

from programs.kernel.database import uuid7
from programs.kernel.exact_json import ExactJSONField
from programs.models import Program

MOST_BYTES_OF_PART = 1_000_000


class JobStatus(models.TextChoices):
    WAITING = "WAITING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


UNFINISHED = (JobStatus.WAITING, JobStatus.RUNNING)
_IS_UNFINISHED = Q(status__in=UNFINISHED)


class JobQuerySet(models.QuerySet["Job"]):
    def unfinished(self) -> Self:
        return self.filter(_IS_UNFINISHED)

    def due(self) -> Self:
        """Those that may take a step now, first the one that has waited longest for its turn."""
        due = Q(next_attempt_at=None) | Q(next_attempt_at__lte=Now())
        return self.unfinished().filter(due).order_by("stepped_at", "id")


class Job(models.Model):
    """Long work that a worker carries out in steps, each one transaction that also stores where the next goes on.

    `participants.jobs` writes it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=64, db_collation="C")
    title = models.CharField(max_length=300)
    program = models.ForeignKey(
        Program, null=True, on_delete=models.PROTECT, related_name="jobs", db_index=False
    )
    parameters = ExactJSONField(default=dict, help_text="What was asked for.")
    status = models.CharField(
        max_length=16,
        choices=JobStatus,
        default=JobStatus.WAITING,
        db_default=JobStatus.WAITING,
    )
    state = ExactJSONField(null=True, help_text="Where the next step goes on.")
    done = models.PositiveBigIntegerField(default=0, db_default=0)
    total = models.PositiveBigIntegerField(null=True)
    report = ExactJSONField(null=True)
    failure = models.TextField(blank=True, default="", db_default="")
    attempts = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How often the next step has been started."
    )
    next_attempt_at = models.DateTimeField(
        null=True, help_text="When a step that is started and does not end is started again."
    )
    requested_by = models.CharField(
        max_length=300, help_text='Kind and label: "api_key:…", "staff:…", "command:…".'
    )
    # A plain number: users can be deleted, and then their jobs stop.
    user_id = models.BigIntegerField(
        null=True, help_text="The member of staff whose rights it has; empty for a command."
    )
    cancelled_by = models.CharField(max_length=300, blank=True, default="", db_default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    stepped_at = models.DateTimeField(
        db_default=Now(), editable=False, help_text="When its last step was started."
    )
    ended_at = models.DateTimeField(null=True, editable=False)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=JobStatus.values), name="job_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(_IS_UNFINISHED, ended_at=None)
                | (~_IS_UNFINISHED & Q(ended_at__isnull=False)),
                name="job_has_an_end_where_it_is_finished",
            ),
            models.CheckConstraint(
                condition=(Q(status=JobStatus.FAILED) & ~Q(failure=""))
                | (~Q(status=JobStatus.FAILED) & Q(failure="")),
                name="job_says_why_it_failed",
            ),
        ]
        indexes = [
            models.Index(fields=["stepped_at", "id"], condition=_IS_UNFINISHED, name="job_queue"),
            models.Index(fields=["created_at", "id"], name="job_by_created_at"),
            models.Index(
                fields=["ended_at", "id"],
                condition=Q(ended_at__isnull=False),
                name="job_by_ended_at",
            ),
            models.Index(fields=["user_id", "created_at", "id"], name="job_by_user"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_finished(self) -> bool:
        return self.status not in UNFINISHED


class JobFilePart(models.Model):
    """A part of a file that a job made. The parts of one name, in their order, are the file."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="parts", db_index=False)
    name = models.CharField(max_length=100)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        ordering = ["job", "name", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["job", "name", "number"], name="job_file_part_is_unique"
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("content"), MOST_BYTES_OF_PART),
                name="job_file_part_is_bounded",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.number}"
