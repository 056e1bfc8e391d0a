"""The shapes of participants in the API: forms and documentation for bodies, whose limits `state` checks; and rows."""

from collections.abc import Set as AbstractSet
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from participants.api.serializer_fields import (
    MAX_BATCH,
    AmountField,
    AttributesField,
    AttributeValueField,
    DecimalField,
    TagsField,
    UpsertsField,
)
from participants.ledger import Movement
from participants.ledger.request import (
    MAX_DESCRIPTION_LENGTH,
    MAX_KEY_LENGTH,
    clean_adjustment,
    clean_transfer,
)
from participants.models import (
    PROFILE_FIELDS,
    ActionType,
    Bucket,
    Enrollment,
    EnrollmentStatus,
    JournalEntry,
    Participant,
    ParticipantStatus,
    StateChange,
)
from participants.state.changes import (
    Change,
    clean_attribute,
    clean_change,
    clean_list,
    clean_upsert,
)
from participants.state.counters import CounterChange, clean_counter
from participants.state.tiers import TierChange, clean_tier
from programs.api.strict import InstantField, StrictSerializer
from programs.api.strict import body_of as read_body
from programs.kernel.decimals import written

_CLEARED = "An empty string clears it."
# What a form carries as text and is no text.
_TIME_INPUTS = {"matures_at", "expires_at", "event_timestamp"}
_JSON_INPUTS = {"participants", "tags", "attributes", "allow_negative"}


def body_of(data: Any, json_inputs: AbstractSet[str] = _JSON_INPUTS) -> Any:
    """The body as JSON, also where a form carried it: these inputs hold JSON, and times are in UTC."""
    return read_body(data, json_inputs, _TIME_INPUTS)


class ChangeSerializer(serializers.Serializer[Any]):
    """What can be changed of a participant. What is left out stays as it is."""

    status = serializers.ChoiceField(
        choices=ParticipantStatus.choices, required=False, help_text="ACTIVE for somebody new."
    )
    email = serializers.EmailField(
        required=False, allow_blank=True, max_length=255, help_text=_CLEARED
    )
    phone = serializers.CharField(
        required=False, allow_blank=True, max_length=50, help_text=_CLEARED
    )
    first_name = serializers.CharField(
        required=False, allow_blank=True, max_length=255, help_text=_CLEARED
    )
    last_name = serializers.CharField(
        required=False, allow_blank=True, max_length=255, help_text=_CLEARED
    )
    display_name = serializers.CharField(
        required=False, allow_blank=True, max_length=255, help_text=_CLEARED
    )
    tags = TagsField(
        required=False,
        help_text='Replaces the tags: ["vip", "beta"]. Kept in lower case, each once.',
    )
    attributes = AttributesField(
        required=False, help_text='Merged key by key; a null removes the key: {"plan": "premium"}.'
    )

    def to_internal_value(self, data: Any) -> Change:
        return clean_change(body_of(data))


class UpsertSerializer(ChangeSerializer):
    """The participant to create, or to update where the `external_id` is known."""

    external_id = serializers.RegexField(
        r"\S",
        min_length=1,
        max_length=255,
        help_text="Your application's id for this person, kept as given; not only white space.",
    )
    program_id = serializers.UUIDField(
        required=False, help_text="Enrols in this program, or makes an inactive enrolment active."
    )

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        return {
            name: fields[name] for name in dict.fromkeys(["external_id", "program_id", *fields])
        }

    def to_internal_value(self, data: Any) -> tuple[str, Change]:  # type: ignore[override]
        return clean_upsert(body_of(data))


class BatchSerializer(serializers.Serializer[Any]):
    participants = UpsertsField(
        help_text="1 to 1000 participants, each as in the single upsert; a bad one is an error in its row."
    )

    def to_internal_value(self, data: Any) -> list[Any]:
        return clean_list(body_of(data), "participants", most=MAX_BATCH)


class PartSerializer(serializers.Serializer[Any]):
    """A body that is about one field of a participant."""

    def to_internal_value(self, data: Any) -> Change:
        [name] = self.fields
        return clean_change(body_of(data), only=name)


class StatusSerializer(PartSerializer):
    status = serializers.ChoiceField(choices=ParticipantStatus.choices)


class TagsSerializer(PartSerializer):
    tags = TagsField(help_text='All of the tags from now on: ["vip", "beta"].')


class AttributesSerializer(PartSerializer):
    attributes = AttributesField(
        help_text='Merged key by key; a null removes: {"plan": "premium"}.'
    )


class AttributeSerializer(serializers.Serializer[Any]):
    """The value to set.

    Its key, which the URL names, comes as context["key"].
    """

    value = AttributeValueField(
        help_text="A string of at most 1000 characters, a number, true or false."
    )

    def to_internal_value(self, data: Any) -> Change:
        return clean_attribute(body_of(data, {"value"}), self.context["key"])


class ParticipantRowSerializer(serializers.ModelSerializer[Participant]):
    """A participant in a list."""

    class Meta:
        model = Participant
        fields = ["id", "external_id", "status", *PROFILE_FIELDS, "created_at", "updated_at"]


class EnrollmentSerializer(StrictSerializer, serializers.ModelSerializer[Enrollment]):
    status = serializers.ChoiceField(
        choices=EnrollmentStatus.choices, required=False, default=EnrollmentStatus.ACTIVE
    )

    class Meta:
        model = Enrollment
        fields = ["program_id", "status", "created_at", "updated_at"]
        read_only_fields = ["program_id", "created_at", "updated_at"]


class StateChangeSerializer(serializers.ModelSerializer[StateChange]):
    class Meta:
        model = StateChange
        fields = [
            "id",
            "state_type",
            "key",
            "operation",
            "old_value",
            "new_value",
            "changed_by",
            "event_id",
            "rule_id",
            "program_id",
            "changed_at",
        ]
        extra_kwargs = {
            "old_value": {"help_text": "A JSON value; null where there was none."},
            "new_value": {"help_text": "A JSON value; null where there is none any more."},
            "event_id": {"help_text": "The event that caused it, if one did."},
            "rule_id": {"help_text": "The rule that caused it, if one did."},
            "program_id": {"help_text": "The program that it happened in, if in one."},
        }


class CounterSerializer(serializers.Serializer[Any]):
    value = DecimalField(help_text="What the counter stands at from now on.")
    reset_after = serializers.RegexField(
        r"^((?=.)(\d{1,9}h)?(\d{1,9}m)?(\d{1,9}s)?)?$",
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text='How long a window lasts: "24h", "1h30m". "" for one without an end; left out, it stays as it is.',
    )

    def to_internal_value(self, data: Any) -> CounterChange:
        return clean_counter(body_of(data))


class TierSerializer(serializers.Serializer[Any]):
    level = serializers.CharField(max_length=64, help_text="The key of a level of the track.")
    expires_at = InstantField(
        required=False, allow_null=True, help_text="When the participant is back at the base."
    )

    def to_internal_value(self, data: Any) -> TierChange:
        return clean_tier(body_of(data))


class MovementBodySerializer(serializers.Serializer[Any]):
    """What every call that moves value says."""

    program_id = serializers.UUIDField(help_text="In which program; the participant is enrolled.")
    asset_id = serializers.UUIDField(help_text="Of which asset; it is linked to the program.")
    description = serializers.RegexField(
        r"\S", max_length=MAX_DESCRIPTION_LENGTH, help_text="Why, for people to read."
    )
    idempotency_key = serializers.RegexField(
        r"\S",
        required=False,
        max_length=MAX_KEY_LENGTH,
        help_text="The same call with the same key moves once and answers the same.",
    )


class AdjustmentSerializer(MovementBodySerializer):
    """A credit or a debit."""

    type = serializers.ChoiceField(choices=["CREDIT", "DEBIT"])
    amount = AmountField(help_text="How much, with at most the asset's decimals.")
    bucket = serializers.ChoiceField(
        choices=["AVAILABLE", "HELD"],
        required=False,
        default=Bucket.AVAILABLE,
        help_text="Where to, or where from.",
    )
    matures_at = InstantField(required=False, help_text="For a CREDIT: it is DEFERRED until then.")
    allow_negative = serializers.BooleanField(
        required=False, help_text="For a DEBIT: it may take more than is available."
    )

    def to_internal_value(self, data: Any) -> Movement:
        return clean_adjustment(body_of(data), key=self.context.get("idempotency_key"))


class TransferSerializer(MovementBodySerializer):
    action: ActionType
    amount = AmountField(required=False, help_text="How much; left out, all that there is.")

    def to_internal_value(self, data: Any) -> Movement:
        key = self.context.get("idempotency_key")
        return clean_transfer(body_of(data), self.action, key=key)


class HoldSerializer(TransferSerializer):
    """What to set aside."""

    action = ActionType.HOLD


class ReleaseSerializer(TransferSerializer):
    """What to make available again."""

    action = ActionType.RELEASE


class ForfeitSerializer(TransferSerializer):
    """What to take away for good."""

    action = ActionType.FORFEIT
    bucket = serializers.ChoiceField(
        choices=Bucket.choices, required=False, default=Bucket.AVAILABLE, help_text="Where from."
    )


class PostingSerializer(serializers.Serializer[Any]):
    amount = DecimalField(help_text="Below zero where value leaves.")
    asset_id = serializers.UUIDField()
    bucket = serializers.ChoiceField(
        choices=Bucket.choices,
        allow_null=True,
        help_text="The participant's bucket; null for the system's side.",
    )
    account = serializers.ChoiceField(
        choices=["PARTICIPANT", "ISSUANCE", "REDEMPTION", "BREAKAGE"],
        help_text="Whose side it is: the participant's, or one of the system's accounts.",
    )


class JournalEntrySerializer(serializers.ModelSerializer[JournalEntry]):
    action_type = serializers.ChoiceField(choices=ActionType.choices, read_only=True)
    entry_hash = serializers.SerializerMethodField(
        help_text="SHA-256 over the entry and the one before it, hexadecimal."
    )
    postings = serializers.SerializerMethodField(
        help_text="The two sides of the movement; they sum to zero."
    )

    class Meta:
        model = JournalEntry
        fields = [
            "id",
            "sequence",
            "action_type",
            "description",
            "event_id",
            "rule_id",
            "program_id",
            "participant_id",
            "entry_hash",
            "created_by",
            "created_at",
            "postings",
        ]
        extra_kwargs = {
            "event_id": {"help_text": "The event that caused it, if one did."},
            "rule_id": {"help_text": "The rule that caused it, if one did."},
        }

    def get_entry_hash(self, entry: JournalEntry) -> str:
        return bytes(entry.entry_hash).hex()

    @extend_schema_field(PostingSerializer(many=True))
    def get_postings(self, entry: JournalEntry) -> list[dict[str, Any]]:
        amount = written(entry.amount, entry.asset.scale)
        sides = ((entry.source, f"-{amount}"), (entry.destination, amount))
        return [
            {
                "amount": text,
                "asset_id": entry.asset_id,
                "bucket": account if account in Bucket.values else None,
                "account": "PARTICIPANT" if account in Bucket.values else account,
            }
            for account, text in sides
        ]


class BucketsSerializer(serializers.Serializer[Any]):
    available = DecimalField(help_text="What can be spent.")
    held = DecimalField(help_text="What is set aside.")
    deferred = DecimalField(help_text="What matures later.")


class MovementSerializer(JournalEntrySerializer):
    """A journal entry with the balance of its asset after it."""

    balance = serializers.SerializerMethodField(help_text="Of its asset, after it.")

    class Meta(JournalEntrySerializer.Meta):
        fields = [*JournalEntrySerializer.Meta.fields, "balance"]

    @extend_schema_field(BucketsSerializer)
    def get_balance(self, entry: JournalEntry) -> dict[str, str]:
        scale = entry.asset.scale
        return {
            name: written(getattr(entry, name), scale) for name in ("available", "held", "deferred")
        }
