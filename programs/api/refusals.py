"""Refusals in the API: REST framework's as ours, and their shape in the OpenAPI document."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from programs.kernel.cleaning import Errors
from programs.kernel.exceptions import FieldError, ValidationFailed

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
            },
            "version": {
                "type": "integer",
                "minimum": 1,
                "description": "With `changed_meanwhile`: the version that is current now.",
            },
            "changes": {
                "type": "array",
                "description": "With `changed_meanwhile`: what at most the 20 newest versions since changed, the newest first.",
                "items": {
                    "type": "object",
                    "required": ["version", "field", "old", "new", "changed_by", "changed_at"],
                    "properties": {
                        "version": _COUNTED,
                        "field": _TEXT,
                        "old": {"description": "Null where there was none."},
                        "new": {},
                        "changed_by": _TEXT,
                        "changed_at": {**_TEXT, "format": "date-time"},
                    },
                },
            },
        },
    }
)
class RefusedFields(serializers.DictField):
    pass


class RefusalSerializer(serializers.Serializer[Any]):
    """What was refused; `DomainError.as_dict` writes it."""

    code = serializers.CharField(help_text="What was refused, for machines.")
    message = serializers.CharField(help_text="What was refused, for people.")
    details = RefusedFields(
        required=False,
        help_text='All refused fields, each with its path ("tags[3]"), a reason for machines and a message for people.',
    )


def validation_failed(refusal: serializers.ValidationError) -> ValidationFailed:
    """Return what a serializer refused as the domain's own error."""
    errors = Errors()
    with suppress(ValidationFailed):  # of very many, of which `errors` holds the first
        for error in _field_errors(refusal.detail):
            errors.add(error.field, error.reason, error.message)
    return ValidationFailed(errors)


def _field_errors(detail: Any, path: str = "") -> Iterator[FieldError]:
    """DRF's nested details as a flat list: {"levels": [{}, {"rank": [..]}]} is about "levels[1].rank"."""
    if isinstance(detail, dict):
        for name, part in detail.items():
            yield from _field_errors(part, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list):
        for index, part in enumerate(detail):
            nested = isinstance(part, dict | list)
            yield from _field_errors(part, f"{path}[{index}]" if nested else path)
    else:
        yield FieldError(path or "body", getattr(detail, "code", "invalid"), str(detail))
