from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.forms.utils import pretty_name
from django.http import HttpRequest

from programs import programs
from programs.admin.base import named
from programs.admin.verb_pages import ModelCheckedForm, VerbAdmin, VersionedForm
from programs.api.callers import actor_of
from programs.exceptions import ChangeSince
from programs.models import Program, ProgramChange, ProgramStatus, time_zones

SHOWN_CHANGES = 50


def _set_status(status: ProgramStatus, label: str) -> Callable[..., None]:
    @admin.action(description=f"{label} selected programs", permissions=["change"])
    def action(page: "ProgramAdmin", request: HttpRequest, chosen: QuerySet[Program]) -> None:
        same = list(chosen.filter(status=status))
        changing = list(chosen.exclude(status=status))
        for program in changing:
            programs.change(program.pk, {"status": status}, by=actor_of(request))
            page.log_change(request, program, f"Set the status to {status}.")
        if changing:
            page.message_user(request, f"{ProgramStatus(status).label} now: {named(changing)}.")
        if same:
            page.message_user(request, f"Was so already: {named(same)}.")

    action.__name__ = label.lower()
    return action


class ProgramForm(VersionedForm[Program], ModelCheckedForm[Program]):
    thing = "program"

    time_zone = forms.ChoiceField(
        initial="UTC", help_text=Program._meta.get_field("time_zone").help_text
    )

    class Meta:
        model = Program
        fields = ["name", "description", "on_unknown_participant", "time_zone", "status"]
        widgets = {"description": forms.Textarea({"rows": 3, "class": "vLargeTextField"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice: Any = self.fields["time_zone"]
        # The stored one too, in case that this machine does not know it.
        choice.choices = [(name, name) for name in sorted({*time_zones(), self.instance.time_zone})]

    def changes_since(self, version: int) -> Iterable[ChangeSince]:
        return programs.changes_since(self.instance, version)


@admin.register(Program)
class ProgramAdmin(VerbAdmin[Program]):
    form = ProgramForm
    list_display = ["name", "time_zone", "status"]
    list_filter = ["status"]
    search_fields = ["name"]
    actions = [
        _set_status(ProgramStatus.ACTIVE, "Activate"),
        _set_status(ProgramStatus.SUSPENDED, "Suspend"),
        _set_status(ProgramStatus.ARCHIVED, "Archive"),
    ]

    class Media:
        css = {"all": ["programs/admin.css"]}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Program], search_term: str
    ) -> tuple[QuerySet[Program], bool]:
        if request.resolver_match and request.resolver_match.url_name == "autocomplete":
            # Programs are chosen here to enroll somebody, which inactive ones refuse.
            queryset = queryset.filter(status=ProgramStatus.ACTIVE)
        return super().get_search_results(request, queryset, search_term.replace("\0", ""))

    def get_fields(self, request: HttpRequest, obj: Program | None = None) -> Any:
        fields = ProgramForm.Meta.fields
        if obj is None:
            return fields
        shown = ["shown_version"] if self.has_change_permission(request, obj) else []
        return [*fields, *shown, "id", "version", "created_at", "updated_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Program | None = None) -> list[str]:
        return ["id", "version", "created_at", "updated_at"]

    def carry_out(
        self, request: HttpRequest, form: ProgramForm, formsets: list[Any], obj: Program | None
    ) -> Program:
        values = form.cleaned_data
        if obj is None:
            return programs.create(values)
        changed = {name: values[name] for name in form.changed_data}
        shown = values["shown_version"]
        return programs.change(obj.pk, changed, by=actor_of(request), shown_version=shown)

    def page_context(self, request: HttpRequest, obj: Program) -> dict[str, Any]:
        changes = ProgramChange.objects.filter(program=obj)[:SHOWN_CHANGES]
        labels = {name: pretty_name(name) for name in ProgramForm.Meta.fields}
        return {"changes": [(change, labels[change.field]) for change in changes]}
