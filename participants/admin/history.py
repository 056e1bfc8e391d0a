"""The state history, read-only."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html

from participants.admin import outcomes
from participants.admin.lists import ReadOnlyAdmin
from participants.models import Participant, StateChange, StateType
from programs.kernel import exact_json
from programs.models import Program

HAS_PARTICIPANT = "participant__id__exact"


def with_program_names(changes: QuerySet[StateChange]) -> QuerySet[StateChange]:
    """Annotate each row with the name of its program, to which it holds no foreign key."""
    named = Program.objects.filter(pk=OuterRef("program_id")).order_by()
    return changes.annotate(program_name=Subquery(named.values("name")))


@admin.display(description="When")
def when(change: StateChange) -> str:
    return f"{change.changed_at:%Y-%m-%d %H:%M:%S}"


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
    return _written(change.old_value)


@admin.display(description="New value")
def new_value(change: StateChange) -> str:
    return _written(change.new_value)


@admin.display(description="Changed by")
def who(change: StateChange) -> str:
    """Name the rule or person, with a link to the event that caused the change."""
    if change.event_id is None:
        return change.changed_by
    page = outcomes.event_page(change.event_id)
    return format_html('<a href="{}">{}</a>', page, change.changed_by)


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else exact_json.dumps(value).decode()


@admin.register(StateChange)
class StateChangeAdmin(ReadOnlyAdmin[StateChange]):
    list_display = [
        when, "whose", what, "operation", old_value, new_value, who,
    ]  # fmt: skip
    list_display_links = None
    list_select_related = ["participant"]
    lookups: ClassVar[frozenset[str]] = frozenset({HAS_PARTICIPANT})
    sortable_by = ()
    search_fields = ["participant__external_id"]
    search_help_text = "A participant's whole external_id."
    fields = ["changed_at", "participant", "state_type", "key", "operation", "changed_by"]

    def get_list_filter(self, request: HttpRequest) -> Any:
        # One participant's history is short. Finding a rare kind of change in everybody's would read all of it.
        return ["state_type"] if HAS_PARTICIPANT in request.GET else []

    def get_ordering(self, request: HttpRequest) -> Any:
        # By time of one participant, which an index serves; of everybody by the ids, which are in about that order.
        narrowed = HAS_PARTICIPANT in request.GET or request.GET.get(SEARCH_VAR)
        return ["-changed_at", "-id"] if narrowed else ["-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[StateChange]:
        return with_program_names(super().get_queryset(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[StateChange], search_term: str
    ) -> tuple[QuerySet[StateChange], bool]:
        if not search_term:
            return queryset, False
        # Look up the participant's id first, so that its index serves the order too.
        found = Participant.objects.filter(external_id=search_term).values_list("pk", flat=True)
        return queryset.filter(participant=found.first()), False
