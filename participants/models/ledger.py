from datetime import datetime
from typing import Any, NoReturn, Self

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce

from participants.models.participants import Participant
from programs.kernel.database import uuid7
from programs.kernel.decimals import ExactDecimalField
from programs.kernel.exact_json import ExactJSONField
from programs.models import Asset, Program, RuleVersion


class Bucket(models.TextChoices):
    """A part of what a participant holds."""

    AVAILABLE = "AVAILABLE"
    HELD = "HELD"
    DEFERRED = "DEFERRED"


class Account(models.TextChoices):
    """A side of a movement: one of a participant's buckets, or of the system's three accounts."""

    AVAILABLE = "AVAILABLE"
    HELD = "HELD"
    DEFERRED = "DEFERRED"
    ISSUANCE = "ISSUANCE"
    REDEMPTION = "REDEMPTION"
    BREAKAGE = "BREAKAGE"


class ActionType(models.TextChoices):
    CREDIT = "CREDIT"
    DEBIT = "DEBIT"
    HOLD = "HOLD"
    RELEASE = "RELEASE"
    FORFEIT = "FORFEIT"
    MATURE = "MATURE"

    @property
    def source(self) -> Account | None:
        """The account that gives; None for the bucket that the movement names."""
        return _SIDES[self][0]

    @property
    def destination(self) -> Account | None:
        """The account that receives; None for the bucket that the movement names."""
        return _SIDES[self][1]


_SIDES: dict[ActionType, tuple[Account | None, Account | None]] = {
    ActionType.CREDIT: (Account.ISSUANCE, None),
    ActionType.DEBIT: (None, Account.REDEMPTION),
    ActionType.HOLD: (Account.AVAILABLE, Account.HELD),
    ActionType.RELEASE: (Account.HELD, Account.AVAILABLE),
    ActionType.FORFEIT: (None, Account.BREAKAGE),
    ActionType.MATURE: (Account.DEFERRED, Account.AVAILABLE),
}


class Balance(models.Model):
    """What a participant has of an asset. Only participants.ledger writes it, together with a journal entry."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="balances", db_index=False
    )
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="balances")
    available = ExactDecimalField(help_text="What can be spent.")
    held = ExactDecimalField(help_text="What is set aside.")
    deferred = ExactDecimalField(help_text="What matures later.")
    overdrawn = models.BooleanField(
        default=False, help_text="Whether a debit was allowed to take more than was available."
    )

    last_sequence = models.BigIntegerField(
        help_text="The number of the entry that it comes from, so that a lost end of the journal shows."
    )

    class Meta:
        ordering = ["asset"]
        permissions = [("adjust_balance", "Can adjust balances")]
        constraints = [
            models.UniqueConstraint(fields=["participant", "asset"], name="balance_is_unique"),
            models.CheckConstraint(
                condition=Q(available__gte=0) | Q(overdrawn=True),
                name="balance_available_is_not_negative_unless_overdrawn",
            ),
            models.CheckConstraint(
                condition=Q(held__gte=0, deferred__gte=0),
                name="balance_held_and_deferred_are_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.available} available, {self.held} held, {self.deferred} deferred"


# Entries of version 1 store no action, but their two sides tell it. Indexed as it stands: kinds to come are not added here.
_ACTION = Coalesce(
    F("action"),
    Case(
        When(source="ISSUANCE", then=Value("CREDIT")),
        When(destination="REDEMPTION", then=Value("DEBIT")),
        When(destination="BREAKAGE", then=Value("FORFEIT")),
        When(destination="HELD", source="AVAILABLE", then=Value("HOLD")),
        When(destination="AVAILABLE", source="HELD", then=Value("RELEASE")),
        When(destination="AVAILABLE", source="DEFERRED", then=Value("MATURE")),
    ),
)
_EFFECTIVE_AT = Coalesce("effective_at", "created_at")


def _touches(bucket: str) -> Q:
    return Q(source=bucket) | Q(destination=bucket)


class JournalEntryQuerySet(models.QuerySet["JournalEntry"]):
    """Journal entries, which are only ever added, by participants.ledger."""

    def of_action(self, action: str) -> Self:
        return self.alias(any_action=_ACTION).filter(any_action=action)

    def made_by(self, actor: str) -> Self:
        """Those by this actor ("staff:ada", "rule:Welcome v1"). What a rule made is found by the rules of that name."""
        name, _, version = actor.removeprefix("rule:").rpartition(" v")
        if actor.startswith("rule:") and version:
            versions = RuleVersion.objects.filter(snapshot__name=name).order_by()
            rules = set(versions.values_list("rule_id", flat=True))
            return self.filter(rule_id__in=rules, created_by=actor)
        return self.filter(rule_id=None, created_by=actor)

    def touching(self, bucket: str) -> Self:
        return self.filter(_touches(bucket))

    def effective_from(self, moment: datetime) -> Self:
        return self.alias(effective=_EFFECTIVE_AT).filter(effective__gte=moment)

    def effective_before(self, moment: datetime) -> Self:
        return self.alias(effective=_EFFECTIVE_AT).filter(effective__lt=moment)

    def update(self, **kwargs: Any) -> NoReturn:
        raise TypeError("A journal entry is never changed; a correction is another entry.")

    def delete(self) -> NoReturn:
        raise TypeError("A journal entry is never deleted; a correction is another entry.")


class JournalEntry(models.Model):
    """One movement of one asset, from an account to another: it cannot fail to balance.

    The entries of a participant are numbered without a gap, and each has the balances after it and a hash over itself
    and the entry before (participants.ledger.chain).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="journal_entries", db_index=False
    )
    sequence = models.BigIntegerField(help_text="Counts a participant's entries from 1.")
    asset = models.ForeignKey(
        Asset, on_delete=models.PROTECT, related_name="journal_entries", db_index=False
    )
    program = models.ForeignKey(
        Program, on_delete=models.PROTECT, related_name="journal_entries", db_index=False
    )
    source = models.CharField(max_length=16, choices=Account)
    destination = models.CharField(max_length=16, choices=Account)
    amount = ExactDecimalField(help_text="What moved; always positive.")
    available = ExactDecimalField(help_text="Available after it.")
    held = ExactDecimalField(help_text="Held after it.")
    deferred = ExactDecimalField(help_text="Deferred after it.")
    description = models.CharField(max_length=500)
    # Plain ids: what caused a movement is named, and is not held by it.
    event_id = models.UUIDField(null=True)
    rule_id = models.UUIDField(null=True)
    created_by = models.CharField(
        max_length=300, help_text='Kind and label: "api_key:…", "staff:…", "command:…".'
    )
    created_at = models.DateTimeField()
    entry_hash = models.BinaryField(max_length=32)
    idempotency_key = models.CharField(max_length=255, null=True)  # noqa: DJ001 (NULL is no key)
    request = ExactJSONField(
        null=True, help_text="What the call with the idempotency key asked, without defaults."
    )
    # The release before writes entries of version 1, without these two.
    hash_version = models.SmallIntegerField(
        db_default=1, help_text="By which recipe the hash is made (participants.ledger.chain)."
    )
    effective_at = models.DateTimeField(
        null=True, help_text="When it happened; empty for when it was written."
    )
    action = models.CharField(max_length=16, choices=ActionType, null=True)  # noqa: DJ001 (NULL: its sides tell)

    objects = JournalEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "journal entries"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["participant", "sequence"], name="journal_entry_sequence_is_unique"
            ),
            models.UniqueConstraint(
                fields=["participant", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="journal_entry_idempotency_key_is_unique",
            ),
            models.CheckConstraint(
                condition=Q(sequence__gte=1), name="journal_entry_sequence_is_from_1"
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0), name="journal_entry_amount_is_positive"
            ),
            models.CheckConstraint(
                condition=Q(source__in=Account.values, destination__in=Account.values)
                & ~Q(source=F("destination"))
                & (Q(source__in=Bucket.values) | Q(destination__in=Bucket.values)),
                name="journal_entry_moves_between_two_accounts",
            ),
            models.CheckConstraint(
                condition=Q(held__gte=0, deferred__gte=0),
                name="journal_entry_held_and_deferred_are_not_negative",
            ),
            # What version 1 does not hash, it does not store.
            models.CheckConstraint(
                condition=Q(hash_version=1, effective_at=None, action=None)
                | Q(hash_version__gte=2, action__isnull=False),
                name="journal_entry_stores_what_its_version_hashes",
            ),
            models.CheckConstraint(
                condition=Q(action__in=ActionType.values), name="journal_entry_action_is_known"
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="journal_entry_by_created_at"),
            models.Index(fields=["program", "created_at", "id"], name="journal_entry_by_program"),
            models.Index(fields=["asset", "created_at", "id"], name="journal_entry_by_asset"),
            # A rare action, or what happened long before it was written, is found without reading the whole journal.
            models.Index(_ACTION, "created_at", "id", name="journal_entry_by_action"),
            models.Index(_EFFECTIVE_AT, name="journal_entry_by_effective_at"),
            # So are movements of the buckets that few of them touch.
            *(
                models.Index(
                    fields=["created_at", "id"],
                    condition=_touches(bucket),
                    name=f"journal_entry_of_{bucket.lower()}",
                )
                for bucket in (Bucket.HELD, Bucket.DEFERRED)
            ),
            # What no event caused: in a timeline, an event tells the rest.
            models.Index(
                fields=["participant", "sequence"],
                condition=Q(event_id__isnull=True),
                name="journal_entry_of_no_event",
            ),
            # Who made it: a rule, or somebody else.
            models.Index(
                fields=["rule_id", "created_at", "id"],
                condition=Q(rule_id__isnull=False),
                name="journal_entry_by_rule",
            ),
            models.Index(
                fields=["created_by", "created_at", "id"],
                condition=Q(rule_id__isnull=True),
                name="journal_entry_by_author",
            ),
            models.Index(
                fields=["event_id"],
                condition=Q(event_id__isnull=False),
                name="journal_entry_by_event",
            ),
            models.Index(
                fields=["idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="journal_entry_by_key",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action_type} {self.amount}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("A journal entry is never changed; a correction is another entry.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("A journal entry is never deleted; a correction is another entry.")

    @property
    def action_type(self) -> ActionType:
        """The kind of movement; of version 1, which does not store it, as its two sides tell."""
        if self.action is not None:
            return ActionType(self.action)
        sides = (self.source, self.destination)
        return next(
            action
            for action in ActionType
            if (action.source or self.source, action.destination or self.destination) == sides
        )

    @property
    def happened_at(self) -> datetime:
        """`effective_at`, or where it has none of its own `created_at`."""
        return self.effective_at or self.created_at


class Maturity(models.Model):
    """A deferred credit that is to become available. `amount` is what is left of it after forfeits."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="maturities", db_index=False
    )
    entry_id = models.UUIDField(help_text="The journal entry of the credit.")
    asset = models.ForeignKey(
        Asset, on_delete=models.PROTECT, related_name="maturities", db_index=False
    )
    amount = ExactDecimalField()
    matures_at = models.DateTimeField()
    matured_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "maturities"
        ordering = ["matures_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["participant", "entry_id"], name="maturity_is_unique_for_its_entry"
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=0), name="maturity_amount_is_not_negative"
            ),
        ]
        indexes = [
            models.Index(
                fields=["matures_at", "participant"],
                condition=Q(matured_at=None, amount__gt=0),
                name="maturity_waiting",
            ),
            models.Index(
                fields=["participant", "asset"],
                condition=Q(matured_at=None, amount__gt=0),
                name="maturity_of_participant",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} at {self.matures_at}"
