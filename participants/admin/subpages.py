"""Pages below a participant's own, each with a form that a verb carries out."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from participants.admin.holdings import page_of
from participants.api.permissions import allows
from participants.models import Participant
from programs.admin.verb_pages import RefusalMixin
from programs.kernel.exceptions import DomainError


class VerbPageForm(RefusalMixin, forms.Form):
    """A form on a page below the participant's own."""


def participant_for(
    page: admin.ModelAdmin[Participant], request: HttpRequest, object_id: str, call: str
) -> Participant:
    """Return the participant whose page it is, for staff who may make this call of the API.

    Raises Http404 and PermissionDenied.
    """
    if not (page.has_view_permission(request) and allows(request, call)):
        raise PermissionDenied
    participant = page.get_object(request, object_id)
    if participant is None:
        raise Http404("There is no such participant.")
    return participant


def rendered(
    page: admin.ModelAdmin[Participant],
    request: HttpRequest,
    participant: Participant,
    template: str,
    **context: Any,
) -> HttpResponse:
    return TemplateResponse(
        request,
        f"admin/participants/participant/{template}.html",
        {
            **page.admin_site.each_context(request),
            "opts": page.opts,
            "media": page.media,
            "original": participant,
            "back_url": page_of(participant.pk, "change"),
            **context,
        },
    )


def carried_out(form: VerbPageForm, verb: Callable[[], object]) -> bool:
    """Call the verb. If it refuses, add the refusal to the form and return False."""
    try:
        verb()
    except DomainError as refusal:
        form.add_refusal(refusal)
        return False
    return True


def done(request: HttpRequest, participant: Participant, message: str) -> HttpResponse:
    messages.success(request, message)
    return HttpResponseRedirect(page_of(participant.pk, "change"))
