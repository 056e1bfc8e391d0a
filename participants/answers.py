"""The answers that are not written by a serializer, described for the OpenAPI document. No call runs any of this."""

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from participants.fields import MAX_BATCH, TagsField, attribute_value, attributes
from participants.models import MAX_TAG_LENGTH
from participants.serializers import ParticipantRowSerializer
from programs.serializers import RefusalSerializer


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


@extend_schema_field({"type": "string", "pattern": r"^-?\d{1,20}(\.\d{1,18})?$"})
class DecimalField(serializers.Field[Any, Any, Any, Any]):
    """A number as a string, exact."""


class TierStandingSerializer(serializers.Serializer[Any]):
    level = serializers.CharField(help_text="The key of the level that the participant holds.")
    rank = serializers.IntegerField(help_text="Its rank; 0 below the first level.")


class BalanceSerializer(serializers.Serializer[Any]):
    asset_id = serializers.UUIDField()
    available = DecimalField(help_text="What can be spent.")
    held = DecimalField(help_text="What is set aside.")
    deferred = DecimalField(help_text="What matures later.")


class ParticipantSerializer(ParticipantRowSerializer):
    """The whole participant."""

    tags = TagsField(help_text="In lower case, in the order in which they were given.")
    attributes = StoredAttributesField(help_text="Numbers are exact, digit for digit.")
    counters = serializers.DictField(child=DecimalField(), help_text="Each counter's value.")
    tiers = serializers.DictField(
        child=TierStandingSerializer(), help_text="The level held on each tier track."
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


class TagSerializer(serializers.Serializer[Any]):
    tag = serializers.CharField(min_length=1, max_length=MAX_TAG_LENGTH)


class TagListSerializer(serializers.Serializer[Any]):
    data = TagSerializer(many=True)  # type: ignore[assignment]


class AttributeAnswerSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(min_length=1, max_length=100)
    value = StoredValueField()


class AttributeListSerializer(serializers.Serializer[Any]):
    data = AttributeAnswerSerializer(many=True)  # type: ignore[assignment]
