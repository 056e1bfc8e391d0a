"""Form fields for exact numbers, times and JSON."""

from decimal import Decimal
from typing import Any

import msgspec
from django import forms
from django.core.exceptions import ValidationError

from programs import reader
from programs.kernel import decimals, exact_json


class NumberInput(forms.TextInput):
    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"inputmode": "decimal", "autocomplete": "off", **(attrs or {})})


class NumberField(forms.CharField):
    """An exact number, written as the reader's locale writes numbers; none where it is empty.

    `note` tells how the number was understood where somebody else could read it otherwise.
    """

    widget = NumberInput
    above_zero = False

    def prepare_value(self, value: Any) -> Any:
        return reader.typed(value) if isinstance(value, Decimal) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, Decimal):
            return value
        text = super().to_python(value)
        if not text:
            return None
        try:
            number = decimals.read(reader.plain(text))
        except decimals.NotADecimal as error:
            raise ValidationError(str(error), error.reason) from error
        if self.above_zero and number <= 0:
            raise ValidationError("Give an amount above zero.", "not_positive")
        return number

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(initial) != self.to_python(data))
        except ValidationError:
            return True


class AmountField(NumberField):
    """A positive amount, or none."""

    above_zero = True


def notes(form: forms.Form) -> list[str]:
    """Say how the form's numbers were understood where that is not plain."""
    typed = (
        str(form[name].data or "").strip()
        for name, field in form.fields.items()
        if isinstance(field, NumberField) and name not in form.errors
    )
    return [words for words in map(reader.note, typed) if words]


class MomentField(forms.DateTimeField):
    """A time in the reader's zone, which the label names, in the browser's own input, which needs no script."""

    def __init__(self, *, label: str, **kwargs: Any) -> None:
        shown = "%Y-%m-%dT%H:%M:%S"
        widget = forms.DateTimeInput({"type": "datetime-local", "step": "1"}, format=shown)
        label = reader.in_zone(label)
        super().__init__(**{"required": False, "widget": widget, "label": label, **kwargs})


class JSONText(forms.Textarea):
    def __init__(self) -> None:
        super().__init__({"rows": 8, "cols": 50, "class": "json-text", "spellcheck": "false"})


class JSONTextField(forms.Field):
    """A JSON value in a text area; numbers keep every digit. An empty area means `empty`."""

    widget: Any = JSONText

    def __init__(self, *, empty: Any = None, **kwargs: Any) -> None:
        super().__init__(required=False, initial=empty, **kwargs)
        self.empty = empty

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return value  # as it was typed
        return "" if value is None else written(value)

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str):
            return self.empty if value is None else value
        try:
            return exact_json.loads(value) if value.strip() else self.empty
        except exact_json.InvalidJSON as error:
            raise ValidationError(str(error), "invalid") from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return exact_json.dumps(self.to_python(initial)) != exact_json.dumps(
                self.to_python(data)
            )
        except ValidationError:
            return True


def written(value: Any) -> str:
    """Format JSON for people, one member per line."""
    return msgspec.json.format(exact_json.dumps(value), indent=2).decode()


def in_words(value: Any) -> str:
    """Return a stored value as a history shows it: a text as it is, JSON otherwise."""
    return value if isinstance(value, str) else "" if value is None else written(value)
