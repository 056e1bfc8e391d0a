from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from participants.models.participants import Participant
from programs.kernel import periods
from programs.kernel.database import uuid7
from programs.kernel.decimals import ExactDecimalField
from programs.models import MAX_TIME_ZONE_LENGTH, TierTrack
from programs.models.rules import MAX_COUNTER_KEY_LENGTH


class Counter(models.Model):
    """A number that a participant has, such as purchases or spent. It may reset to zero by itself after a while.

    `value` is what was stored last: once its window has ended it counts as zero, and the next change starts from zero.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="counters", db_index=False
    )
    key = models.CharField(max_length=MAX_COUNTER_KEY_LENGTH, db_collation="C")
    value = ExactDecimalField()
    reset_after = models.DurationField(
        null=True, blank=True, help_text="How long a window lasts; empty for one without an end."
    )
    reset = models.CharField(
        max_length=16,
        choices=periods.CHOICES,
        blank=True,
        default="",
        db_default="",
        help_text="The calendar period that is its window; empty for none.",
    )
    time_zone = models.CharField(
        max_length=MAX_TIME_ZONE_LENGTH,
        blank=True,
        default="",
        db_default="",
        help_text="Of the program whose event began the period.",
    )
    last_reset_at = models.DateTimeField(help_text="When the window began.")
    # Stored, so that a change of the zone leaves a period as it is, and SQL need not know calendars.
    period_end = models.DateTimeField(
        null=True, blank=True, help_text="When the calendar period ends; empty for none."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    # When the calendar period of the reading began; `participants.state.counters` sets it.
    period_start: datetime | None = None

    class Meta:
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint(fields=["participant", "key"], name="counter_key_is_unique"),
            models.CheckConstraint(condition=~Q(key=""), name="counter_has_a_key"),
            models.CheckConstraint(
                condition=Q(reset_after=None) | Q(reset_after__gt=timedelta(0)),
                name="counter_reset_after_is_positive",
            ),
            models.CheckConstraint(
                condition=Q(reset="")
                | Q(reset__in=[name for name, _ in periods.CHOICES], reset_after=None),
                name="counter_reset_is_one_period",
            ),
            models.CheckConstraint(
                condition=Q(reset="", time_zone="", period_end=None)
                | (
                    ~Q(reset="")
                    & ~Q(time_zone="")
                    & Q(period_end__isnull=False, period_end__gt=F("last_reset_at"))
                ),
                name="counter_period_has_an_end",
            ),
        ]
        # Whether anybody has a counter. Keys are few, so the index is small, and they never change.
        indexes = [models.Index(fields=["key"], name="counter_by_key")]

    def __str__(self) -> str:
        return f"{self.key} {self.value}"


class TierStanding(models.Model):
    """What a participant holds on a track: the level they have earned, and at most one override of it.

    An override is a loan (`expires_at`), or a pin (`pinned`), which may end too. Where they stand follows from both:
    see `participants.state.standing`. Without a row they stand at the base.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="tier_standings", db_index=False
    )
    track = models.ForeignKey(
        TierTrack, on_delete=models.PROTECT, related_name="standings", db_index=False
    )
    level = models.CharField(
        max_length=64,
        db_collation="C",
        blank=True,
        help_text="The key of the level that is lent or pinned, empty for the base; without an override, of the earned one.",
    )
    acquired_at = models.DateTimeField()
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="When the loan or the pin ends."
    )
    pinned = models.BooleanField(
        default=False, db_default=False, help_text="Whether events leave them on this level."
    )
    # Rows of the version before, which knows no override without an end, have nothing here.
    earned_level = models.CharField(
        max_length=64,
        db_collation="C",
        blank=True,
        default="",
        db_default="",
        help_text="The key of the level that they have earned; empty for none.",
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["participant", "track"], name="tier_standing_is_unique_on_track"
            ),
            # Without an override, no row is the base.
            models.CheckConstraint(
                condition=~Q(level="") | Q(pinned=True) | Q(expires_at__isnull=False),
                name="tier_standing_has_a_level",
            ),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("acquired_at")),
                name="tier_standing_expires_after_it_was_acquired",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(expires_at__isnull=False),
                name="tier_standing_by_expiry",
            ),
            models.Index(fields=["track", "level"], name="tier_standing_by_level"),
        ]

    def __str__(self) -> str:
        return f"{self.level} on {self.track_id}"
