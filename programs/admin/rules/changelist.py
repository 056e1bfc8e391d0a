"""Filters and addresses of the list of rules, of all programs or of one."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from programs.admin.base import is_id
from programs.models import Program, ProgramStatus, Rule, RuleStatus

OFFERED_PROGRAMS = 50


def list_of(program: Program) -> str:
    """Return the address of the list of the program's rules."""
    return f"{reverse('admin:programs_rule_changelist')}?{urlencode({'program': program.pk})}"


def program_id_named_in(request: HttpRequest) -> UUID | None:
    """Return the id of the program that the address of the page names."""
    text = request.GET.get("program", "")
    return UUID(text) if is_id(text) else None


def programs_named(part: str) -> list[Program]:
    """Return the first programs, by name, whose name contains this; archived ones are left out."""
    current = Program.objects.exclude(status=ProgramStatus.ARCHIVED)
    return list(current.filter(name__icontains=part).order_by("name", "id")[:OFFERED_PROGRAMS])


class RuleProgramFilter(admin.SimpleListFilter):
    """A filter that offers the first programs by name, or those whose name contains what was typed.

    A URL may name any program.
    """

    title = "program"
    parameter_name = "program"
    template = "admin/programs/rule/program_filter.html"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        typed = params.pop("program_name", [""])
        self.typed = typed[-1].strip()
        super().__init__(request, params, model, model_admin)

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter_name, "program_name"]

    def has_output(self) -> bool:
        return True  # the search field, whatever it finds

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(program.pk), program.name) for program in programs_named(self.typed)]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        others = changelist.get_filters_params().items()
        yield {
            "typed": self.typed,
            "others": [
                (name, value)
                for name, values in others
                for value in values
                if name not in self.expected_parameters()
            ],
            "query": changelist.query,
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": "All",
        }
        for value, name in self.lookup_choices:
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": name,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Rule]) -> QuerySet[Rule]:
        value = self.value()
        if value is None:
            return queryset
        if not is_id(value):
            raise IncorrectLookupParameters
        return queryset.filter(program=UUID(value))


class RuleStatusFilter(admin.SimpleListFilter):
    """A filter that hides archived rules unless they are chosen."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*RuleStatus.choices, ("all", "All")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield {**first, "display": "Not archived"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        status = self.value()
        if status is None:
            return queryset.current()
        if status == "all":
            return queryset
        if status not in RuleStatus.values:
            raise IncorrectLookupParameters
        return queryset.filter(status=status)


class AttentionFilter(admin.SimpleListFilter):
    """A filter for the rules that would be refused if they were written now."""

    title = "attention"
    parameter_name = "needs_attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Needs attention")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() is None:
            return queryset
        if self.value() != "yes":
            raise IncorrectLookupParameters
        return queryset.needing_attention()
