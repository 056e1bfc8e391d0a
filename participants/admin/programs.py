"""The list of programs, with how many participants are enrolled in each."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from participants.models import Enrollment, EnrollmentStatus
from programs.admin.programs import ProgramAdmin
from programs.models import Program


class ProgramChangeList(ChangeList):
    def get_queryset(self, request: HttpRequest, *args: Any) -> QuerySet[Program]:
        # Not in the admin's queryset, which also serves every keystroke in an autocomplete field.
        programs: QuerySet[Program] = super().get_queryset(request, *args)
        numbers = {f"enrolled_{status}": _enrolled(status) for status in EnrollmentStatus.values}
        return programs.annotate(**numbers)


def _enrolled(status: str) -> Coalesce:
    same = Enrollment.objects.filter(program=OuterRef("pk"), status=status).order_by()
    return Coalesce(Subquery(same.values("program").annotate(n=Count("pk")).values("n")), 0)


def _enrolled_column(status: str) -> Callable[[Program], str]:
    @admin.display(description=f"{status.capitalize()} enrollments")
    def column(program: Program) -> str:
        return f"{getattr(program, f'enrolled_{status}'):,}"

    column.__name__ = f"enrolled_{status.lower()}"
    return column


# The app of programs knows no participants; its own page is the same without the counts.
admin.site.unregister(Program)


@admin.register(Program)
class CountingProgramAdmin(ProgramAdmin):
    list_display = [*ProgramAdmin.list_display, *map(_enrolled_column, EnrollmentStatus.values)]
    show_facets = admin.ShowFacets.NEVER  # they would count the enrollments once more

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ProgramChangeList
