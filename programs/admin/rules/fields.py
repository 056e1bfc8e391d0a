"""The fields that the page of a rule and the rows of its actions are made of."""

from typing import Any

from django import forms


class Lines(forms.CharField):
    """Text as it was typed, but for the line breaks, which a browser sends as CRLF."""

    def __init__(self, *, rows: int = 1, **kwargs: Any) -> None:
        attrs = {"rows": rows, "cols": 40}
        super().__init__(strip=False, widget=forms.Textarea(attrs), **kwargs)

    def to_python(self, value: Any) -> Any:
        return str(super().to_python(value)).replace("\r\n", "\n").replace("\r", "\n")


class CodeField(Lines):
    """A piece of the rule language, which the page checks while it is typed."""

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        plain = {"spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}
        return {**super().widget_attrs(widget), **plain, "class": "rule-code"}
