"""Enrollments: their own pages, and the one below a participant's."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from participants import state
from participants.admin.filters import ProgramFilter
from participants.admin.forms import EnrollmentForm
from participants.admin.lists import LargeTableAdmin
from participants.admin.subpages import ReasonedForm, page_of, participant_for, verb_page
from participants.api.permissions import rights_of
from participants.exceptions import NotAllowed
from participants.models import Enrollment, EnrollmentStatus, Participant
from participants.state.enrollments import set_enrollment
from participants.timeline import Kind
from programs.admin.base import is_id
from programs.admin.verb_pages import VerbAdmin
from programs.api.callers import actor_of
from programs.exceptions import ProgramInactive
from programs.models import Program, ProgramStatus

INACTIVE = "The participant's next event in {program} makes this enrollment active again, without asking. To keep somebody from taking part, suspend the participant."


def warn_of_reactivation(request: HttpRequest, program: Program, status: str) -> None:
    """Say what will happen to an enrollment that was just made inactive."""
    if status != EnrollmentStatus.ACTIVE:
        messages.warning(request, INACTIVE.format(program=program))


class EnrollForm(ReasonedForm):
    """A program, of those that take people or in which the participant is, and what becomes of the enrollment."""

    program = forms.ModelChoiceField(Program.objects.none(), empty_label=None)
    status = forms.ChoiceField(choices=EnrollmentStatus.choices)

    of_refusal = {ProgramInactive: "program", NotAllowed: "program"}

    def __init__(self, enrollments: Mapping[UUID, str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_open = Q(status=ProgramStatus.ACTIVE) | Q(pk__in=enrollments)
        program: Any = self.fields["program"]
        program.queryset = Program.objects.filter(is_open).order_by("name", "pk")
        program.label_from_instance = lambda each: (
            f"{each} (enrolled: {EnrollmentStatus(enrollments[each.pk]).label.lower()})"
            if each.pk in enrollments
            else str(each)
        )
        self.fields[
            "status"
        ].help_text = "Frozen, locked and closed are inactive; the participant's next event in the program makes the enrollment active again."


def enroll_page(
    page: admin.ModelAdmin[Participant], request: HttpRequest, object_id: str
) -> HttpResponse:
    participant = participant_for(page, request, object_id, "EnrollmentViewSet.update")
    mine = Enrollment.objects.filter(participant=participant)
    enrollments = dict(mine.values_list("program_id", "status"))
    asked = request.GET.get("program", "")
    known = UUID(asked) if is_id(asked) else None
    # Where they are not yet, unless a program is named.
    others = Program.objects.filter(status=ProgramStatus.ACTIVE).exclude(pk__in=enrollments)
    chosen = known or others.order_by("name", "pk").values_list("pk", flat=True).first()
    initial = {"program": chosen, "status": enrollments.get(chosen, EnrollmentStatus.ACTIVE)} if chosen else {}  # fmt: skip
    data = request.POST if request.method == "POST" else None
    form = EnrollForm(enrollments, data, initial=initial)

    def verb() -> str:
        program, status = form.cleaned_data["program"], form.cleaned_data["status"]
        set_enrollment(
            participant.pk,
            program.pk,
            status,
            by=actor_of(request),
            rights=rights_of(request, "enrollment"),
            reason=form.cleaned_data["reason"],
        )
        label = EnrollmentStatus(status).label.lower()
        if program.pk not in enrollments and status == EnrollmentStatus.ACTIVE:
            return f"{participant} was enrolled in {program}."
        return f"The enrollment of {participant} in {program} is {label}."

    def notes() -> list[str]:
        if form.cleaned_data["status"] == EnrollmentStatus.ACTIVE:
            return []
        return [INACTIVE.format(program=form.cleaned_data["program"])]

    return verb_page(
        page,
        request,
        participant,
        form,
        verb,
        title="Enroll",
        button="Enroll" if not known else "Set enrollment",
        notes=notes,
    )


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

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # What changed, when and by whom is in the timeline of its participant.
        enrollment = self.get_object(request, unquote(object_id))
        if enrollment is None:
            raise Http404("There is no such enrollment.")
        page = page_of(enrollment.participant_id, "change")
        return HttpResponseRedirect(f"{page}?kind={Kind.ENROLLMENTS}#timeline")

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
        warn_of_reactivation(request, program, form.cleaned_data["status"])
        return obj or Enrollment.objects.get(participant=participant, program=program)
