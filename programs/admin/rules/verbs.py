"""What staff do with a rule without a form: with a button on its page, or with many in the list."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from programs import rulebook
from programs.admin.base import named
from programs.api.callers import actor_of
from programs.kernel.actors import Actor
from programs.kernel.exceptions import DomainError
from programs.models import Rule, RuleStatus

Page = admin.ModelAdmin[Rule]


@dataclass(frozen=True)
class Verb:
    """One thing to do with a rule. `carry_out(rule_id, by=...)` may return another rule to go on with."""

    name: str
    done: str
    permission: str
    carry_out: Callable[..., Rule | None]
    leads_to: RuleStatus | None = None

    @property
    def label(self) -> str:
        return self.name.capitalize()

    def is_permitted(self, page: Page, request: HttpRequest) -> bool:
        check = {"add": page.has_add_permission, "change": page.has_change_permission}
        return check[self.permission](request)


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


def verbs_for(rule: Rule, page: Page, request: HttpRequest) -> list[Verb]:
    """The verbs that change something about the rule and that the user may use."""
    return [
        verb
        for verb in VERBS.values()
        if verb.leads_to != rule.status and verb.is_permitted(page, request)
    ]


def verb_page(page: Page, request: HttpRequest, rule_id: UUID, name: str) -> HttpResponse:
    """Use one verb, and go on to the rule's page, or to that of its copy."""
    verb = VERBS.get(name)
    if verb is None:
        raise Http404("There is no such verb.")
    if not verb.is_permitted(page, request):
        raise PermissionDenied
    rule = page.get_object(request, str(rule_id))
    if rule is None:
        raise Http404("There is no such rule.")
    result = _carried_out(page, request, rule, verb)
    if result is not None:
        copied = "" if result is rule else " This is the copy, which is suspended."
        message = f"The rule “{rule}” was {verb.done}.{copied}"
        page.message_user(request, message, messages.SUCCESS)
    return HttpResponseRedirect(reverse("admin:programs_rule_change", args=[(result or rule).pk]))


def restore_page(page: Page, request: HttpRequest, rule_id: UUID, version: int) -> HttpResponse:
    """Restore an old version, and go back to the rule's page, which says so or why not."""
    if not page.has_change_permission(request):
        raise PermissionDenied
    rule = page.get_object(request, str(rule_id))
    if rule is None:
        raise Http404("There is no such rule.")
    try:
        restored = rulebook.restore(rule.pk, version, by=actor_of(request))
    except DomainError as refusal:
        for message in [error.message for error in refusal.fields] or [refusal.message]:
            page.message_user(
                request, f"Version {version} was not restored: {message}", messages.ERROR
            )
    else:
        page.log_change(request, restored, f"Restored version {version}.")
        message = f"Version {version} was restored; it is version {restored.version} now."
        if restored.version == rule.version:
            message = f"Version {version} does not differ from what the rule is now."
        page.message_user(request, message, messages.SUCCESS)
        show_warnings(page, request, restored)
    return HttpResponseRedirect(reverse("admin:programs_rule_change", args=[rule.pk]))


def show_warnings(page: Page, request: HttpRequest, rule: Rule) -> None:
    """Tell what is probably wrong with a rule that was written a moment ago."""
    for warning in rule.warnings:
        where = warning.field.replace("_", " ").capitalize()
        page.message_user(request, f"Please check. {where}: {warning.message}", messages.WARNING)


def _list_action(verb: Verb) -> Callable[..., None]:
    @admin.action(description=f"{verb.label} selected rules", permissions=[verb.permission])
    def action(page: Page, request: HttpRequest, chosen: QuerySet[Rule]) -> None:
        done = [rule for rule in chosen if _carried_out(page, request, rule, verb) is not None]
        if done:
            told = f"{verb.done.capitalize()}: {named(done)}."
            page.message_user(request, told, messages.SUCCESS)

    action.__name__ = verb.name
    return action


LIST_ACTIONS: Final[list[Any]] = [_list_action(verb) for verb in VERBS.values()]


def _carried_out(page: Page, request: HttpRequest, rule: Rule, verb: Verb) -> Rule | None:
    """The rule to go on with; None after telling the user that the verb refused."""
    try:
        other = verb.carry_out(rule.pk, by=actor_of(request))
    except DomainError as refusal:
        page.message_user(request, f"{rule}: {refusal.message}", messages.ERROR)
        return None
    page.log_change(request, rule, f"{verb.done.capitalize()}.")
    if other is None:
        return rule
    page.log_addition(request, other, f"A copy of {rule}.")
    return other
