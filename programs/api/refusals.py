"""The shape of a refusal in the OpenAPI document; `DomainError.as_dict` writes it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

_TEXT = {"type": "string"}
_COUNTED = {"type": "integer", "minimum": 1}
POSITION = {
    "type": "object",
    "description": "Where in an expression the mistake is, and the text that is wrong.",
    "required": ["line", "column", "offending"],
    "properties": {"line": _COUNTED, "column": _COUNTED, "offending": _TEXT},
}


@extend_schema_field(
    {
        "type": "object",
        "required": ["fields"],
        "properties": {
            "fields": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["field", "reason", "message"],
                    "properties": {
                        "field": _TEXT,
                        "reason": _TEXT,
                        "message": _TEXT,
                        "position": POSITION,
                    },
                },
            }
        },
    }
)
class RefusedFields(serializers.DictField):
    pass


class RefusalSerializer(serializers.Serializer[Any]):
    """What was refused."""

    code = serializers.CharField(help_text="What was refused, for machines.")
    message = serializers.CharField(help_text="What was refused, for people.")
    details = RefusedFields(
        required=False,
        help_text='All refused fields, each with its path ("tags[3]"), a reason for machines and a message for people.',
    )
