"""Asking for a replay: of the rule in a rule's form, saved or not, and of a program with other rules or another order."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from participants.api.permissions import allows_job
from participants.jobs import replay
from participants.models import Job
from programs.admin import is_id
from programs.admin.rules.changelist import program_id_named_in
from programs.api.callers import actor_of
from programs.kernel import instants
from programs.kernel.exceptions import DomainError
from programs.models import Program, Rule, RuleStatus

LISTED: Final = 200
EVENTS: Final = "replay_events"  # the name of the input


class _EventsForm(forms.Form):
    replay_events = forms.IntegerField(
        label="Events", min_value=1, max_value=replay.MOST_EVENTS, required=False
    )

    @property
    def events(self) -> int:
        return self.cleaned_data[EVENTS] or replay.MOST_EVENTS


def of_rule(request: HttpRequest) -> HttpResponse:
    """Replay the rule as its form has it, as if it were active; `rule` or `program` in the address says which form."""
    if not allows_job(request, replay.REPLAY):
        raise PermissionDenied
    rule, program = _subject(request)
    page = admin.site.get_model_admin(Rule)
    form: Any = page.get_form(request, rule, change=rule is not None)(request.POST, instance=rule)
    events = _EventsForm(request.POST)
    if not (events.is_valid() & form.is_valid()):
        return _refused(request, rule, program, form, events)
    values = _body(asdict(form.ready) if rule is None else form.ready)
    values.pop("program_id", None)
    draft = replay.Draft(
        {**values, "status": RuleStatus.ACTIVE.value}, rule_id=rule.pk if rule else None
    )
    title = f"Replay of “{form.cleaned_data['name']}” in {program}"
    try:
        job = _requested(request, program, [draft], title, events.events)
    except DomainError as refusal:
        form.add_refusal(refusal)
        return _refused(request, rule, program, form, events)
    return _to(job)


def of_program(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Choose which of the program's rules would run and in which order, and replay that."""
    if not allows_job(request, replay.REPLAY):
        raise PermissionDenied
    program = Program.objects.filter(pk=pk).first()
    if program is None:
        raise Http404("There is no such program.")
    current = Rule.objects.filter(program=program).current().in_order()
    rules = list(current[: LISTED + 1])
    events = _EventsForm(request.POST or None)
    rows = [(rule, *_wanted(request, rule, place)) for place, rule in enumerate(rules[:LISTED], 1)]
    message = ""
    if request.method == "POST" and events.is_valid():
        drafts = [
            replay.Draft({"status": _status(runs)}, rule.pk)
            for rule, runs, _ in rows
            if runs != (rule.status == RuleStatus.ACTIVE)
        ]
        order = [rule.pk for rule, _, _ in sorted(rows, key=lambda row: row[2])]
        is_reordered = order != [rule.pk for rule, _, _ in rows]
        if drafts or is_reordered:
            words = [f"{len(drafts)} switched"] if drafts else []
            words += ["another order"] if is_reordered else []
            title = f"Replay of {program}: {' and '.join(words)}"
            try:
                order = order if is_reordered else []
                return _to(_requested(request, program, drafts, title, events.events, order))
            except DomainError as refusal:
                message = refusal.message
        else:
            message = (
                "Nothing differs from the rules as they are. Switch a rule, or change a place."
            )
    context = {
        **_context(request),
        "title": f"Replay of {program}",
        "program": program,
        "rows": rows,
        "has_more": len(rules) > LISTED,
        "listed": LISTED,
        "form": events,
        "message": message,
        "most_events": replay.MOST_EVENTS,
    }
    return TemplateResponse(request, "admin/participants/job/replay_program.html", context)


def _subject(request: HttpRequest) -> tuple[Rule | None, Program]:
    """The stored rule whose form it is, if there is one, and its program."""
    rule_id = request.GET.get("rule", "")
    if is_id(rule_id):
        rule = Rule.objects.select_related("program").filter(pk=rule_id).first()
        if rule is not None:
            return rule, rule.program
    program_id = program_id_named_in(request)
    program = Program.objects.filter(pk=program_id).first() if program_id else None
    if program is None or is_id(rule_id):
        raise Http404("There is no such rule or program.")
    return None, program


def _requested(
    request: HttpRequest,
    program: Program,
    drafts: list[replay.Draft],
    title: str,
    events: int,
    order: list[UUID] | None = None,
) -> Job:
    assert isinstance(request.user, User)
    return replay.request(
        program,
        drafts,
        title=title,
        by=actor_of(request),
        user=request.user,
        events=events,
        order=order or (),
    )


def _body(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a rule as the API's body would have them."""
    return {
        name: instants.written(value) if isinstance(value, datetime) else value
        for name, value in values.items()
        if value is not None or name != "order"
    }


def _wanted(request: HttpRequest, rule: Rule, place: int) -> tuple[bool, int]:
    """Whether the rule would run, and its place."""
    if request.method != "POST":
        return rule.status == RuleStatus.ACTIVE, place
    typed = request.POST.get(f"place-{rule.pk}", "")
    is_number = typed.isascii() and typed.isdigit() and len(typed) < 7
    return f"runs-{rule.pk}" in request.POST, int(typed) if is_number else place


def _status(runs: bool) -> str:
    return (RuleStatus.ACTIVE if runs else RuleStatus.SUSPENDED).value


def _refused(
    request: HttpRequest, rule: Rule | None, program: Program, form: Any, events: _EventsForm
) -> HttpResponse:
    rows = [error for row in form.rows for errors in row.errors.values() for error in errors]
    named = [
        (each[name].label, error)
        for each in (events, form)
        for name, errors in each.errors.items()
        if name in each.fields
        for error in errors
    ]
    context = {
        **_context(request),
        "title": "The rule cannot be replayed yet",
        "errors": [
            *form.non_field_errors(),
            *(f"{label}: {error}" for label, error in named),
            *rows,
        ],
        "back_url": reverse("admin:programs_rule_change", args=[rule.pk])
        if rule
        else f"{reverse('admin:programs_rule_add')}?program={program.pk}",
    }
    page = "admin/participants/job/replay_refused.html"
    return TemplateResponse(request, page, context, status=400)


def _context(request: HttpRequest) -> dict[str, Any]:
    return {**admin.site.each_context(request), "opts": Job._meta}


def _to(job: Job) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:participants_job_change", args=[job.pk]))
