from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from participants import state
from participants.admin.filters import ProgramFilter
from participants.admin.forms import EnrollmentForm
from participants.admin.lists import LargeTableAdmin
from participants.models import Enrollment
from programs.admin.verb_pages import VerbAdmin
from programs.api.callers import actor_of


@admin.register(Enrollment)
class EnrollmentAdmin(VerbAdmin[Enrollment], LargeTableAdmin[Enrollment]):
    form = EnrollmentForm
    fields = ["participant", "program", "status"]
    list_display = ["participant", "program", "status", "created_at", "updated_at"]
    list_select_related = ["participant", "program"]
    list_filter = ["status", ProgramFilter]
    ordering = ["-id"]
    sortable_by = ()
    search_fields = ["participant__external_id"]
    search_help_text = "A participant's external_id or its beginning."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Enrollment]:
        return super().get_queryset(request).select_related("participant", "program")

    def get_readonly_fields(self, request: HttpRequest, obj: Enrollment | None = None) -> Any:
        return ["participant", "program", "created_at", "updated_at"] if obj else []

    def get_fields(self, request: HttpRequest, obj: Enrollment | None = None) -> Any:
        return [*self.fields, "created_at", "updated_at"] if obj else self.fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Enrollment], search_term: str
    ) -> tuple[QuerySet[Enrollment], bool]:
        term = search_term.replace("\0", "").strip()
        if term:
            queryset = queryset.filter(participant__external_id__startswith=term)
        return queryset, False

    def carry_out(
        self,
        request: HttpRequest,
        form: EnrollmentForm,
        formsets: list[Any],
        obj: Enrollment | None,
    ) -> Enrollment:
        if obj and "status" not in form.changed_data:
            return obj
        participant = obj.participant if obj else form.cleaned_data["participant"]
        program = obj.program if obj else form.cleaned_data["program"]
        change = state.Change(program_id=program.pk, enrollment_status=form.cleaned_data["status"])
        state.change(change, to=participant.pk, by=actor_of(request))
        return obj or Enrollment.objects.get(participant=participant, program=program)
