"""What is done with a rule without a form: by a button of its page, or for many in the list."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from programs import rulebook
from programs.admin.base import StrictAdmin
from programs.api.callers import actor_of
from programs.kernel.actors import Actor
from programs.kernel.exceptions import DomainError
from programs.models import Rule, RuleStatus


@dataclass(frozen=True)
class Verb:
    """One thing to do with a rule. `carry_out(rule_id, by=...)` may give another rule to go on with."""

    name: str
    done: str
    permission: str
    carry_out: Callable[..., Rule | None]
    leads_to: RuleStatus | None = None

    @property
    def label(self) -> str:
        return self.name.capitalize()


def _set_status(rule_id: UUID, *, by: Actor, status: RuleStatus) -> None:
    rulebook.change(rule_id, {"status": status}, by=by)


_activate: Final = partial(_set_status, status=RuleStatus.ACTIVE)
_suspend: Final = partial(_set_status, status=RuleStatus.SUSPENDED)
VERBS: Final = {
    verb.name: verb
    for verb in (
        Verb("activate", "activated", "change", _activate, RuleStatus.ACTIVE),
        Verb("suspend", "suspended", "change", _suspend, RuleStatus.SUSPENDED),
        Verb("archive", "archived", "change", rulebook.archive, RuleStatus.ARCHIVED),
        Verb("duplicate", "duplicated", "add", rulebook.duplicate),
    )
}


def _action(verb: Verb) -> Callable[..., None]:
    @admin.action(description=f"{verb.label} selected rules", permissions=[verb.permission])
    def action(page: "RuleVerbs", request: HttpRequest, chosen: QuerySet[Rule]) -> None:
        done = sum(page.carried_out(request, rule, verb) is not None for rule in chosen)
        if done:
            page.message_user(request, f"{done} {verb.done}.", messages.SUCCESS)

    action.__name__ = verb.name
    return action


class RuleVerbs(StrictAdmin[Rule]):
    actions = [_action(verb) for verb in VERBS.values()]

    def carried_out(self, request: HttpRequest, rule: Rule, verb: Verb) -> Rule | None:
        """The rule to go on with, or None where the verb refused, which the user is told."""
        try:
            other = verb.carry_out(rule.pk, by=actor_of(request))
        except DomainError as refusal:
            self.message_user(request, f"{rule}: {refusal.message}", messages.ERROR)
            return None
        self.log_change(request, rule, f"{verb.done.capitalize()}.")
        if other is None:
            return rule
        self.log_addition(request, other, f"A copy of {rule}.")
        return other

    def verb_view(self, request: HttpRequest, rule_id: UUID, name: str) -> HttpResponse:
        verb = VERBS.get(name)
        if verb is None:
            raise Http404("There is no such verb.")
        if not self._may(request, verb):
            raise PermissionDenied
        rule = self.get_object(request, str(rule_id))
        if rule is None:
            raise Http404("There is no such rule.")
        result = self.carried_out(request, rule, verb)
        if result is not None:
            said = f"The rule “{rule}” was {verb.done}."
            if result is not rule:
                said += " This is the copy, which is suspended."
            self.message_user(request, said, messages.SUCCESS)
        return HttpResponseRedirect(
            reverse("admin:programs_rule_change", args=[(result or rule).pk])
        )

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_POST(self.verb_view))
        return [
            path("<uuid:rule_id>/<slug:name>/do/", view, name="programs_rule_do"),
            *super().get_urls(),
        ]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Rule | None = None,
    ) -> HttpResponse:
        context["verbs"] = [
            verb
            for verb in VERBS.values()
            if obj and verb.leads_to != obj.status and self._may(request, verb)
        ]
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _may(self, request: HttpRequest, verb: Verb) -> bool:
        may = {"add": self.has_add_permission, "change": self.has_change_permission}
        return may[verb.permission](request)
