"""The page of a rule: its program first, where it is new, then the editor with all that stands around the form."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from programs import rulebook
from programs.admin.form_fields import written
from programs.admin.rules.actions import for_scripts
from programs.admin.rules.changelist import (
    OFFERED_PROGRAMS,
    asked_program_id,
    list_of,
    programs_named,
)
from programs.admin.rules.choices import ProgramChoices
from programs.admin.rules.forms import RuleForm
from programs.admin.verb_pages import VerbAdmin
from programs.api.callers import actor_of
from programs.models import Program, Rule, RuleVersion
from programs.rulebook import reference
from programs.rulebook.actions import ACTION_TYPES, in_documented_order

SHOWN_VERSIONS = 20


class RulePage(VerbAdmin[Rule]):
    form = RuleForm

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if self.has_add_permission(request) and _asked_program(request) is None:
            return self.choose_program(request)
        return super().add_view(request, form_url, extra_context)

    def choose_program(self, request: HttpRequest) -> HttpResponse:
        typed = request.GET.get("program_name", "").replace("\0", "").strip()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Add rule",
            "typed": typed,
            "programs": programs_named(typed),
            "offered": OFFERED_PROGRAMS,
        }
        return TemplateResponse(request, "admin/programs/rule/choose_program.html", context)

    def get_form(
        self, request: HttpRequest, obj: Rule | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[Rule]]:
        form = super().get_form(request, obj, change, **kwargs)
        form.program = obj.program if obj else _asked_program(request)  # type: ignore[attr-defined]
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Rule | None = None) -> Any:
        about = ["program", "name", "description", "status"]
        if obj and self.has_change_permission(request):
            about.append("shown_version")
        page = [
            (None, {"fields": about}),
            ("When", {"fields": ["condition"]}),
            (
                "Order and time",
                {"fields": ["order", "stop_after_match", "active_from", "active_to"]},
            ),
        ]
        if obj is None:
            return page
        record = ["id", "version", "created_at", "updated_at"]
        return [*page, ("Record", {"fields": record, "classes": ["collapse"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Rule | None = None) -> list[str]:
        if obj is None:
            return ["program"]
        return ["program", "status", "id", "version", "created_at", "updated_at"]

    def response_post_save_add(self, request: HttpRequest, obj: Rule) -> HttpResponseRedirect:
        return HttpResponseRedirect(list_of(obj.program))

    def carry_out(
        self, request: HttpRequest, form: RuleForm, formsets: list[Any], obj: Rule | None
    ) -> Rule:
        by = actor_of(request)
        if obj is None:
            return rulebook.create(form.ready, by=by)
        if not form.ready:
            return obj
        shown = form.cleaned_data["shown_version"]
        return rulebook.change(obj.pk, form.ready, by=by, shown_version=shown)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Rule | None = None,
    ) -> HttpResponse:
        form = context["adminform"].form
        context |= {
            "rows": form.rows,
            "may_edit": add or self.has_change_permission(request),
            "show_save_and_add_another": False,  # which would ask for the program again
            "names": form.choices.names(),
            "shown_actions": [
                _shown_action(action, form.choices) for action in in_documented_order(form.stored)
            ],
            "reference": reference,
            "sample_event": written(reference.FACTS["event"]),
            "sample_state": written(_sample_state(form.choices)),
            "editor": _for_scripts(form.choices, obj),
        }
        if obj:  # who may see a rule may see what it was
            newest = rulebook.history(obj)[:SHOWN_VERSIONS]
            context["versions"] = [_shown_version(version) for version in newest]
        return super().render_change_form(request, context, add, change, form_url, obj)


def _asked_program(request: HttpRequest) -> Program | None:
    program_id = asked_program_id(request)
    return Program.objects.filter(pk=program_id).first() if program_id else None


def _for_scripts(choices: ProgramChoices, rule: Rule | None) -> dict[str, Any]:
    """What the scripts of the page need to know."""
    # The API's addresses of rules have no names; that of programs is beside them.
    api, program_id = reverse("programs").removesuffix("programs"), choices.program.pk
    subject = f"rules/{rule.pk}" if rule else f"programs/{program_id}"
    return {
        "types": for_scripts(),
        "assets": {str(asset.pk): asset.symbol for asset in choices.linked_assets},
        "program_id": str(program_id),
        "validate_url": f"{api}rules/validate",
        "simulate_url": f"{api}{subject}/simulate",
        "participants_url": f"{api}participants",
    }


def _sample_state(choices: ProgramChoices) -> dict[str, Any]:
    """A made-up participant for a first try."""
    return {
        "status": "ACTIVE",
        "tags": ["vip"],
        "attributes": {"plan": "premium"},
        "counters": {"visits": "9"},
        "tiers": {},
        "balances": {asset.symbol: {"available": "100"} for asset in choices.linked_assets},
    }


def _shown_action(action: Mapping[str, Any], choices: ProgramChoices) -> dict[str, Any]:
    """The action in words, for those who cannot edit it."""
    kind, assets = ACTION_TYPES[action["type"]], dict(choices.assets)
    fields = []
    for name, field in kind.fields.items():
        value = action.get(name)
        if field.widget == "asset":
            fields.append((field.label, assets.get(str(value), value)))
        elif value == "":
            fields.append((field.label, field.when_empty))
        elif value:
            fields.append((field.label, _in_words(value)))
    return {"label": kind.label, "fields": fields}


def _shown_version(version: RuleVersion) -> tuple[RuleVersion, str, list[tuple[str, str, str]]]:
    changes = [
        (change["field"].replace("_", " "), _in_words(change["old"]), _in_words(change["new"]))
        for change in rulebook.changes(version)
    ]
    return version, f"{version.changed_at:%Y-%m-%d %H:%M:%S}", changes


def _in_words(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else written(value)
