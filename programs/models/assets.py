from typing import Self
from uuid import UUID

from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now, Upper

from programs.kernel.database import uuid7
from programs.kernel.decimals import DECIMAL_PLACES, ExactDecimalField
from programs.kernel.instants import ChangedAtField
from programs.models.programs import Program


class IssuancePolicy(models.TextChoices):
    UNLIMITED = "UNLIMITED"


class InventoryMode(models.TextChoices):
    SIMPLE = "SIMPLE"


class AssetQuerySet(models.QuerySet["Asset"]):
    def linked_to(self, program_id: UUID) -> Self:
        return self.filter(links__program=program_id)


class Asset(models.Model):
    """Something that programs give out and participants hold: points, miles, cash back."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(
        max_length=255,
        validators=[RegexValidator(r"\S", message="A name needs more than white space.")],
        help_text="What program managers call it; 1 to 255 characters.",
    )
    symbol = models.CharField(
        max_length=16,
        validators=[
            RegexValidator(
                r"\A[A-Za-z0-9]{1,16}\Z",
                message="Give 1 to 16 letters and digits, without accents.",
            )
        ],
        help_text="Its short name, in rules too: 1 to 16 letters and digits, unique whatever their case.",
    )
    scale = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        validators=[MaxValueValidator(DECIMAL_PLACES)],
        help_text="How many decimals its amounts have, 0 to 18; it cannot be changed.",
    )
    issuance_policy = models.CharField(
        max_length=16,
        choices=IssuancePolicy,
        default=IssuancePolicy.UNLIMITED,
        db_default=IssuancePolicy.UNLIMITED,
        help_text="How much of it there can be.",
    )
    inventory_mode = models.CharField(
        max_length=16,
        choices=InventoryMode,
        default=InventoryMode.SIMPLE,
        db_default=InventoryMode.SIMPLE,
        help_text="Whether a balance is one amount, or lots.",
    )
    max_transaction_amount = ExactDecimalField(
        null=True,
        blank=True,
        help_text="The most that one movement may be; empty for no limit.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = ChangedAtField()

    objects = AssetQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            # Rules name participant.balances.POINTS: two symbols that differ only in case would be a trap.
            models.UniqueConstraint(
                Upper("symbol"),
                name="asset_symbol_is_unique",
                violation_error_message="Another asset has this symbol.",
            ),
            models.CheckConstraint(
                condition=Q(symbol__regex=r"^[A-Za-z0-9]{1,16}$"), name="asset_symbol_is_plain"
            ),
            models.CheckConstraint(condition=Q(name__regex=r"\S"), name="asset_name_is_not_blank"),
            models.CheckConstraint(
                condition=Q(scale__gte=0, scale__lte=DECIMAL_PLACES), name="asset_scale_is_0_to_18"
            ),
            models.CheckConstraint(
                condition=Q(max_transaction_amount=None) | Q(max_transaction_amount__gt=0),
                name="asset_max_transaction_amount_is_positive",
            ),
            models.CheckConstraint(
                condition=Q(issuance_policy__in=IssuancePolicy.values),
                name="asset_issuance_policy_is_known",
            ),
            models.CheckConstraint(
                condition=Q(inventory_mode__in=InventoryMode.values),
                name="asset_inventory_mode_is_known",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="asset_by_created_at"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.symbol})"


class AssetLink(models.Model):
    """An asset that a program may give out. Several programs may share one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    program = models.ForeignKey(
        Program, on_delete=models.PROTECT, related_name="asset_links", db_index=False
    )
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="links")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "asset"], name="asset_link_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.asset_id} in {self.program_id}"
