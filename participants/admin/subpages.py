"""Pages beneath a participant's own, each with a form that a verb carries out."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from participants.admin.holdings import page_of
from participants.models import Participant
from programs.kernel.exceptions import DomainError


class VerbPageForm(forms.Form):
    """A form whose verb may refuse: each refusal stands at the field that it is about, or above the form."""

    # The field of the form for what the verb calls something else, and for refusals that name no field.
    names: ClassVar[Mapping[str, str]] = {}
    of_refusal: ClassVar[Mapping[type[DomainError], str]] = {}

    def add_refusal(self, refusal: DomainError) -> None:
        if not refusal.fields:
            self.add_error(self.of_refusal.get(type(refusal)), refusal.message)
        for error in refusal.fields:
            name = self.names.get(error.field, error.field)
            self.add_error(name if name in self.fields else None, error.message)


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
