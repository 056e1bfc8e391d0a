"""Pages beneath a participant's own, each with a form that a verb carries out."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from participants.admin.holdings import page_of
from participants.models import Participant
from programs.admin.verb_pages import RefusalMixin


class VerbPageForm(RefusalMixin, forms.Form):
    """A form of a page beneath the participant's own."""


class MinuteField(forms.DateTimeField):
    """A time in UTC, by the browser's own input, which needs no script."""

    def __init__(self, **kwargs: Any) -> None:
        shown = "%Y-%m-%dT%H:%M:%S"
        widget = forms.DateTimeInput({"type": "datetime-local", "step": "1"}, format=shown)
        super().__init__(widget=widget, **kwargs)


def participant_for(
    page: admin.ModelAdmin[Participant], request: HttpRequest, object_id: str, *permissions: str
) -> Participant:
    """Whose page it is. Raises Http404, and PermissionDenied without any one of the permissions."""
    may = page.has_view_permission(request) and any(
        request.user.has_perm(f"participants.{permission}") for permission in permissions
    )
    if not may:
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
