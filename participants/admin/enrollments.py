from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from participants import state
from participants.admin.filters import EnrollmentProgramFilter
from participants.admin.forms import EnrollmentForm
from participants.admin.lists import LargeTableAdmin
from participants.admin.saving import Refused, StateAdmin
from participants.models import Enrollment
from programs.api.callers import actor_of
from programs.kernel.exceptions import DomainError


@admin.register(Enrollment)
class EnrollmentAdmin(StateAdmin[Enrollment], LargeTableAdmin[Enrollment]):
    form = EnrollmentForm
    fields = ["participant", "program", "status"]
    list_display = ["participant", "program", "status", "created_at", "updated_at"]
    list_select_related = ["participant", "program"]
    list_filter = ["status", EnrollmentProgramFilter]
    ordering = ["-id"]
    sortable_by = ()
    search_fields = ["participant__external_id"]
    search_help_text = "The external_id of a participant, or its beginning."

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

    def save_model(
        self, request: HttpRequest, obj: Enrollment, form: EnrollmentForm, change: bool
    ) -> None:
        if change and "status" not in form.changed_data:
            return
        if not change:
            obj.participant = form.cleaned_data["participant"]
            obj.program = form.cleaned_data["program"]
        status = state.Change(
            program_id=obj.program_id, enrollment_status=form.cleaned_data["status"]
        )
        try:
            state.apply(status, to=obj.participant_id, by=actor_of(request))
        except DomainError as refusal:
            raise Refused(refusal, form.prefix) from refusal
        if not change:
            obj.pk = Enrollment.objects.get(participant=obj.participant, program=obj.program).pk
