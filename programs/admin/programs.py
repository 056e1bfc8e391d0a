from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest

from programs.admin.base import StrictAdmin
from programs.models import Program, ProgramStatus


def _set_status(status: ProgramStatus, label: str) -> Callable[..., None]:
    @admin.action(description=f"{label} selected programs", permissions=["change"])
    def action(page: "ProgramAdmin", request: HttpRequest, chosen: QuerySet[Program]) -> None:
        changing = list(chosen.exclude(status=status))
        chosen.exclude(status=status).update(status=status, updated_at=Now())
        for program in changing:
            page.log_change(request, program, f"Set the status to {status}.")
        page.message_user(request, f"{len(changing)} changed.")

    action.__name__ = label.lower()
    return action


class ProgramForm(forms.ModelForm[Program]):
    class Meta:
        model = Program
        fields = ["name", "description", "on_unknown_participant", "status"]
        widgets = {"description": forms.Textarea({"rows": 3, "class": "vLargeTextField"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # Two people who edit different fields must not undo each other, so the page carries what it showed.
            field.show_hidden_initial = not self.instance._state.adding


@admin.register(Program)
class ProgramAdmin(StrictAdmin[Program]):
    form = ProgramForm
    list_display = ["name", "status"]
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
        fields = ["name", "description", "on_unknown_participant", "status"]
        return [*fields, "id", "created_at", "updated_at"] if obj else fields

    def get_readonly_fields(self, request: HttpRequest, obj: Program | None = None) -> list[str]:
        return ["id", "created_at", "updated_at"]

    def save_model(
        self, request: HttpRequest, obj: Program, form: ProgramForm, change: bool
    ) -> None:
        if not change:
            obj.save()
        elif form.changed_data:
            obj.save(update_fields=[*form.changed_data, "updated_at"])
