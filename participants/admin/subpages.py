"""Pages below a participant's own: each is a form that a verb carries out, after a preview of what it will do."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from participants import timeline
from participants.admin import words
from participants.admin.form_fields import LineField
from participants.admin.history import in_words
from participants.api.permissions import allows
from participants.models import MAX_REASON_LENGTH, Participant, StateChange
from participants.timeline import Item
from programs.admin.verb_pages import RefusalMixin
from programs.kernel.exceptions import DomainError


class VerbPageForm(RefusalMixin, forms.Form):
    """A form on a page below the participant's own."""


class ReasonedForm(VerbPageForm):
    """A form of a verb whose history keeps a reason."""

    reason = LineField(
        required=False,
        max_length=MAX_REASON_LENGTH,
        widget=forms.TextInput({"class": "vLargeTextField", "autocomplete": "off"}),
        help_text="Kept in the participant's timeline.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"] = self.fields.pop("reason")  # last


def page_of(participant_id: UUID, name: str, *more: str) -> str:
    return reverse(f"admin:participants_participant_{name}", args=[quote(participant_id), *more])


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
    if form := context.get("form"):  # so that a keyboard begins there
        first = next(iter(form.visible_fields()), None)
        if first is not None:
            first.field.widget.attrs["autofocus"] = True
    return TemplateResponse(
        request,
        f"admin/participants/participant/{template}.html",
        {
            **page.admin_site.each_context(request),
            "opts": page.opts,
            "media": page.media,
            "original": participant,
            "name": words.person(participant),
            "back_url": page_of(participant.pk, "change"),
            **context,
        },
    )


def verb_page(
    page: admin.ModelAdmin[Participant],
    request: HttpRequest,
    participant: Participant,
    form: ReasonedForm,
    verb: Callable[[], str],
    *,
    title: str,
    button: str,
    notes: Callable[[], Sequence[str]] = tuple,
    asks_nothing: bool = False,
    may_delete: bool = False,
) -> HttpResponse:
    """Show the form, then what its verb will do, then do it: the verb returns what has happened, in words.

    The preview runs the verb and takes it back, so that it refuses what the verb refuses. Where the form `asks_nothing` but a
    reason, it is bound from the start and its page is the preview.
    """
    step = request.POST.get("step", "")
    is_valid = form.is_bound and form.is_valid() and step != "edit"
    changes: list[Item] | None = None
    if is_valid and step == "confirm":
        told: list[str] = []
        if carried_out(form, lambda: told.append(verb())):
            return done(request, participant, told[0])
    elif is_valid:
        changes = previewed(form, participant, verb)
    more = {
        "title": title,
        "form": form,
        "button": button,
        "asks_nothing": asks_nothing,
        "may_delete": may_delete,
    }
    if changes is None:
        return rendered(page, request, participant, "verb", notes=(), **more)
    template = "verb" if asks_nothing else "verb_confirm"
    return rendered(
        page,
        request,
        participant,
        template,
        changes=[change_words(each) for each in changes],
        notes=notes(),
        **more,
    )


def previewed(
    form: ReasonedForm, participant: Participant, verb: Callable[[], object]
) -> list[Item] | None:
    """The changes that the verb would make; None where it refuses, which the form then shows."""
    try:
        return timeline.preview(participant.pk, verb)
    except DomainError as refusal:
        form.add_refusal(refusal)
        return None


def change_words(item: Item) -> tuple[str, str, str]:
    """What changes, from what and to what."""
    assert isinstance(item.row, StateChange)
    item.row.program_name = item.program_name  # type: ignore[attr-defined]
    return in_words(item.row)


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
