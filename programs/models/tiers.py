from typing import Any, Self

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Prefetch, Q
from django.db.models.functions import Now

from programs.kernel.database import uuid7
from programs.kernel.exact_json import ExactJSONField
from programs.kernel.instants import ChangedAtField
from programs.models.programs import Program

MAX_KEY_LENGTH = 64
MAX_LEVELS = 100
MAX_CRITERIA = 20
BASE_IS_NOT_LENT = "The base is not lent. Pin it until then, or leave this out."
KEY = RegexValidator(
    r"\A[a-z][a-z0-9_]*\Z",
    message="Give a small letter, then small letters, digits and underscores.",
)


class TierTrackQuerySet(models.QuerySet["TierTrack"]):
    def current(self) -> Self:
        return self.filter(deleted_at=None)

    def with_levels(self) -> Self:
        """Read their levels too, from the lowest rank up, in one more query."""
        return self.prefetch_related(Prefetch("levels", TierLevel.objects.order_by("rank")))


class TierTrack(models.Model):
    """A ladder of levels in a program: bronze, silver, gold.

    A deleted track keeps its row, which history and standings refer to, but frees its key.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    program = models.ForeignKey(
        Program, on_delete=models.PROTECT, related_name="tier_tracks", db_index=False
    )
    key = models.CharField(
        max_length=64,
        validators=[KEY],
        db_collation="C",
        help_text="Its name in rules and answers, unique in its program; it cannot be changed.",
    )
    display_name = models.CharField(
        max_length=255, blank=True, default="", help_text="What people are shown."
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = ChangedAtField()
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = TierTrackQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["program", "key"],
                condition=Q(deleted_at=None),
                name="tier_track_key_is_unique",
            ),
            models.CheckConstraint(
                condition=Q(key__regex="^[a-z][a-z0-9_]*$"), name="tier_track_key_is_plain"
            ),
        ]

    def __str__(self) -> str:
        return self.display_name or self.key

    def level(self, key: str) -> "TierLevel | None":
        """Return the level with this key, if the track has it."""
        return next((level for level in self.levels.all() if level.key == key), None)

    def snapshot(self) -> dict[str, Any]:
        """Return the track as its version stores it, with levels from the lowest rank up."""
        return {
            "key": self.key,
            "display_name": self.display_name,
            "levels": [level.snapshot() for level in self.levels.all()],
        }


class TierLevel(models.Model):
    """One step of a track. A participant on no level stands at the base: level "" and rank 0."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    track = models.ForeignKey(
        TierTrack, on_delete=models.CASCADE, related_name="levels", db_index=False
    )
    key = models.CharField(max_length=64, validators=[KEY], db_collation="C")
    rank = models.PositiveIntegerField(
        validators=[MinValueValidator(1)], help_text="From 1; a higher one is better."
    )
    display_name = models.CharField(max_length=255, blank=True, default="")
    qualification = ExactJSONField(
        null=True,
        blank=True,
        help_text='What counters must reach: {"mode": "ALL", "criteria": [{"counter": "spent", "operator": ">=", "threshold": "100"}]}.',
    )
    benefits = ExactJSONField(
        default=list,
        blank=True,
        help_text="What the level gives: a list or an object, for the application to read.",
    )

    class Meta:
        ordering = ["track", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["track", "key"], name="tier_level_key_is_unique"),
            # Deferrable, so that two levels can swap ranks in one edit.
            models.UniqueConstraint(
                fields=["track", "rank"],
                name="tier_level_rank_is_unique",
                deferrable=models.Deferrable.DEFERRED,
            ),
            models.CheckConstraint(condition=Q(rank__gte=1), name="tier_level_rank_is_from_1"),
            models.CheckConstraint(
                condition=Q(key__regex="^[a-z][a-z0-9_]*$"), name="tier_level_key_is_plain"
            ),
        ]

    def __str__(self) -> str:
        return self.display_name or self.key

    def snapshot(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "rank": self.rank,
            "display_name": self.display_name,
            "qualification": self.qualification,
            "benefits": self.benefits,
        }


class TierTrackVersion(models.Model):
    """A track as it was after one edit. Written once and never changed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    track = models.ForeignKey(
        TierTrack, on_delete=models.PROTECT, related_name="versions", db_index=False
    )
    version = models.PositiveIntegerField()
    snapshot = ExactJSONField()
    changed_by = models.CharField(max_length=300)
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["track", "version"], name="tier_track_version_is_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.track_id} version {self.version}"
