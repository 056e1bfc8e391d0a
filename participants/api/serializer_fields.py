"""JSON values in bodies: text areas in forms, and limits in the OpenAPI document (`state.changes` holds them)."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from participants.models import (
    MAX_ATTRIBUTE_KEY_LENGTH,
    MAX_ATTRIBUTE_VALUE_LENGTH,
    MAX_ATTRIBUTES,
    MAX_TAG_LENGTH,
    MAX_TAGS,
)
from programs.api.strict import JSONTextArea
from programs.kernel.exact_json import MAX_DIGITS

MAX_BATCH = 1000


def attribute_value(*types: str) -> dict[str, Any]:
    return {
        "type": [*types],
        "maxLength": MAX_ATTRIBUTE_VALUE_LENGTH,
        "exclusiveMinimum": -(10**MAX_DIGITS),
        "exclusiveMaximum": 10**MAX_DIGITS,
    }


def attributes(*types: str) -> dict[str, Any]:
    return {
        "type": "object",
        "maxProperties": MAX_ATTRIBUTES,
        "propertyNames": {"minLength": 1, "maxLength": MAX_ATTRIBUTE_KEY_LENGTH},
        "additionalProperties": attribute_value(*types),
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


@extend_schema_field(attributes("string", "number", "boolean", "null"))
class AttributesField(JSONTextArea):
    pass


@extend_schema_field(attribute_value("string", "number", "boolean"))
class AttributeValueField(JSONTextArea):
    pass


@extend_schema_field(
    {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_BATCH,
        "items": {"$ref": "#/components/schemas/UpsertRequest"},
    }
)
class UpsertsField(JSONTextArea):
    pass


@extend_schema_field(
    {"type": "string", "pattern": r"^(?!-0(\.0+)?$)-?(0|[1-9]\d{0,19})(\.\d{1,18})?$"}
)
class DecimalField(serializers.CharField):
    """A number as a string, exact: at most 20 digits before the point and 18 after it."""


@extend_schema_field({"type": "string", "pattern": r"^(?=.*[1-9])(0|[1-9]\d{0,19})(\.\d{1,18})?$"})
class AmountField(DecimalField):
    """A number above zero."""
