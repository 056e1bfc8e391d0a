"""Serializers and fields that refuse what DRF's own would read too generously, from JSON and from forms alike."""

import re
from collections.abc import Mapping, Set
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.utils import html

from programs.kernel import decimals, exact_json, instants
from programs.kernel.exceptions import FieldError, ValidationFailed
from programs.versions import MAX_VERSION

M = TypeVar("M", bound=models.Model)

_DIGITS = (
    rf"(0|[1-9][0-9]{{0,{decimals.INTEGER_DIGITS - 1}}})(\.[0-9]{{1,{decimals.DECIMAL_PLACES}}})?"
)


class TextField(serializers.CharField):
    """A string, kept as it was sent; numbers and booleans are not turned into one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"trim_whitespace": False, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class JSONTextArea(serializers.JSONField):
    """A JSON value, typed into a text area where it comes from a form."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"style": {"base_template": "textarea.html", "rows": 3}, **kwargs})


class WholeNumberField(serializers.IntegerField):
    """A JSON number without a fraction. DRF's own also takes a string of digits."""

    def to_internal_value(self, data: Any) -> int:
        is_form = html.is_html_input(getattr(self.root, "initial_data", None))
        number = data if is_form else decimals.whole(data)
        if number is None:
            self.fail("invalid")
        return super().to_internal_value(number)


class VersionField(WholeNumberField):
    """The version that a change is about; left out, it changes whatever is there."""

    def __init__(self, **kwargs: Any) -> None:
        limits = {"min_value": 1, "max_value": MAX_VERSION}
        words = dict.fromkeys(("min_value", "max_value"), f"Give a number from 1 to {MAX_VERSION}.")
        words["null"] = "Give a whole number."
        text = "The version that you change, from the last answer: 409 `changed_meanwhile` where there is a newer one. Left out, the last change wins."
        super().__init__(
            **{"required": False, "help_text": text, "error_messages": words, **limits, **kwargs}
        )


class InstantField(serializers.DateTimeField):
    """A time of RFC 3339 with its offset, of any year; DRF's own drops the leading zeros of the year 0001."""

    format = None  # so that a refused form comes back with the time as it was filled in

    def to_internal_value(self, data: Any) -> datetime:
        try:
            return instants.read(data)
        except ValueError as error:
            message = 'Give a time such as "2026-01-15T10:30:00Z".'
            raise serializers.ValidationError(message, "invalid") from error

    def to_representation(self, value: datetime) -> str:
        return instants.written(value)


@extend_schema_field({"type": "string", "pattern": rf"^(?!-0(\.0+)?$)-?{_DIGITS}$"})
class DecimalField(serializers.Field[Any, Any, Any, Any]):
    """An exact number, as a string: at most 20 digits before the point and 18 after it."""

    def to_internal_value(self, data: Any) -> Decimal:
        try:
            return decimals.read(data)
        except decimals.NotADecimal as error:
            raise serializers.ValidationError(str(error), error.reason) from error

    def to_representation(self, value: Decimal | str) -> str:
        return value if isinstance(value, str) else decimals.written(value)


@extend_schema_field(
    {"type": "string", "pattern": rf"^(?!0(\.0+)?$){_DIGITS}$", "examples": ["500.00"]}
)
class AmountField(DecimalField):
    """An amount of an asset, above zero; in an answer with the decimals of the asset, which is the row itself."""

    def to_internal_value(self, data: Any) -> Decimal:
        amount = super().to_internal_value(data)
        if amount <= 0:
            raise serializers.ValidationError("Give an amount above zero.", "not_positive")
        return amount

    def get_attribute(self, instance: Any) -> str | None:
        amount = super().get_attribute(instance)
        return None if amount is None else decimals.written(amount, instance.scale)


def form_body(data: Mapping[str, Any]) -> dict[str, str]:
    """Read a form of the browsable API; an input that was left empty counts as left out.

    Raises ValidationFailed for what JSON could not have carried: a file, or a NUL in a string.
    """
    filled = {
        name: value for name, value in data.items() if value and name != "csrfmiddlewaretoken"
    }
    errors = [
        FieldError(name, "invalid", "Give text without NUL characters, and no file.")
        for name, value in filled.items()
        if not isinstance(value, str) or "\0" in value
    ]
    if errors:
        raise ValidationFailed(errors)
    return filled


# As a browser's datetime-local input writes a time, which is meant in UTC.
_LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d", re.ASCII)


def body_of(data: Any, json_inputs: Set[str], time_inputs: Set[str] = frozenset()) -> Any:
    """Return the body as JSON, also where a form carried it, whose inputs of these names hold JSON and times.

    Raises ValidationFailed for an input that should hold JSON and does not.
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
    """Refuses unknown fields by name, and those of `fixed` with the message given there."""

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


class RowSerializer(serializers.ModelSerializer[M]):
    """A row of a model, whose times are written as all times of the API."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: InstantField,
        instants.ChangedAtField: InstantField,
    }


class StrictModelSerializer(StrictSerializer, RowSerializer[Any]):
    """The same for a model's rows, whose strings are TextFields."""

    serializer_field_mapping = {
        **RowSerializer.serializer_field_mapping,
        models.CharField: TextField,
    }


class RowsField(serializers.ListField):
    """A list of objects: an error in the second is about "levels[1]", and its length is checked before its rows."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            raise serializers.ValidationError("Give a list.", "type")
        self.run_validators(data)
        rows: list[Any] = []
        errors: list[Any] = []
        for each in data:
            try:
                rows.append(self.child.run_validation(each))
                errors.append({})
            except serializers.ValidationError as refusal:
                errors.append(refusal.detail)
        if any(errors):
            raise serializers.ValidationError(errors)
        return rows


class ReasonedSerializer(StrictSerializer):
    """The same with the reasons that bodies read without a serializer have, one for each field that is refused.

    `reasons` names those of a field that differ from REASONS.
    """

    REASONS: ClassVar[Mapping[str, str]] = {
        "null": "type",
        "invalid": "type",
        "not_a_list": "type",
        "max_length": "too_long",
        "min_value": "out_of_range",
        "max_value": "out_of_range",
        "invalid_choice": "invalid",
        "pattern": "invalid",
        "null_characters_not_allowed": "invalid",
    }
    reasons: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            refused = serializers.ErrorDetail("Give a JSON object.", "type")
            raise serializers.ValidationError({"body": refused} if self.parent is None else refused)
        try:
            return super().to_internal_value(data)
        except serializers.ValidationError as refusal:
            detail: dict[str, Any] = refusal.detail  # type: ignore[assignment]
            raise serializers.ValidationError(
                {name: self._reasoned(name, part) for name, part in detail.items()}
            ) from refusal

    def _reasoned(self, name: str, detail: Any) -> Any:
        first = detail[0] if isinstance(detail, list) else None
        if not isinstance(first, serializers.ErrorDetail):
            return detail  # of a part, which has given its own reasons
        reasons = {**self.REASONS, **self.reasons.get(name, {})}
        code = str(first.code)
        return serializers.ErrorDetail(first, reasons.get(code, code))
