from datetime import timedelta

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import Q

from programs.kernel.database import uuid7
from programs.kernel.exact_json import ExactJSONField
from programs.models import MAX_TIME_ZONE_LENGTH, Program

WINDOWS = (7, 30, 90)  # days; the periods of a report
SLOT = timedelta(minutes=15)  # the day of any part of it is the same, in whatever time zone

# The slot of a moment in SQL; `participants.reports.days` says the same in Python.
SLOT_SQL = "date_bin('15 minutes', {moment}, timestamptz '2000-01-01T00:00Z')"
# The measure of a movement by its two sides; NULL for one within what a participant holds.
MEASURE_SQL = """CASE
    WHEN source = 'ISSUANCE' THEN 'ISSUED'
    WHEN destination = 'REDEMPTION' THEN 'SPENT'
    WHEN destination = 'BREAKAGE' THEN 'FORFEITED'
END"""


class Measure(models.TextChoices):
    """What a figure counts, or sums where it has an asset."""

    EVENTS = "EVENTS", "events processed"
    FAILED_EVENTS = "FAILED_EVENTS", "failed events"
    RULE_ERRORS = "RULE_ERRORS", "events with rule errors"
    ENROLLED = "ENROLLED", "new enrollments"
    MATCHES = "MATCHES", "matches of rules"
    RULE_FAILURES = "RULE_FAILURES", "failures of rules"
    ISSUED = "ISSUED", "issued"
    SPENT = "SPENT", "spent"
    FORFEITED = "FORFEITED", "forfeited"


class _Figure(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, db_default=RandomUUID(), editable=False)
    # Plain ids: a foreign key would be looked up for each row that a transaction adds.
    program_id = models.UUIDField()
    rule_id = models.UUIDField(null=True)
    asset_id = models.UUIDField(null=True)
    measure = models.CharField(max_length=16, choices=Measure)
    value = models.DecimalField(max_digits=60, decimal_places=18)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.value} {self.measure}"


class FigureDelta(_Figure):
    """What one transaction adds to a figure, until the worker folds it: two transactions never wait for one row.

    Those who write journal, events and enrollments add it in the same transaction. Without a rule it is of none.
    """

    slot = models.DateTimeField(
        help_text="The quarter of an hour in which it happened. Its day depends on the program's time zone."
    )

    class Meta:
        ordering = ["program_id", "slot"]
        indexes = [
            models.Index(fields=["program_id", "slot"], name="figure_delta_by_program"),
            models.Index(
                fields=["asset_id"],
                condition=Q(asset_id__isnull=False),
                name="figure_delta_by_asset",
            ),
        ]


class Figure(_Figure):
    """A sum of deltas that were folded: of a rule on a day, of the whole program on a day, or of the program at all times."""

    rule_id = models.UUIDField(null=True, help_text="Empty for the whole program.")
    day = models.DateField(null=True, help_text="Empty for all times.")

    class Meta:
        ordering = ["program_id", "rule_id", "day"]
        constraints = [
            models.UniqueConstraint(
                fields=["program_id", "rule_id", "day", "measure", "asset_id"],
                nulls_distinct=False,
                name="figure_is_unique",
            ),
        ]
        indexes = [
            models.Index(
                fields=["asset_id"],
                condition=Q(asset_id__isnull=False, rule_id__isnull=True, day__isnull=True),
                name="figure_of_asset_at_all_times",
            ),
        ]


class ProgramReport(models.Model):
    """The state of a program's figures, and those which no sum of days gives: they are counted now and then."""

    program = models.OneToOneField(
        Program, on_delete=models.CASCADE, primary_key=True, related_name="report"
    )
    time_zone = models.CharField(
        max_length=MAX_TIME_ZONE_LENGTH,
        blank=True,
        help_text="The zone of the days of its figures; empty where they are to be rebuilt.",
    )
    enrolled = models.BigIntegerField(default=0, help_text="Active enrollments.")
    active = ExactJSONField(
        default=dict, help_text="Participants with an event in the last days, by days."
    )
    levels = ExactJSONField(
        default=dict, help_text="Enrolled participants by tier track and key of the level."
    )
    refreshed_at = models.DateTimeField(null=True)
    refresh_seconds = models.FloatField(default=0.0)

    class Meta:
        ordering = ["program"]

    def __str__(self) -> str:
        return f"Report of {self.program_id}"
