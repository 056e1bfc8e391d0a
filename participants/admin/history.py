"""Everybody's state changes, read-only. One participant's are in their timeline."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from participants.admin import outcomes
from participants.admin.lists import ReadOnlyAdmin
from participants.models import Operation, StateChange, StateType
from programs.kernel import exact_json
from programs.models import Program
from programs.reader import moment_tag

HAS_PARTICIPANT = "participant__id__exact"


def with_program_names(changes: QuerySet[StateChange]) -> QuerySet[StateChange]:
    """Annotate each row with the name of its program, to which it holds no foreign key."""
    named = Program.objects.filter(pk=OuterRef("program_id")).order_by()
    return changes.annotate(program_name=Subquery(named.values("name")))


@admin.display(description="When")
def when(change: StateChange) -> SafeString | str:
    return moment_tag(change.changed_at)


@admin.display(description="What")
def what(change: StateChange) -> str:
    """Name what changed: "Attribute plan", "Enrollment Gold", "Tier status in Gold", "Tier status in Gold: pinned", "Tag"."""
    program = getattr(change, "program_name", None)
    key = program if program and change.state_type == StateType.ENROLLMENT else change.key
    where = ""
    if change.state_type == StateType.TIER:
        key, _, part = key.partition(".")
        where = f" in {program}" if program else ""
        where += f": {part.replace('_', ' ')}" if part else ""
    return f"{change.get_state_type_display()} {key}".strip() + where


@admin.display(description="Old value")
def old_value(change: StateChange) -> str:
    return _written(change, change.old_value)


@admin.display(description="New value")
def new_value(change: StateChange) -> str:
    return _written(change, change.new_value)


def in_words(change: StateChange) -> tuple[str, str, str]:
    """What changed, from what and to what; the last two are "" where the first says all."""
    if change.state_type == StateType.TAG and change.key:
        became = "removed" if change.operation == Operation.REMOVE else "added"
        return f"{what(change)} {became}", "", ""
    return what(change), old_value(change), new_value(change)


@admin.display(description="Changed by")
def who(change: StateChange) -> str:
    """Name the rule or person, with a link to the event that caused the change."""
    if change.event_id is None:
        return change.changed_by
    page = outcomes.event_page(change.event_id)
    return format_html('<a href="{}">{}</a>', page, change.changed_by)


def _each(values: dict[str, Any] | list[str]) -> str:
    if isinstance(values, list):
        return ", ".join(values)
    return ", ".join(f"{name} {_plain(value)}" for name, value in values.items())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else exact_json.dumps(value).decode()


def _written(change: StateChange, value: Any) -> str:
    if change.operation == Operation.ADD and not change.key and isinstance(value, dict | list):
        return _each(value)  # what a new participant came with
    if isinstance(value, str):
        is_status = change.state_type in (StateType.STATUS, StateType.ENROLLMENT)
        return value.capitalize() if is_status else value
    return "" if value is None else _plain(value)


@admin.register(StateChange)
class StateChangeAdmin(ReadOnlyAdmin[StateChange]):
    list_display = [
        when, "whose", what, "operation", old_value, new_value, "reason", who,
    ]  # fmt: skip
    list_display_links = None
    list_select_related = ["participant"]
    sortable_by = ()
    ordering = ["-id"]  # in about the order of time, and an index serves it
    fields = [
        "changed_at", "participant", "state_type", "key", "operation", "reason", "changed_by",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[StateChange]:
        return with_program_names(super().get_queryset(request))

    def page_context(self, request: HttpRequest, obj: StateChange) -> dict[str, Any]:
        return {"subtitle": what(obj)}

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # A change never changes, so it has no history.
        page = "admin:participants_statechange_change"
        return HttpResponseRedirect(reverse(page, args=[object_id]))
