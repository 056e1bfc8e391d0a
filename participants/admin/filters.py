from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from participants.models import EnrollmentQuerySet, ParticipantQuerySet
from programs.models import Program, ProgramStatus

LISTED_PROGRAMS = 50


class ProgramFilter(admin.SimpleListFilter):
    """Offers the first programs by name; a URL may name any."""

    title = "program"
    parameter_name = "program"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        programs = Program.objects.exclude(status=ProgramStatus.ARCHIVED).order_by("name", "id")[
            :LISTED_PROGRAMS
        ]
        return [(str(program.pk), program.name) for program in programs]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        try:
            return self.of_program(queryset, UUID(value))
        except ValueError as error:
            raise IncorrectLookupParameters from error

    def of_program(self, queryset: Any, program_id: UUID) -> QuerySet[Any]:
        raise NotImplementedError


class EnrolledInFilter(ProgramFilter):
    title = "program (actively enrolled)"

    def of_program(self, queryset: ParticipantQuerySet, program_id: UUID) -> ParticipantQuerySet:
        return queryset.enrolled_in(program_id)


class EnrollmentProgramFilter(ProgramFilter):
    def of_program(self, queryset: EnrollmentQuerySet, program_id: UUID) -> EnrollmentQuerySet:
        return queryset.filter(program=program_id)


class TagFilter(admin.SimpleListFilter):
    """A field to type a tag into: there may be any number of different ones."""

    title = "tag"
    parameter_name = "tag"
    template = "admin/participants/tag_filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("", "")]  # a filter without any is not shown

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        others = changelist.get_filters_params().items()
        yield {
            "value": self.value() or "",
            "others": [(name, value) for name, values in others for value in values],
            "query": changelist.query,
            "without": changelist.get_query_string(remove=[self.parameter_name]),
        }

    def queryset(self, request: HttpRequest, queryset: Any) -> ParticipantQuerySet:
        tag = (self.value() or "").strip()
        people: ParticipantQuerySet = queryset
        return people.tagged(tag) if tag else people
