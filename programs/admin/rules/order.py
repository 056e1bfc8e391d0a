"""The page that puts the rules of a program in another order."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path

from programs import rulebook
from programs.admin.base import StrictAdmin
from programs.admin.rules.changelist import list_of
from programs.api.callers import actor_of
from programs.kernel.exceptions import DomainError
from programs.models import Program, Rule


class RuleOrder(StrictAdmin[Rule]):
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.order_view)
        return [
            path("order/<uuid:program_id>/", view, name="programs_rule_order"),
            *super().get_urls(),
        ]

    def order_view(self, request: HttpRequest, program_id: UUID) -> HttpResponse:
        """The current rules of a program; a move shows them anew, and only the last step stores their order."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        program = Program.objects.filter(pk=program_id).first()
        if program is None:
            raise Http404("There is no such program.")
        rules = list(Rule.objects.filter(program=program).current().in_order())
        moved = ""
        if request.method == "POST":
            known = {str(rule.pk): rule for rule in rules}
            wanted = request.POST.getlist("rule")
            if sorted(wanted) != sorted(known):
                said = "The program has other rules by now. This is their order; nothing was saved."
                self.message_user(request, said, messages.ERROR)
            elif "move" in request.POST:
                wanted, moved = _moved(wanted, request.POST["move"])
                rules = [known[pk] for pk in wanted]
            elif self._is_reordered(request, program, wanted):
                return HttpResponseRedirect(list_of(program))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Order of the rules of {program}",
            "program": program,
            "rules": rules,
            "moved": moved,
            "back_url": list_of(program),
        }
        return TemplateResponse(request, "admin/programs/rule/order.html", context)

    def _is_reordered(self, request: HttpRequest, program: Program, wanted: Iterable[str]) -> bool:
        try:
            rulebook.reorder(program.pk, [UUID(pk) for pk in wanted], by=actor_of(request))
        except DomainError as refusal:
            self.message_user(request, refusal.message, messages.ERROR)
            return False
        self.message_user(request, f"The order of the rules of {program} was saved.")
        return True


def _moved(order: Sequence[str], move: str) -> tuple[list[str], str]:
    """The order after a move such as "up:..id..", and the move itself where it was about one of them."""
    direction, _, pk = move.partition(":")
    moved = list(order)
    if pk not in moved:
        return moved, ""
    old = moved.index(pk)
    new = min(max(old + (-1 if direction == "up" else 1), 0), len(moved) - 1)
    moved.insert(new, moved.pop(old))
    return moved, move
