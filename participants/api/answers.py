"""The answers that are not written by a serializer, described for the OpenAPI document. No call runs any of this."""

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from participants.api.serializer_fields import (
    MAX_BATCH,
    DecimalField,
    TagsField,
    attribute_value,
    attributes,
)
from participants.api.serializers.events import (
    FailureSerializer,
    RuleEvaluationSerializer,
    StoredEventSerializer,
    TierChangeSerializer,
)
from participants.api.serializers.participants import BucketsSerializer, ParticipantRowSerializer
from participants.models import MAX_TAG_LENGTH, Bucket, ParticipantStatus
from programs.api.refusals import RefusalSerializer


class _Row(serializers.Serializer[Any]):
    index = serializers.IntegerField(
        min_value=0, max_value=MAX_BATCH - 1, help_text="The place in the body, counted from 0."
    )


@extend_schema_field(attributes("string", "number", "boolean"))
class StoredAttributesField(serializers.DictField):
    pass


@extend_schema_field(attribute_value("string", "number", "boolean"))
class StoredValueField(serializers.Field[Any, Any, Any, Any]):
    pass


class TierStandingSerializer(serializers.Serializer[Any]):
    level = serializers.CharField(
        help_text="The key of the level that the participant holds; empty at the base."
    )
    rank = serializers.IntegerField(help_text="Its rank; 0 at the base.")


class BalanceSerializer(BucketsSerializer):
    asset_id = serializers.UUIDField()


class ParticipantSerializer(ParticipantRowSerializer):
    """The whole participant."""

    tags = TagsField(help_text="In lower case, in the order in which they were given.")
    attributes = StoredAttributesField(help_text="Numbers are exact, digit for digit.")
    counters = serializers.DictField(child=DecimalField(), help_text="Each counter's value.")
    tiers = serializers.DictField(
        child=TierStandingSerializer(),
        help_text="Where the participant stands on each track of their programs.",
    )
    balances = BalanceSerializer(many=True, help_text="One row for each asset.")
    program_ids = serializers.ListField(
        child=serializers.UUIDField(), help_text="The programs with an ACTIVE enrolment."
    )

    class Meta(ParticipantRowSerializer.Meta):
        fields = [
            *ParticipantRowSerializer.Meta.fields,
            "tags",
            "attributes",
            "counters",
            "tiers",
            "balances",
            "program_ids",
        ]


class UpsertedSerializer(_Row):
    status = serializers.ChoiceField(choices=["created", "updated"])
    participant_id = serializers.UUIDField()


class RefusedSerializer(_Row):
    status = serializers.ChoiceField(choices=["error"])
    error = RefusalSerializer(help_text="`code` may be `duplicate_in_batch`, too.")


class BatchAnswerSerializer(serializers.Serializer[Any]):
    """What became of each row, in the order of the body."""

    total = serializers.IntegerField()
    success_count = serializers.IntegerField()
    error_count = serializers.IntegerField()
    results = PolymorphicProxySerializer(
        component_name="BatchResult",
        serializers=[UpsertedSerializer, RefusedSerializer],
        resource_type_field_name=None,
        many=True,
    )


class AcceptedEventSerializer(_Row):
    status = serializers.ChoiceField(choices=["accepted"])
    event = StoredEventSerializer()


class RefusedEventSerializer(_Row):
    status = serializers.ChoiceField(choices=["error"])
    error = RefusalSerializer()


class EventBatchAnswerSerializer(serializers.Serializer[Any]):
    """What became of each event, in the order of the body."""

    total = serializers.IntegerField()
    success_count = serializers.IntegerField()
    error_count = serializers.IntegerField()
    results = PolymorphicProxySerializer(
        component_name="EventBatchResult",
        serializers=[AcceptedEventSerializer, RefusedEventSerializer],
        resource_type_field_name=None,
        many=True,
    )


class SimulatedStateSerializer(serializers.Serializer[Any]):
    external_id = serializers.CharField()
    status = serializers.ChoiceField(choices=ParticipantStatus.choices)
    tags = TagsField()
    attributes = StoredAttributesField()
    counters = serializers.DictField(child=DecimalField())
    tiers = serializers.DictField(child=TierStandingSerializer())
    balances = serializers.DictField(child=BucketsSerializer(), help_text="By the asset's symbol.")


class SimulationAnswerSerializer(serializers.Serializer[Any]):
    """What would come of it."""

    status = serializers.ChoiceField(choices=["COMPLETED", "FAILED"])
    rule_evaluations = RuleEvaluationSerializer(many=True)
    tier_changes = TierChangeSerializer(many=True)
    failure = FailureSerializer(allow_null=True)
    participant_state = SimulatedStateSerializer(help_text="The participant after it.")


class TagSerializer(serializers.Serializer[Any]):
    tag = serializers.CharField(min_length=1, max_length=MAX_TAG_LENGTH)


class TagListSerializer(serializers.Serializer[Any]):
    data = TagSerializer(many=True)  # type: ignore[assignment]


class AttributeAnswerSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(min_length=1, max_length=100)
    value = StoredValueField()


class AttributeListSerializer(serializers.Serializer[Any]):
    data = AttributeAnswerSerializer(many=True)  # type: ignore[assignment]


class CounterAnswerSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    value = DecimalField(help_text='What it counts now: past its window "0".')
    reset_after = serializers.CharField(
        allow_null=True, help_text='How long a window lasts ("24h"); null for one without an end.'
    )
    last_reset_at = serializers.DateTimeField(help_text="When the window began.")


class CounterListSerializer(serializers.Serializer[Any]):
    data = CounterAnswerSerializer(many=True)  # type: ignore[assignment]


@extend_schema_field({"type": ["array", "object"]})
class BenefitsField(serializers.Field[Any, Any, Any, Any]):
    pass


class TierAnswerSerializer(TierStandingSerializer):
    key = serializers.CharField(help_text="The track's key.")
    program_id = serializers.UUIDField(help_text="The track's program.")
    benefits = BenefitsField(help_text="What the level gives.")
    acquired_at = serializers.DateTimeField(
        allow_null=True, help_text="Since when the participant has the level."
    )
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="Until when, if not for good."
    )


class TierListSerializer(serializers.Serializer[Any]):
    data = TierAnswerSerializer(many=True)  # type: ignore[assignment]


class BalanceListSerializer(serializers.Serializer[Any]):
    data = BalanceSerializer(many=True)  # type: ignore[assignment]


class MovedSerializer(serializers.Serializer[Any]):
    """What a movement did."""

    asset_id = serializers.UUIDField()
    program_id = serializers.UUIDField()
    balance = BucketsSerializer(help_text="Of the asset, after it.")
    journal_entry_id = serializers.UUIDField()


class AdjustmentAnswerSerializer(MovedSerializer):
    amount = DecimalField()
    type = serializers.ChoiceField(choices=["CREDIT", "DEBIT"])
    bucket = serializers.ChoiceField(choices=Bucket.choices)


class TransferAnswerSerializer(MovedSerializer):
    operation = serializers.ChoiceField(choices=["HOLD", "RELEASE", "FORFEIT"])
    amount_processed = DecimalField()
