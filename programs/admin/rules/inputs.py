"""Form fields of the page of a rule and of the rows of its actions."""

from typing import Any

from django import forms


class Lines(forms.CharField):
    """Text as it was typed. Line breaks, which a browser sends as CRLF, become LF."""

    def __init__(self, *, rows: int = 1, **kwargs: Any) -> None:
        attrs = {"rows": rows, "cols": 40}
        super().__init__(strip=False, widget=forms.Textarea(attrs), **kwargs)

    def to_python(self, value: Any) -> Any:
        return str(super().to_python(value)).replace("\r\n", "\n").replace("\r", "\n")


class CodeField(Lines):
    """An expression, which the page checks while it is typed."""

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        plain = {"spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}
        return {**super().widget_attrs(widget), **plain, "class": "rule-code"}
