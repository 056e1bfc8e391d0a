from django.db import models
from django.db.models import Q

from participants.models.participants import Participant
from programs.kernel.database import uuid7
from programs.kernel.exact_json import ExactJSONField

MAX_REASON_LENGTH = 500


class StateType(models.TextChoices):
    STATUS = "status"
    PROFILE = "profile"
    TAG = "tag"
    ATTRIBUTE = "attribute"
    ENROLLMENT = "enrollment"
    COUNTER = "counter"
    TIER = "tier"


class Operation(models.TextChoices):
    ADD = "ADD"
    CHANGE = "CHANGE"
    REMOVE = "REMOVE"


class StateChange(models.Model):
    """A change of a participant's state: old value, new value, who and when. Written once, never changed.

    A new participant has one row for each kind of state, with all of its values and an empty key; later changes have
    one row for each key. A tier's row says where the participant stands; what else changes of it has rows of its own, with
    keys such as "status.pinned".
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="state_changes", db_index=False
    )
    state_type = models.CharField(max_length=16, choices=StateType)
    key = models.CharField(
        max_length=255,
        blank=True,
        help_text="The tag, attribute, counter, track, profile field or program; empty for a new participant's values.",
    )
    operation = models.CharField(max_length=16, choices=Operation)
    old_value = ExactJSONField(null=True)
    new_value = ExactJSONField(null=True)
    changed_by = models.CharField(
        max_length=300, help_text='Kind and label: "api_key:…", "staff:…", "command:…".'
    )
    # Plain ids without a foreign key: what caused a change can be deleted.
    event_id = models.UUIDField(null=True)
    rule_id = models.UUIDField(null=True)
    program_id = models.UUIDField(null=True)
    reason = models.CharField(
        max_length=MAX_REASON_LENGTH,
        blank=True,
        default="",
        db_default="",
        help_text="Why a member of staff made the change; empty where nobody said.",
    )
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["-changed_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state_type__in=StateType.values), name="state_change_type_is_known"
            ),
            models.CheckConstraint(
                condition=Q(operation__in=Operation.values), name="state_change_operation_is_known"
            ),
        ]
        indexes = [
            # By time first: ids come from the clocks of many processes, and one that is behind would list a later change as
            # an older one.
            models.Index(
                fields=["participant", "changed_at", "id"], name="state_change_by_changed_at"
            ),
            # What no event caused: in a timeline, an event tells the rest.
            models.Index(
                fields=["participant", "changed_at", "id"],
                condition=Q(event_id__isnull=True),
                name="state_change_of_no_event",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.state_type} {self.key}".rstrip()
