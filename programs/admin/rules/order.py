"""The page that puts the rules of a program in another order."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from programs import rulebook
from programs.admin.rules.changelist import list_of
from programs.api.callers import actor_of
from programs.kernel.exceptions import DomainError
from programs.models import Program, Rule


def order_page(
    page: admin.ModelAdmin[Rule], request: HttpRequest, program_id: UUID
) -> HttpResponse:
    """Show a program's current rules. Each move shows them in the new order; only the last step saves it."""
    if not page.has_change_permission(request):
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
            message = (
                "The rules of the program have changed. This is their order now; nothing was saved."
            )
            page.message_user(request, message, messages.ERROR)
        elif "move" in request.POST:
            wanted, moved = _moved(wanted, request.POST["move"])
            rules = [known[pk] for pk in wanted]
        else:
            try:
                rulebook.reorder(program.pk, [UUID(pk) for pk in wanted], by=actor_of(request))
            except DomainError as refusal:
                page.message_user(request, refusal.message, messages.ERROR)
            else:
                page.message_user(request, f"The order of the rules of {program} was saved.")
                return HttpResponseRedirect(list_of(program))
    context = {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": f"Order of the rules of {program}",
        "program": program,
        "rules": rules,
        "moved": moved,
        "back_url": list_of(program),
    }
    return TemplateResponse(request, "admin/programs/rule/order.html", context)


def _moved(order: Sequence[str], move: str) -> tuple[list[str], str]:
    """The order after a move such as "up:..id..", and the move itself if it was about one of them."""
    direction, _, pk = move.partition(":")
    moved = list(order)
    if pk not in moved:
        return moved, ""
    old = moved.index(pk)
    new = min(max(old + (-1 if direction == "up" else 1), 0), len(moved) - 1)
    moved.insert(new, moved.pop(old))
    return moved, move
