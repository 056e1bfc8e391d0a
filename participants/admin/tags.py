"""A page to add and remove tags of a participant."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from participants import state
from participants.admin.form_fields import TagsField
from participants.admin.subpages import ReasonedForm, participant_for, verb_page
from participants.models import Participant
from participants.state.changes import clean_change
from programs.api.callers import actor_of
from programs.kernel.exceptions import ValidationFailed


class TagsForm(ReasonedForm):
    add = TagsField(
        required=False,
        label="Add",
        widget=forms.Textarea({"class": "vLargeTextField", "rows": 2, "spellcheck": "false"}),
        help_text="One tag per line, in lower case.",
    )
    remove = forms.MultipleChoiceField(
        required=False, label="Remove", widget=forms.CheckboxSelectMultiple
    )

    names = {"tags": "add"}

    change: state.Change

    def __init__(self, participant: Participant, *args: Any) -> None:
        super().__init__(*args)
        self.fields["remove"].choices = [(tag, tag) for tag in participant.tags]  # type: ignore[attr-defined]
        if not participant.tags:
            del self.fields["remove"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            added = clean_change({"tags": cleaned["add"]}).tags or []
        except ValidationFailed as refusal:
            self.add_refusal(refusal)
            return cleaned
        removed = cleaned.get("remove", [])
        if not (added or removed):
            self.add_error("add", "Give a tag to add, or choose one to remove.")
        self.change = state.Change(add_tags=added, remove_tags=removed)
        return cleaned


def tags_page(
    page: admin.ModelAdmin[Participant], request: HttpRequest, object_id: str
) -> HttpResponse:
    participant = participant_for(page, request, object_id, "TagViewSet.add")
    form = TagsForm(participant, request.POST if request.method == "POST" else None)

    def verb() -> str:
        reason = form.cleaned_data["reason"]
        state.change(form.change, to=participant.pk, by=actor_of(request), reason=reason)
        parts = [("added", form.change.add_tags), ("removed", form.change.remove_tags)]
        told = "; ".join(f"{verb} {', '.join(tags)}" for verb, tags in parts if tags)
        return f"Tags of {participant}: {told}."

    return verb_page(page, request, participant, form, verb, title="Tag", button="Tag")
