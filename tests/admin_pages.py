"""What a browser would send: the fields of a form as its page shows them."""

from html.parser import HTMLParser
from typing import Any


class FormFields(HTMLParser):
    """The successful controls of the form with this id, in the order of the page."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id = form_id
        self.fields: dict[str, list[str]] = {}
        self._inside = False
        self._select = ""
        self._textarea: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._inside = given.get("id") == self.form_id
        if not self._inside:
            return
        name = given.get("name") or ""
        if tag == "input" and given.get("type") not in ("submit", "button"):
            value = given.get("value") or ""
            if given.get("type") == "text":
                value = value.replace("\r", "").replace(
                    "\n", ""
                )  # as browsers do; hidden inputs keep them
            if given.get("type") != "checkbox" or "checked" in given:
                self._add(name, value)
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in given:
            self._add(self._select, given.get("value") or "")
        elif tag == "textarea":
            self._add(name, "")
            self._textarea = name

    def handle_data(self, data: str) -> None:
        if self._textarea is not None:
            self.fields[self._textarea][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._textarea is not None:
            # A line break right after the tag belongs to the page; a browser sends the others as CRLF.
            text = self.fields[self._textarea].pop().removeprefix("\n")
            self._add(self._textarea, text.replace("\r\n", "\n").replace("\n", "\r\n"))
            self._textarea = None
        elif tag == "form":
            self._inside = False

    def _add(self, name: str, value: str) -> None:
        if name:
            self.fields.setdefault(name, []).append(value)


def shown_fields(response: Any, form_id: str) -> dict[str, list[str]]:
    """The fields of the form, as the page would be sent if nobody touched it."""
    parser = FormFields(form_id)
    parser.feed(response.content.decode())
    return parser.fields
