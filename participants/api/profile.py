"""What a call may change about a participant: profile, status, tags and attributes."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from participants import state
from participants.models import (
    MAX_ATTRIBUTE_KEY_LENGTH,
    MAX_ATTRIBUTE_VALUE_LENGTH,
    MAX_ATTRIBUTES,
    MAX_TAG_LENGTH,
    MAX_TAGS,
    Participant,
    ParticipantStatus,
)
from participants.state.changes import Change, clean_change
from programs.api.bodies import BodySchema, validated_body
from programs.api.callers import actor_of
from programs.api.strict import JSONTextArea
from programs.kernel.exact_json import MAX_DIGITS


def _attribute_value(*types: str) -> dict[str, Any]:
    return {
        "type": [*types],
        "maxLength": MAX_ATTRIBUTE_VALUE_LENGTH,
        "exclusiveMinimum": -(10**MAX_DIGITS),
        "exclusiveMaximum": 10**MAX_DIGITS,
    }


def _attributes(*types: str) -> dict[str, Any]:
    return {
        "type": "object",
        "maxProperties": MAX_ATTRIBUTES,
        "propertyNames": {"minLength": 1, "maxLength": MAX_ATTRIBUTE_KEY_LENGTH},
        "additionalProperties": _attribute_value(*types),
    }


@extend_schema_field(
    {
        "type": "array",
        "maxItems": MAX_TAGS,
        "items": {"type": "string", "minLength": 1, "maxLength": MAX_TAG_LENGTH},
    }
)
class TagsField(JSONTextArea):
    pass


@extend_schema_field(_attributes("string", "number", "boolean", "null"))
class AttributesField(JSONTextArea):
    """Attributes in a body, where a null removes one."""


@extend_schema_field(_attributes("string", "number", "boolean"))
class StoredAttributesField(JSONTextArea):
    pass


@extend_schema_field(_attribute_value("string", "number", "boolean"))
class AttributeValueField(JSONTextArea):
    pass


_CLEARS = "An empty string clears it."


class ChangeSerializer(BodySchema):
    """What to change. What is left out stays as it is."""

    status = serializers.ChoiceField(
        choices=ParticipantStatus.choices,
        required=False,
        help_text="A new participant is ACTIVE by default.",
    )
    email = serializers.EmailField(
        required=False, allow_blank=True, max_length=255, help_text=_CLEARS
    )
    phone = serializers.CharField(
        required=False, allow_blank=True, max_length=50, help_text=_CLEARS
    )
    first_name = serializers.CharField(
        required=False, allow_blank=True, max_length=255, help_text=_CLEARS
    )
    last_name = serializers.CharField(
        required=False, allow_blank=True, max_length=255, help_text=_CLEARS
    )
    display_name = serializers.CharField(
        required=False, allow_blank=True, max_length=255, help_text=_CLEARS
    )
    tags = TagsField(
        required=False,
        help_text='Replaces all tags: ["vip", "beta"]. Stored in lower case, without duplicates.',
    )
    attributes = AttributesField(
        required=False,
        help_text='Merged key by key; a null removes the key: {"plan": "premium"}.',
    )

    def read(self, body: Any) -> Change:
        return clean_change(body)


class OneFieldSerializer(BodySchema):
    """A body about one field of a participant, which is required."""

    def read(self, body: Any) -> Change:
        [name] = self.fields
        return clean_change(body, only=name)


class ChangingViewSet(GenericViewSet[Participant]):
    """Calls whose body changes one participant."""

    queryset = Participant.objects.all()

    def change(self, request: Request, participant: str | UUID) -> state.Upserted:
        """Apply the body, read by this view's serializer."""
        return state.change(validated_body(self), to=participant, by=actor_of(request))
