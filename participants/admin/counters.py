"""A page to set or delete a counter of a participant."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from participants.admin import words
from participants.admin.form_fields import LineField
from participants.admin.subpages import ReasonedForm, done, participant_for, verb_page
from participants.api.permissions import allows, rights_of
from participants.exceptions import CounterNotFound, NotAllowed
from participants.models import Counter, Participant
from participants.state import Rights
from participants.state.counters import (
    CounterChange,
    clean_counter,
    clean_counter_key,
    counter_of,
    delete_counter,
    set_counter,
)
from programs.admin.form_fields import NumberField, notes
from programs.api.callers import actor_of
from programs.kernel import durations
from programs.kernel.decimals import written
from programs.kernel.exceptions import DomainError, ValidationFailed
from programs.models.rules import MAX_COUNTER_KEY_LENGTH
from programs.reader import amount, moment


class CounterForm(ReasonedForm):
    """A new counter, or the existing one that the URL names, whose key is fixed."""

    key = LineField(
        max_length=MAX_COUNTER_KEY_LENGTH,
        widget=forms.TextInput({"class": "vTextField", "autocomplete": "off"}),
        help_text="Its name in rules, such as purchases.",
    )
    value = NumberField()
    reset_after = LineField(
        required=False,
        # Unless it is edited here, somebody else's change in the meantime is left alone.
        show_hidden_initial=True,
        label="Resets after",
        help_text="A duration such as 24h, 7d or 1h30m, after which the counter is back at zero. Leave empty for never.",
    )

    change: CounterChange

    def __init__(self, counter: Counter | None, *args: Any) -> None:
        super().__init__(*args)
        if counter:
            del self.fields["key"]
            self.initial = {
                "value": counter.value,
                "reset_after": durations.written(counter.reset_after)
                if counter.reset_after
                else "",
            }
            if counter.reset:
                began = moment(counter.period_start)
                self.fields[
                    "reset_after"
                ].help_text = f"It resets {words.period(counter)}, last at {began}. A duration such as 24h here ends that."

    def add_refusal(self, refusal: DomainError) -> None:
        # Permission to add counters does not include changing existing ones.
        if isinstance(refusal, NotAllowed):
            self.add_error("key", "The participant already has this counter.")
        else:
            super().add_refusal(refusal)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        body = {"value": written(cleaned["value"]) if "value" in cleaned else None}
        if "reset_after" in self.changed_data:
            body["reset_after"] = cleaned.get("reset_after")
        if not self.errors:
            try:
                if "key" in cleaned:
                    clean_counter_key(cleaned["key"])
                self.change = clean_counter(body)
            except ValidationFailed as refusal:
                self.add_refusal(refusal)
        return cleaned


def counter_page(
    page: admin.ModelAdmin[Participant], request: HttpRequest, object_id: str
) -> HttpResponse:
    """Show the page of the counter that `?key=` names, or of a new one."""
    participant = participant_for(page, request, object_id, "CounterViewSet.set")
    counter = _counter(participant, request.GET.get("key"))
    if not rights_of(request, "counter").allow(exists=counter is not None):
        raise PermissionDenied
    may_delete = counter is not None and allows(request, "CounterViewSet.remove")
    form = CounterForm(counter, request.POST if request.method == "POST" else None)
    by, rights = (
        actor_of(request),
        Rights(may_create=counter is None, may_change=counter is not None),
    )
    if request.method == "POST" and counter and "delete" in request.POST:
        if not may_delete:
            raise PermissionDenied
        delete_counter(participant.pk, counter.key, by=by)
        return done(request, participant, f"The counter {counter.key} was deleted.")

    def verb() -> str:
        key = counter.key if counter else form.cleaned_data["key"]
        reason = form.cleaned_data["reason"]
        set_counter(participant.pk, key, form.change, by=by, rights=rights, reason=reason)
        return f"The counter {key} was set to {amount(form.change.value)}."

    title = f"Counter {counter.key}" if counter else "Set another counter"
    return verb_page(
        page,
        request,
        participant,
        form,
        verb,
        title=title,
        button="Set",
        notes=lambda: notes(form),
        may_delete=may_delete,
    )


def _counter(participant: Participant, key: str | None) -> Counter | None:
    if key is None:
        return None
    try:
        return counter_of(participant.pk, clean_counter_key(key))
    except (CounterNotFound, ValidationFailed) as refusal:
        raise Http404(CounterNotFound.message) from refusal
