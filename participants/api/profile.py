"""What a call may change about a participant: profile, status, tags and attributes."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from participants import state
from participants.models import MAX_ATTRIBUTES, MAX_TAGS, Participant, ParticipantStatus
from participants.state.changes import Change, clean_change
from programs.api.bodies import BodySchema, json_field, validated_body
from programs.api.callers import actor_of
from programs.kernel.cleaning import NOT_BLANK
from programs.kernel.exact_json import MAX_DIGITS
from programs.models.rules import (
    MAX_ATTRIBUTE_KEY_LENGTH,
    MAX_ATTRIBUTE_VALUE_LENGTH,
    MAX_TAG_LENGTH,
)


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


TagsField = json_field(
    {
        "type": "array",
        "maxItems": MAX_TAGS,
        "items": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_TAG_LENGTH,
            "pattern": NOT_BLANK,
        },
    }
)
# In a body, a null removes an attribute.
AttributesField = json_field(_attributes("string", "number", "boolean", "null"))
StoredAttributesField = json_field(_attributes("string", "number", "boolean"))
AttributeValueField = json_field(_attribute_value("string", "number", "boolean"))

_CLEARABLE: dict[str, Any] = {
    "required": False,
    "allow_blank": True,
    "allow_null": True,
    "help_text": "Spaces around it are dropped. An empty string or null clears it.",
}


@extend_schema_field(
    {
        "anyOf": [
            {"type": "string", "format": "idn-email", "maxLength": 255},
            {"type": "string", "pattern": r"^\s*$"},
        ]
    }
)
class AddressField(serializers.CharField):
    """An e-mail address, also one beyond ASCII, which a browser's input for addresses would refuse."""


class ChangeSerializer(BodySchema):
    """What to change. What is left out stays as it is."""

    reader = staticmethod(clean_change)
    status = serializers.ChoiceField(
        choices=ParticipantStatus.choices,
        required=False,
        help_text="A new participant is ACTIVE by default.",
    )
    email = AddressField(max_length=255, **_CLEARABLE)
    phone = serializers.CharField(max_length=50, **_CLEARABLE)
    first_name = serializers.CharField(max_length=255, **_CLEARABLE)
    last_name = serializers.CharField(max_length=255, **_CLEARABLE)
    display_name = serializers.CharField(max_length=255, **_CLEARABLE)
    tags = TagsField(
        required=False,
        help_text='Replaces all tags: ["vip", "beta"]. Stored trimmed and in lower case, without duplicates.',
    )
    attributes = AttributesField(
        required=False,
        help_text='Merged key by key; a null removes the key: {"plan": "premium"}.',
    )


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
        change = validated_body(self)
        return state.change(change, to=participant, by=actor_of(request))
