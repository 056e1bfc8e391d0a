from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from programs.kernel.database import uuid7


class Scope(models.TextChoices):
    PARTICIPANTS_READ = "participants:read"
    PARTICIPANTS_WRITE = "participants:write"
    BALANCES_WRITE = "balances:write"
    EVENTS_WRITE = "events:write"
    PROGRAMS_READ = "programs:read"
    PROGRAMS_WRITE = "programs:write"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> Self:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()), revoked_at=None)


class ApiKey(models.Model):
    """A key of a client application: what it may do and until when. Only its digest is stored."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=255, help_text="Which application or person holds this key.")
    digest = models.CharField(
        max_length=64, unique=True, editable=False, help_text="SHA-256 of the key, hexadecimal."
    )
    prefix = models.CharField(max_length=8, editable=False, help_text="The key's first characters.")
    suffix = models.CharField(max_length=4, editable=False, help_text="The key's last characters.")
    scopes = ArrayField(
        models.CharField(max_length=32, choices=Scope), help_text="What the key may do."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.CharField(max_length=300, editable=False, help_text="Who issued the key.")
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="When the key stops working (UTC); empty for never."
    )
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="To the minute."
    )
    exposed_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When the key last came over plain HTTP, where others could read it. Rotate it.",
    )

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(digest__regex=r"^[0-9a-f]{64}$"), name="api_key_digest_is_sha256"
            ),
            models.CheckConstraint(
                condition=Q(scopes__contained_by=Scope.values, scopes__len__gt=0),
                name="api_key_scopes_are_known",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="api_key_has_a_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…{self.suffix})"

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and (
            self.expires_at is None or self.expires_at > timezone.now()
        )
