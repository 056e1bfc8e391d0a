"""The list of programs, with how many participants are enrolled in each, and the page of one, whose form is a tab."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.utils import quote, unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from participants.admin import hub
from participants.models import Enrollment, EnrollmentStatus
from programs.admin.programs import ProgramAdmin
from programs.models import Program, ProgramStatus


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


def _page_of(program: Program, name: str) -> str:
    return reverse(f"admin:programs_program_{name}", args=[quote(program.pk)])


# The app of programs knows no participants; its own page is the same without the counts.
admin.site.unregister(Program)


@admin.register(Program)
class CountingProgramAdmin(ProgramAdmin):
    list_display = [*ProgramAdmin.list_display, *map(_enrolled_column, EnrollmentStatus.values)]
    show_facets = admin.ShowFacets.NEVER  # they would count the enrollments once more

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show how the program is doing, where every link to it leads; the form has a tab of its own."""
        program = self.get_object(request, unquote(object_id))
        if program is None or IS_POPUP_VAR in request.GET:
            return self.edit_view(request, object_id)
        if not self.has_view_or_change_permission(request, program):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": str(program),
            "opts": self.opts,
            "media": self.media,
            "original": program,
            "edit_url": _page_of(program, "edit"),
            "has_change_permission": self.has_change_permission(request, program),
            **hub.context(request, program),
        }
        return TemplateResponse(request, "admin/programs/program/hub.html", context)

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.changeform_view(request, object_id)

    def page_context(self, request: HttpRequest, obj: Program) -> dict[str, Any]:
        ours = {
            "title": "Edit",
            "hub_url": _page_of(obj, "change"),
            "status_badge": hub.STATUS_BADGES[ProgramStatus(obj.status)],
        }
        return super().page_context(request, obj) | ours

    def response_post_save_change(self, request: HttpRequest, obj: Program) -> HttpResponseRedirect:
        return HttpResponseRedirect(_page_of(obj, "change"))

    def response_post_save_add(self, request: HttpRequest, obj: Program) -> HttpResponseRedirect:
        return HttpResponseRedirect(_page_of(obj, "change"))

    def get_urls(self) -> list[URLPattern]:
        edit = path(
            "<path:object_id>/edit/",
            self.admin_site.admin_view(self.edit_view),
            name="programs_program_edit",
        )
        return [edit, *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ProgramChangeList
