"""Find: one box on every page of the admin, and what it leads to, each kind by the search and for the eyes of its own list."""

from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst

from participants.models import Event, JournalEntry, Participant
from programs.admin import is_id
from programs.models import Asset, Program, Rule, TierTrack
from programs.reader import moment

KINDS: tuple[type[Model], ...] = (
    Participant,
    Event,
    JournalEntry,
    Program,
    Rule,
    Asset,
    TierTrack,
)
SHOWN = 8  # of each kind; its list has the others
LONGEST = 255


class Hit(NamedTuple):
    name: str
    detail: str
    url: str


class Found(NamedTuple):
    """What was found of one kind."""

    title: str
    hits: list[Hit]
    list_url: str  # where there are more than are shown


def find(site: admin.AdminSite, request: HttpRequest) -> HttpResponse:
    """Answer with what matches `q` or has it as its id, of each kind that the user may see."""
    text = request.GET.get("q", "").replace("\0", "").strip()[:LONGEST]
    found = [each for model in KINDS if text and (each := _found(site, request, model, text))]
    context = {**site.each_context(request), "title": "Find", "q": text, "found": found}
    return TemplateResponse(request, "admin/find.html", context)


def _found(
    site: admin.AdminSite, request: HttpRequest, model: type[Model], text: str
) -> Found | None:
    page: Any = site.get_model_admin(model)
    if not page.has_view_permission(request):
        return None
    meta = model._meta
    address = f"admin:{meta.app_label}_{meta.model_name}"
    rows = _rows(page, request, text)
    if not rows:
        return None
    hits = [
        Hit(str(row), _detail(row), reverse(f"{address}_change", args=[row.pk]))
        for row in rows[:SHOWN]
    ]
    more = f"{reverse(f'{address}_changelist')}?{urlencode({'q': text})}"
    return Found(str(capfirst(meta.verbose_name_plural)), hits, more if len(rows) > SHOWN else "")


def _rows(page: Any, request: HttpRequest, text: str) -> list[Any]:
    rows = page.get_queryset(request)
    if shown := [each.name for each in page.opts.fields if each.name in ("participant", "program")]:
        rows = rows.select_related(*shown)
    if is_id(text) and (row := rows.filter(pk=UUID(text)).first()):
        return [row]
    if page.model is JournalEntry and not is_id(text):
        return []  # its list would take it for a participant, who is found as such
    return list(page.get_search_results(request, rows, text)[0][: SHOWN + 1])


def _detail(row: Any) -> str:
    """What tells it from others of its kind, beside its name."""
    if isinstance(row, Participant):
        return ", ".join(filter(None, [row.display_name, row.email]))
    if isinstance(row, Event):
        return f"{row.participant} in {row.program}, {row.get_status_display().lower()}"
    if isinstance(row, JournalEntry):
        return f"{row.participant}, {moment(row.created_at)}"
    return str(getattr(row, "program", ""))
