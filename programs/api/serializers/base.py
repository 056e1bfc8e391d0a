import re
from collections.abc import Mapping, Set
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.utils import html

from programs.kernel import exact_json
from programs.kernel.exceptions import FieldError, ValidationFailed


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


# As a browser's input spells a time; it is in UTC.
_LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d", re.ASCII)


def body_of(data: Any, json_inputs: Set[str], time_inputs: Set[str] = frozenset()) -> Any:
    """The body as JSON, also where a form carried it: its inputs of these names hold JSON, and times.

    Raises ValidationFailed for an input that holds no JSON and should.
    """
    if not html.is_html_input(data):
        return data
    body: dict[str, Any] = {**form_body(data)}
    for name in json_inputs & body.keys():
        try:
            body[name] = exact_json.loads(body[name])
        except exact_json.InvalidJSON as error:
            raise ValidationFailed([FieldError(name, "invalid", str(error))]) from error
    for name in time_inputs & body.keys():
        if _LOCAL_TIME.fullmatch(body[name]):
            body[name] += ":00Z"
    return body


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses the fields that it does not know, by name, and those of `fixed`, with the words that stand there."""

    fixed: ClassVar[Mapping[str, str]] = {}

    def to_internal_value(self, data: Any) -> Any:
        if html.is_html_input(data):
            data = form_body(data)
        if isinstance(data, Mapping):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            if unknown := [name for name in data if name not in writable]:
                raise serializers.ValidationError(
                    {
                        name: serializers.ErrorDetail(self.fixed[name], "read_only")
                        if name in self.fixed
                        else serializers.ErrorDetail("There is no such field here.", "unknown")
                        for name in unknown
                    }
                )
        return super().to_internal_value(data)


_TEXT = {"type": "string"}
_COUNTED = {"type": "integer", "minimum": 1}
POSITION = {
    "type": "object",
    "description": "Where in an expression the mistake is, and the piece that is wrong.",
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
    """What was refused.

    For the OpenAPI document; it is DomainError.as_dict that writes it.
    """

    code = serializers.CharField(help_text="What was refused, for machines.")
    message = serializers.CharField(help_text="What was refused, for people.")
    details = RefusedFields(
        required=False,
        help_text='All refused fields, each with its path ("tags[3]"), a reason for machines and words for people.',
    )
