from collections.abc import Mapping
from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.utils import html

from programs.exceptions import FieldError, ValidationFailed
from programs.models import Program, ProgramStatus, UnknownParticipant


class TextField(serializers.CharField):
    """A string and nothing that could be made into one, kept as it was given."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"trim_whitespace": False, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


def form_body(data: Mapping[str, Any]) -> dict[str, str]:
    """What a person filled into a form of the browsable interface; an input left empty says nothing.

    Raises ValidationFailed for what JSON could not have brought: a file, or a NUL in a text.
    """
    filled = {
        name: value for name, value in data.items() if value and name != "csrfmiddlewaretoken"
    }
    errors = [
        FieldError(name, "invalid", "Give a text without NUL, and no file.")
        for name, value in filled.items()
        if not isinstance(value, str) or "\0" in value
    ]
    if errors:
        raise ValidationFailed(errors)
    return filled


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses the fields that it does not know, by name."""

    def to_internal_value(self, data: Any) -> Any:
        if html.is_html_input(data):
            data = form_body(data)
        if isinstance(data, Mapping):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            if unknown := [name for name in data if name not in writable]:
                raise serializers.ValidationError(
                    {
                        name: serializers.ErrorDetail("There is no such field here.", "unknown")
                        for name in unknown
                    }
                )
        return super().to_internal_value(data)


_TEXT = {"type": "string"}


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
                    "properties": {"field": _TEXT, "reason": _TEXT, "message": _TEXT},
                },
            }
        },
    }
)
class RefusedFields(serializers.DictField):
    pass


class RefusalSerializer(serializers.Serializer[Any]):
    """What was refused.

    For the OpenAPI document; it is DomainError.as_dict that writes it.
    """

    code = serializers.CharField(help_text="What was refused, for machines.")
    message = serializers.CharField(help_text="What was refused, for people.")
    details = RefusedFields(
        required=False,
        help_text='All refused fields, each with its path ("tags[3]"), a reason for machines and words for people.',
    )


class ProgramSerializer(StrictSerializer, serializers.ModelSerializer[Program]):
    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: TextField,
    }

    class Meta:
        model = Program
        fields = [
            "id",
            "name",
            "description",
            "on_unknown_participant",
            "status",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["id", "created_at", "updated_at"]
        extra_kwargs = {
            "on_unknown_participant": {"default": UnknownParticipant.CREATE},
            "status": {"default": ProgramStatus.ACTIVE},
        }

    def update(self, instance: Program, validated_data: dict[str, Any]) -> Program:
        # Only what the call names: two calls about two fields must not undo each other.
        for name, value in validated_data.items():
            setattr(instance, name, value)
        instance.save(update_fields=[*validated_data, "updated_at"])
        return instance
