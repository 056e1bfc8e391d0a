from collections.abc import Collection, Iterable, Sequence
from functools import reduce
from operator import or_
from typing import Any, Self

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from programs.kernel import instants
from programs.kernel.database import uuid7
from programs.kernel.exact_json import ExactJSONField
from programs.kernel.exceptions import FieldError
from programs.kernel.instants import ChangedAtField
from programs.models.programs import Program

MAX_CONDITION_LENGTH = 4096
LANGUAGE = 2  # the version of the rule language; 1 was before all numbers were of one kind
# Of what rules write, and participants keep.
MAX_TAG_LENGTH = 255
MAX_COUNTER_KEY_LENGTH = 100
MAX_ATTRIBUTE_KEY_LENGTH = 100
MAX_ATTRIBUTE_VALUE_LENGTH = 1000
MAX_ORDER = 2_147_483_647


class RuleStatus(models.TextChoices):
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    ARCHIVED = "ARCHIVED"


def counted_keys(actions: Iterable[Any]) -> frozenset[str]:
    """The keys of the counters that these actions count, whether they are stored or may still be wrong."""
    counting = (
        each for each in actions if isinstance(each, dict) and each.get("type") == "COUNTER"
    )
    return frozenset(each["key"] for each in counting if isinstance(each.get("key"), str))


class RuleQuerySet(models.QuerySet["Rule"]):
    def current(self) -> Self:
        return self.exclude(status=RuleStatus.ARCHIVED)

    def needing_attention(self, wanted: bool = True) -> Self:
        found = Q(needs_attention=True)
        return self.filter(found) if wanted else self.exclude(found)

    def counting(self, keys: Collection[str]) -> Self:
        """Those with an action that counts one of these counters."""
        parts = [Q(actions__contains=[{"type": "COUNTER", "key": key}]) for key in keys]
        return self.filter(reduce(or_, parts)) if parts else self.none()

    def in_order(self) -> Self:
        """As an event meets them. A suspended rule may have the order of an active one."""
        return self.order_by("order", "id")


class Rule(models.Model):
    """What an event earns: if the condition holds, the actions are carried out, in order.

    `programs.rulebook` writes rules, and keeps a version of each edit.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    program = models.ForeignKey(
        Program, on_delete=models.PROTECT, related_name="rules", db_index=False
    )
    name = models.CharField(
        max_length=255,
        validators=[RegexValidator(r"\S", message="A name needs more than white space.")],
        help_text="What program managers call it; 1 to 255 characters.",
    )
    description = models.CharField(
        max_length=1000, blank=True, default="", help_text="At most 1000 characters."
    )
    condition = models.TextField(
        help_text="When the rule applies: an expression (CEL) that is true or false, at most 4,096 characters."
    )
    actions = ExactJSONField(help_text="What it does then, one after the other.")
    order = models.PositiveIntegerField(
        validators=[MinValueValidator(1)],
        help_text="From 1; rules run in this order, and no two active ones of a program share it.",
    )
    stop_after_match = models.BooleanField(
        default=False, help_text="Whether the rules after it are skipped where it matched."
    )
    active_from = models.DateTimeField(
        null=True, blank=True, help_text="The first moment (UTC) whose events it takes; empty: any."
    )
    active_to = models.DateTimeField(
        null=True, blank=True, help_text="The moment (UTC) from which it takes none; empty: never."
    )
    status = models.CharField(
        max_length=16,
        choices=RuleStatus,
        default=RuleStatus.ACTIVE,
        db_default=RuleStatus.ACTIVE,
        help_text="Only ACTIVE rules run; ARCHIVED ones are hidden.",
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    language = models.PositiveSmallIntegerField(
        default=LANGUAGE,
        db_default=1,
        editable=False,
        help_text="The version of the rule language that it was written in.",
    )
    # A migration that comes with stricter checks sets it to NULL: it is unknown until a worker has checked the rule.
    needs_attention = models.BooleanField(
        null=True,
        editable=False,
        help_text="Whether it would be refused if it were written now. It goes on running as far as it compiles.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = ChangedAtField()

    # What was probably wrong when it was written a moment ago; not stored.
    warnings: Sequence[FieldError] = ()

    objects = RuleQuerySet.as_manager()

    class Meta:
        ordering = ["program", "order", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["program", "order"],
                condition=Q(status=RuleStatus.ACTIVE),
                name="rule_order_is_unique_among_active",
            ),
            models.CheckConstraint(condition=Q(order__gte=1), name="rule_order_is_from_1"),
            models.CheckConstraint(
                condition=Q(status__in=RuleStatus.values), name="rule_status_is_known"
            ),
            models.CheckConstraint(condition=Q(name__regex=r"\S"), name="rule_name_is_not_blank"),
            models.CheckConstraint(
                condition=Q(condition__regex=r"\S"), name="rule_condition_is_not_blank"
            ),
            models.CheckConstraint(
                condition=Q(active_from=None)
                | Q(active_to=None)
                | Q(active_from__lt=F("active_to")),
                name="rule_is_active_from_before_to",
            ),
        ]
        indexes = [
            models.Index(fields=["program", "order", "id"], name="rule_in_order"),
            models.Index(fields=["created_at", "id"], name="rule_by_created_at"),
            models.Index(
                fields=["program"],
                condition=Q(needs_attention=None),
                name="rule_unchecked",
            ),
            GinIndex(OpClass(F("actions"), name="jsonb_path_ops"), name="rule_by_action"),
        ]

    def __str__(self) -> str:
        return self.name

    def snapshot(self) -> dict[str, Any]:
        """The rule as its version keeps it."""
        return {
            "name": self.name,
            "description": self.description,
            "condition": self.condition,
            "actions": self.actions,
            "order": self.order,
            "stop_after_match": self.stop_after_match,
            "active_from": self.active_from and instants.written(self.active_from),
            "active_to": self.active_to and instants.written(self.active_to),
            "status": self.status,
        }


class RuleCounter(models.Model):
    """A counter that rules count, in any program. Its row is locked while a rule that counts it is written."""

    key = models.CharField(primary_key=True, max_length=MAX_COUNTER_KEY_LENGTH, db_collation="C")

    def __str__(self) -> str:
        return self.key


class RuleVersion(models.Model):
    """A rule as it was after one edit. Written once, never changed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    rule = models.ForeignKey(
        Rule, on_delete=models.PROTECT, related_name="versions", db_index=False
    )
    version = models.PositiveIntegerField()
    snapshot = ExactJSONField()
    changed_by = models.CharField(max_length=300)
    changed_at = models.DateTimeField(db_default=Now())
    restored_from = models.PositiveIntegerField(
        null=True, help_text="The version that it restored; null where it was an edit."
    )

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "version"], name="rule_version_is_unique"),
            models.CheckConstraint(
                condition=Q(restored_from__gte=1, restored_from__lt=F("version")),
                name="rule_version_restores_an_older_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} version {self.version}"
