from typing import Any

from django import forms
from django.utils.html import escape

from participants import state
from participants.admin.form_fields import AttributesField, LineField, TagsField, merge_between
from participants.models import PROFILE_FIELDS, Enrollment, Participant
from participants.state.changes import clean_change, clean_tag, clean_upsert
from programs.admin.base import SelectById
from programs.admin.verb_pages import VerbForm
from programs.kernel.exceptions import ValidationFailed
from programs.models import Program, ProgramStatus


class ParticipantForm(VerbForm[Participant]):
    """The form of a participant, read by the same rules as the API's bodies. `change` is what the user changed."""

    tags = TagsField(
        required=False,
        help_text="One per line, in lower case: at most 100 tags of 1 to 255 characters.",
    )
    attributes = AttributesField(
        required=False,
        help_text="Clear a row to remove the attribute. At most 100 attributes, with keys of 1 to 100 characters and texts of at most 1000.",
    )

    class Meta:
        model = Participant
        fields = ["external_id", "status", *PROFILE_FIELDS, "tags", "attributes"]
        field_classes = dict.fromkeys(PROFILE_FIELDS, LineField)

    external_id: str
    change: state.Change

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        adding = self.instance._state.adding
        body = {
            name: value for name, value in cleaned.items() if adding or name in self.changed_data
        }
        try:
            if adding:
                self.external_id, self.change = clean_upsert(body)
            else:
                self.change = self._changed(body)
        except ValidationFailed as refusal:
            self.add_refusal(refusal)
        return cleaned

    def _changed(self, body: dict[str, Any]) -> state.Change:
        if "attributes" in body:
            body["attributes"] = merge_between(self._shown("attributes"), body["attributes"])
        change = clean_change(body)
        if change.tags is not None:
            had = self._shown("tags")
            # One that an earlier release kept with spaces around it stays as it is.
            has = [tag if tag in had else clean_tag(tag) for tag in body["tags"]]
            change.add_tags = [tag for tag in dict.fromkeys(has) if tag not in had]
            # What the page claims to have shown was never validated, and PostgreSQL accepts no NUL.
            change.remove_tags = [tag for tag in had if tag not in has and "\0" not in tag]
            change.tags = None
        return change

    def _shown(self, name: str) -> Any:
        """Return the value that the page showed before it was edited."""
        return self.fields[name].to_python(self.data.get(self.add_initial_prefix(name)))


class ProgramName(forms.Widget):
    """The program of an existing enrollment, which cannot be changed."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        return escape(value)


class EnrollmentForm(VerbForm[Enrollment]):
    class Meta:
        model = Enrollment
        fields = ["participant", "program", "status"]
        widgets = {
            "participant": SelectById(Enrollment, "participant"),
            "program": SelectById(Enrollment, "program"),
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        who, program = cleaned.get("participant"), cleaned.get("program")
        # Permission to add enrollments does not include changing existing ones.
        known = Enrollment.objects.filter(participant=who, program=program)
        if who and program and known.exists():
            self.add_error("program", "The participant is already enrolled there.")
        return cleaned


class EnrollmentRowForm(VerbForm[Enrollment]):
    """One enrollment on the page of its participant."""

    class Meta:
        model = Enrollment
        fields = ["program", "status"]
        widgets = {"program": SelectById(Enrollment, "program")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding and "program" in self.fields:
            self.fields["program"] = forms.CharField(widget=ProgramName, disabled=True)
            self.initial["program"] = self.instance.program.name

    @property
    def change(self) -> state.Change:
        program_id = self.instance.program_id or self.cleaned_data["program"].pk
        return state.Change(program_id=program_id, enrollment_status=self.cleaned_data["status"])


class EnrollmentFormSet(forms.BaseInlineFormSet[Enrollment, Participant, EnrollmentRowForm]):
    def clean(self) -> None:
        enrolled = {form.instance.program_id for form in self.initial_forms}
        for form in self.extra_forms:
            program = getattr(form, "cleaned_data", {}).get("program")
            if program is not None and program.pk in enrolled:
                form.add_error("program", "This program already has a row.")
            elif program is not None:
                enrolled.add(program.pk)

    @property
    def edited(self) -> list[EnrollmentRowForm]:
        return [form for form in self.forms if form.has_changed()]


class EnrollForm(forms.Form):
    """The program to enroll the selected participants in."""

    program = forms.ModelChoiceField(
        Program.objects.filter(status=ProgramStatus.ACTIVE),
        widget=SelectById(Enrollment, "program"),
    )
