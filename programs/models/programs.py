from functools import cache
from uuid import uuid4
from zoneinfo import available_timezones

from django.contrib.postgres.functions import RandomUUID
from django.core.exceptions import ValidationError
from django.core.validators import MinLengthValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from programs.kernel.database import uuid7
from programs.kernel.instants import ChangedAtField

MAX_TIME_ZONE_LENGTH = 64


@cache  # not read when a process starts: it looks through hundreds of files
def time_zones() -> frozenset[str]:
    """Return the IANA names that this machine knows. "Factory" and "localtime" are places nobody is in."""
    return frozenset(available_timezones() - {"Factory", "localtime"})


def known_time_zone(name: str) -> None:
    """Raises ValidationError for a name that is no IANA time zone."""
    if name not in time_zones():
        raise ValidationError('Give an IANA time zone such as "Europe/Berlin" or "UTC".')


class ProgramStatus(models.TextChoices):
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    ARCHIVED = "ARCHIVED"


class UnknownParticipant(models.TextChoices):
    CREATE = "CREATE"
    REJECT = "REJECT"


class ProgramQuerySet(models.QuerySet["Program"]):
    def revised(self) -> None:
        """Mark every process's cached copy of these programs as stale. Call it in the transaction that changes them."""
        self.update(revision=RandomUUID())


class Program(models.Model):
    """A loyalty program, in which participants are enrolled."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(
        max_length=255,
        validators=[
            MinLengthValidator(1),
            RegexValidator(r"\S", message="A name needs more than white space."),
        ],
        help_text="What program managers call it; 1 to 255 characters.",
    )
    description = models.CharField(
        max_length=1000, blank=True, default="", help_text="At most 1000 characters."
    )
    on_unknown_participant = models.CharField(
        max_length=16,
        choices=UnknownParticipant,
        default=UnknownParticipant.CREATE,
        db_default=UnknownParticipant.CREATE,
        help_text="What an event of somebody unknown does: CREATE the participant, or REJECT the event.",
    )
    time_zone = models.CharField(
        max_length=MAX_TIME_ZONE_LENGTH,
        default="UTC",
        db_default="UTC",
        validators=[known_time_zone],
        help_text='The IANA time zone in which its rules count days, weeks and months, such as "Europe/Berlin". Another one applies from now on.',
    )
    status = models.CharField(
        max_length=16,
        choices=ProgramStatus,
        default=ProgramStatus.ACTIVE,
        db_default=ProgramStatus.ACTIVE,
        help_text="SUSPENDED and ARCHIVED programs refuse events and enrollments; ARCHIVED ones are hidden.",
    )
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)
    # Not a number: one from a transaction that was rolled back would be used again, with another meaning.
    revision = models.UUIDField(
        default=uuid4,
        db_default=RandomUUID(),
        editable=False,
        help_text="Another with each change of its rules, tracks, assets and time zone, so that a process knows its copy is old.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = ChangedAtField()

    objects = ProgramQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=ProgramStatus.values), name="program_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(on_unknown_participant__in=UnknownParticipant.values),
                name="program_on_unknown_participant_is_known",
            ),
            models.CheckConstraint(
                condition=Q(name__regex=r"\S"), name="program_name_is_not_blank"
            ),
            models.CheckConstraint(condition=~Q(time_zone=""), name="program_has_a_time_zone"),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="program_by_created_at"),
        ]

    def __str__(self) -> str:
        return self.name


class ProgramChange(models.Model):
    """A change of one field of a program: old value, new value, who and when. Written once and never changed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    program = models.ForeignKey(
        Program, on_delete=models.PROTECT, related_name="changes", db_index=False
    )
    version = models.PositiveIntegerField(
        db_default=0,
        help_text="The version of the program that it is part of; 0 from before programs had versions.",
    )
    field = models.CharField(max_length=64)
    old_value = models.TextField(blank=True)
    new_value = models.TextField(blank=True)
    changed_by = models.CharField(max_length=300)
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-changed_at", "-id"]
        indexes = [
            models.Index(
                fields=["program", "changed_at", "id"], name="program_change_by_changed_at"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.field} of {self.program_id}"
