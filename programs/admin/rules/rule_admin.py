"""The rules of programs in the admin: their list, and the pages to add and to change one."""

from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.html import format_html
from django.utils.text import Truncator
from django.views.decorators.http import require_POST

from programs import rulebook
from programs.admin.rules.changelist import (
    OFFERED_PROGRAMS,
    AttentionFilter,
    RuleProgramFilter,
    RuleStatusFilter,
    list_of,
    program_id_named_in,
    programs_named,
)
from programs.admin.rules.conditions import builder_page
from programs.admin.rules.editor import editor_context
from programs.admin.rules.forms import RuleForm
from programs.admin.rules.order import order_page
from programs.admin.rules.templates import template_named
from programs.admin.rules.verbs import (
    LIST_ACTIONS,
    restore_page,
    show_warnings,
    verb_page,
    verbs_for,
)
from programs.admin.verb_pages import VerbAdmin
from programs.api.callers import actor_of
from programs.models import Program, Rule
from programs.reader import moment
from programs.rulebook.reference import WorkedRule


@admin.register(Rule)
class RuleAdmin(VerbAdmin[Rule]):
    form = RuleForm
    actions = LIST_ACTIONS
    list_display = [
        "program_link", "order", "name", "short_condition", "status", "after_a_match", "window", "version", "updated_at",
    ]  # fmt: skip
    list_display_links = ["name"]
    list_filter = [RuleProgramFilter, RuleStatusFilter, AttentionFilter]
    lookups: ClassVar[frozenset[str]] = frozenset({"program_name"})  # of the program's filter
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    search_fields = ["name"]
    ordering = ["program__name", "program_id", "order", "id"]
    sortable_by = ()

    class Media:
        css = {"all": ["programs/admin.css", "programs/rule.css"]}

    def get_urls(self) -> list[Any]:
        to_admin = self.admin_site.admin_view
        order, verb = partial(order_page, self), require_POST(partial(verb_page, self))
        restore = require_POST(partial(restore_page, self))
        builder = require_POST(partial(builder_page, self))
        return [
            path("order/<uuid:program_id>/", to_admin(order), name="programs_rule_order"),
            path("conditions/", to_admin(builder), name="programs_rule_conditions"),
            path("<uuid:rule_id>/<slug:name>/do/", to_admin(verb), name="programs_rule_do"),
            path(
                "<uuid:rule_id>/restore/<int:version>/",
                to_admin(restore),
                name="programs_rule_restore",
            ),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rule]:
        return super().get_queryset(request).select_related("program")

    def get_list_display(self, request: HttpRequest) -> Any:
        # The rules of one program do not need the column, and the others need its space.
        return self.list_display[1:] if program_id_named_in(request) else self.list_display

    @admin.display(description="Program")
    def program_link(self, rule: Rule) -> str:
        return format_html(
            '<a href="?{}">{}</a>', urlencode({"program": rule.program_id}), rule.program.name
        )

    @admin.display(description="Condition")
    def short_condition(self, rule: Rule) -> str:
        shown = format_html(
            '<code class="rule-condition">{}</code>', Truncator(rule.condition).chars(80)
        )
        if not rule.needs_attention:
            return shown
        return format_html('{} <span class="rule-mark">needs attention</span>', shown)

    @admin.display(description="After a match")
    def after_a_match(self, rule: Rule) -> str:
        return "stops" if rule.stop_after_match else "goes on"

    @admin.display(description="Active", empty_value="always")
    def window(self, rule: Rule) -> str | None:
        ends = [("from", rule.active_from), ("to", rule.active_to)]
        return " ".join(f"{word} {moment(end)}" for word, end in ends if end) or None

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        more = {
            "program_id": program_id_named_in(request),
            "may_reorder": self.has_change_permission(request),
        }
        return super().changelist_view(request, {**more, **(extra_context or {})})

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if self.has_add_permission(request) and _program_named_in(request) is None:
            return _choose_program(self, request)
        return super().add_view(request, form_url, extra_context)

    def get_form(
        self, request: HttpRequest, obj: Rule | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[Rule]]:
        form = super().get_form(request, obj, change, **kwargs)
        form.program = obj.program if obj else _program_named_in(request)  # type: ignore[attr-defined]
        form.template = None if obj else _template_named_in(request)  # type: ignore[attr-defined]
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
            rule = rulebook.create(form.ready, by=by)
        elif form.ready:
            shown = form.cleaned_data["shown_version"]
            rule = rulebook.change(obj.pk, form.ready, by=by, shown_version=shown)
        else:
            return obj
        show_warnings(self, request, rule)
        return rule

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Rule | None = None,
    ) -> HttpResponse:
        context |= editor_context(request, context["adminform"].form, obj)
        context |= {
            "may_edit": add or self.has_change_permission(request),
            "show_save_and_add_another": False,  # it would ask for the program again
            "verbs": verbs_for(obj, self, request) if obj else [],
        }
        return super().render_change_form(request, context, add, change, form_url, obj)


def _choose_program(page: RuleAdmin, request: HttpRequest) -> HttpResponse:
    typed = request.GET.get("program_name", "").replace("\0", "").strip()
    context = {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": "Add rule",
        "typed": typed,
        "programs": programs_named(typed),
        "offered": OFFERED_PROGRAMS,
    }
    return TemplateResponse(request, "admin/programs/rule/choose_program.html", context)


def _template_named_in(request: HttpRequest) -> WorkedRule | None:
    return template_named(request.GET.get("template", ""))


def _program_named_in(request: HttpRequest) -> Program | None:
    program_id = program_id_named_in(request)
    return Program.objects.filter(pk=program_id).first() if program_id else None
