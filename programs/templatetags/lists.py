"""The lists of the admin: each cell with the name of its column, which a phone shows beside it, and numbers set as such."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django import template
from django.contrib.admin.views.main import ChangeList
from django.http import QueryDict
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

from programs.admin.saved_views import views_of

register = template.Library()

# Django draws a red cross for no, which is nothing wrong.
_ICON = re.compile(r'<img src="[^"]*icon-(yes|no|unknown)\.svg"[^>]*>')
_WORDS = {"yes": "Yes", "no": "No", "unknown": "-"}


class Column(NamedTuple):
    header: dict[str, Any]
    label: str
    is_number: bool


@register.simple_tag
def columns(cl: ChangeList, headers: Sequence[dict[str, Any]]) -> list[Column]:
    """Return the columns of a list; numbers are those that its page names in `number_columns`."""
    numbers: frozenset[str] = getattr(cl.model_admin, "number_columns", frozenset())
    return [
        Column(
            header,
            label="" if name == "action_checkbox" else capfirst(header["text"]),
            is_number=name in numbers,
        )
        for name, header in zip(cl.list_display, headers, strict=True)
    ]


@register.filter
def labeled(cells: Sequence[SafeString], columns: Sequence[Column]) -> Iterator[SafeString]:
    """Return the cells of a row, which Django has written as HTML, with what their columns say of them."""
    for cell, column in zip(cells, columns, strict=False):
        number = " number" if column.is_number else ""
        label = format_html(' data-label="{}"', column.label) if column.label else ""
        shown = _ICON.sub(lambda icon: _WORDS[icon[1]], cell)
        yield mark_safe(shown.replace('">', f'{number}"{label}>', 1))  # noqa: S308


@register.simple_tag(takes_context=True)
def views_of_list(context: Any, cl: ChangeList) -> dict[str, Any]:
    """What the user saved of this list, and the query string of what they see."""
    query = QueryDict(cl.get_query_string().removeprefix("?"), mutable=True)
    saved = views_of(context["request"].user.get_username(), cl.opts.label_lower)
    text = query.urlencode()
    return {"saved": saved, "query": text, "is_saved": text in {view.query for view in saved}}
