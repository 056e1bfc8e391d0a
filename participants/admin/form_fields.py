"""Form fields for tags and attributes. Both work without JavaScript and return exactly what they showed."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.renderers import TemplatesSetting
from django.utils.safestring import SafeString

from participants.state.changes import AttributeValue
from programs import reader
from programs.kernel import exact_json
from programs.kernel.decimals import NotADecimal

BLANK_ROWS = 2
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_CSS = {"all": ["participants/admin.css"]}


def one_line(text: str) -> str:
    """Return the text for a one-line input: as JSON where the input would lose part of it."""
    plain = text == text.strip() and not text.startswith('"') and not _LINE_BREAK.search(text)
    return text if plain else json.dumps(text, ensure_ascii=False)


def from_one_line(line: str) -> str:
    line = line.strip()
    if line.startswith('"'):
        try:
            text = exact_json.loads(line)
        except exact_json.InvalidJSON:
            return line
        return text if isinstance(text, str) else line
    return line


class LineField(forms.CharField):
    """A one-line input. Browsers drop line breaks from it, which does not count as an edit."""

    def to_python(self, value: Any) -> Any:
        return super().to_python(_LINE_BREAK.sub("", value) if isinstance(value, str) else value)


class TagsWidget(forms.Textarea):
    class Media:
        css = _CSS
        js = [forms.Script("participants/tags.js", defer=True)]

    def __init__(self) -> None:
        super().__init__({"class": "vLargeTextField tags-editor", "rows": 4, "spellcheck": "false"})


class TagsField(forms.Field):
    """Tags, one per line."""

    widget = TagsWidget

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(one_line, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        if isinstance(value, list):
            return value
        lines = map(from_one_line, _LINE_BREAK.split(value or ""))
        return list(dict.fromkeys(line for line in lines if line))


@dataclass(frozen=True, slots=True)
class Row:
    """One attribute in the form."""

    key: str = ""
    kind: str = "text"
    value: str = ""


KINDS = [("text", "Text"), ("number", "Number"), ("boolean", "True/false")]


class AttributesWidget(forms.Widget):
    """A row of three inputs per attribute. All rows share the input names and are read as three columns."""

    template_name = "admin/participants/widgets/attributes.html"
    use_fieldset = True

    class Media:
        css = _CSS
        js = [forms.Script("participants/attributes.js", defer=True)]

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        rows = list(map(_row, value, value.values())) if isinstance(value, dict) else value or []
        context = super().get_context(name, None, attrs)
        context["widget"] |= {"rows": [*rows, *[Row()] * BLANK_ROWS], "kinds": KINDS}
        return context

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        # The default renderer does not look into the project's templates.
        return super().render(name, value, attrs, TemplatesSetting())

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[Row]:
        columns = [data.getlist(f"{name}-{part}") for part in ("key", "kind", "value")]
        return list(map(Row, *columns))

    def id_for_label(self, id_: str) -> str:
        return ""


class HiddenAttributes(forms.HiddenInput):
    def format_value(self, value: Any) -> str:
        return value if isinstance(value, str) else exact_json.dumps(value or {}).decode()


class AttributesField(forms.Field):
    """Attributes with the types of their values; numbers keep every digit."""

    widget = AttributesWidget
    hidden_widget = HiddenAttributes

    def to_python(self, value: Any) -> dict[str, AttributeValue]:
        if isinstance(value, str):
            return _read(value)
        attributes: dict[str, AttributeValue] = {}
        errors = []
        for row in value or []:
            try:
                key = from_one_line(row.key)
                if not key and row.value:
                    raise ValidationError(f"“{row.value[:50]}” needs a key.")
                if key in attributes:
                    raise ValidationError(f"{key}: This key appears twice.")
                if key:
                    attributes[key] = _value(row, key)
            except ValidationError as error:
                errors.append(error)
        if errors:
            raise ValidationError(errors)
        return attributes

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(merge_between(initial or {}, self.to_python(data)))
        except ValidationError:
            return True


def merge_between(
    had: Mapping[str, AttributeValue], has: Mapping[str, AttributeValue]
) -> dict[str, AttributeValue]:
    """Return what to merge into attributes that the page showed as `had` to turn them into `has`."""
    changed = {
        key: value
        for key, value in has.items()
        if key not in had or _as_posted(had[key]) != _as_posted(value)
    }
    return {**changed, **{key: None for key in had if key not in has}}


def _as_posted(value: AttributeValue) -> bytes:
    # Compared as JSON text, since 1 == True in Python. Browsers normalize the line breaks of a text.
    return exact_json.dumps(_LINE_BREAK.sub("\n", value) if isinstance(value, str) else value)


def _row(key: str, value: AttributeValue) -> Row:
    if isinstance(value, str):
        return Row(one_line(key), "text", value)
    kind = "boolean" if isinstance(value, bool) else "number"
    text = exact_json.dumps(value).decode()
    return Row(one_line(key), kind, reader.typed(text) if kind == "number" else text)


def _value(row: Row, key: str) -> AttributeValue:
    if row.kind == "text":
        if "\0" in row.value:
            raise ValidationError(f"{key}: A text cannot hold NUL.")
        return _LINE_BREAK.sub("\n", row.value)
    if row.kind == "boolean":
        if row.value.strip().lower() not in ("true", "false"):
            raise ValidationError(f"{key}: Enter true or false.")
        return row.value.strip().lower() == "true"
    return _number(row.value, key)


def _number(text: str, key: str) -> int | Decimal:
    try:
        number = exact_json.loads(reader.plain(text.strip()))
    except (exact_json.InvalidJSON, NotADecimal) as error:
        raise ValidationError(_not_a_number(text, key, error)) from error
    if isinstance(number, bool) or not isinstance(number, int | Decimal):
        raise ValidationError(f"{key}: Give a number, such as 12 or 9.50.")
    return number


def _not_a_number(text: str, key: str, error: exact_json.InvalidJSON | NotADecimal) -> str:
    if _NUMBER.fullmatch(text.strip()):
        return f"{key}: {error}"
    if not text.strip():
        return f"{key}: Give a number, or clear the key to remove the attribute."
    hint = f" {error}" if isinstance(error, NotADecimal) else ""
    return f"{key}: “{text[:50]}” is not a number.{hint} Its kind may be Text."


def _read(text: str) -> dict[str, AttributeValue]:
    try:
        attributes = exact_json.loads(text)
    except exact_json.InvalidJSON as error:
        raise ValidationError("Reload the page and try again.") from error
    if not isinstance(attributes, dict):
        raise ValidationError("Reload the page and try again.")
    return attributes
