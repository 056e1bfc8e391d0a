"""The form of a rule: its fields and the rows of its actions, validated together."""

import re
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from django import forms

from programs import rulebook
from programs.admin.form_fields import MomentField
from programs.admin.rules.actions import action_of, row_of, rows_of
from programs.admin.rules.choices import ProgramChoices
from programs.admin.rules.inputs import CodeField, Lines
from programs.admin.rules.templates import actions_of, values_of
from programs.admin.verb_pages import VersionedForm
from programs.exceptions import ChangedMeanwhile, ChangeSince
from programs.kernel import instants
from programs.kernel.exceptions import DomainError, FieldError
from programs.models import Program, Rule, RuleStatus
from programs.rulebook.reference import WorkedRule

_ACTION = re.compile(r"(?:\w+\.)?actions\[(\d+)\]\.?(\w*)(.*)", re.DOTALL)
_FIX_ACTIONS = "Fix the actions that are marked."


class RuleForm(VersionedForm[Rule]):
    """A rule's page, validated as the bodies of the API are. `ready` is what the verb takes."""

    thing = "rule"
    program: ClassVar[Program]
    template: ClassVar[WorkedRule | None] = None
    ready: Any

    name = forms.CharField(
        max_length=255, widget=forms.TextInput({"class": "vTextField"}), strip=False
    )
    description = Lines(rows=2, required=False)
    condition = CodeField(rows=3)
    order = forms.IntegerField(required=False)
    active_from = MomentField(label="Active from")
    active_to = MomentField(label="Active to")
    status = forms.ChoiceField(
        choices=[(status, status.label) for status in (RuleStatus.ACTIVE, RuleStatus.SUSPENDED)]
    )

    class Meta:
        model = Rule
        fields = [
            "name", "description", "condition", "order", "stop_after_match", "active_from", "active_to", "status",
        ]  # fmt: skip
        help_texts = {"status": "Only active rules run; archived ones are hidden."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_new = self.instance._state.adding
        self.stored = [] if self.is_new else self.instance.actions
        help_texts = {field.name: str(field.help_text) for field in Rule._meta.fields}
        for name, field in self.fields.items():
            field.show_hidden_initial = False  # a stale page is refused as a whole
            field.help_text = help_texts.get(name, "")
        if self.is_new:
            self.instance.program = self.program
            self.fields["order"].help_text = "From 1. Empty: after all others."
            self.fields["status"].initial = RuleStatus.SUSPENDED
            self.fields["status"].help_text = "A suspended rule does nothing until it is activated."
        else:
            self.fields["order"].required = True
        self.choices = ProgramChoices(self.program, self.stored)
        shown = self.stored
        if self.template:
            self.initial.update(values_of(self.template))
            shown = actions_of(self.template, self.choices)
        self.rows = rows_of(shown, self.data if self.is_bound else None, self.choices)

    @cached_property
    def changed_data(self) -> list[str]:
        changed = [name for name in super().changed_data if name in self.Meta.fields]
        return [*changed, "actions"] if self._has_other_actions() else changed

    def _has_other_actions(self) -> bool:
        if not self.is_bound or not self.rows.is_valid():
            return False
        return self.rows.actions() != [action_of(row_of(action)) for action in self.stored]

    def clean(self) -> dict[str, Any]:
        rows_are_valid = self.rows.is_valid()
        cleaned = super().clean()
        if self.is_stale:
            return cleaned
        if not rows_are_valid:
            self.add_error(None, _FIX_ACTIONS)
        read = rulebook.clean_new if self.is_new else rulebook.clean_change
        try:
            self.ready = read(self._body())
        except DomainError as refusal:
            self.add_refusal(refusal)
        return cleaned

    def changes_since(self, version: int) -> Iterable[ChangeSince]:
        return rulebook.changes_since(self.instance, version)

    def _body(self) -> dict[str, Any]:
        """Return the page as a body of the API: all of a new rule, or what differs from the stored one."""
        names = self.Meta.fields if self.is_new else self.changed_data
        given = {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}
        body = {
            name: instants.written(value) if isinstance(value, datetime) else value
            for name, value in given.items()
        }
        if self.rows.is_valid() and (self.is_new or "actions" in self.changed_data):
            body["actions"] = self.rows.actions()
        if self.is_new:
            body["program_id"] = str(self.program.pk)
            if body.get("order") is None:
                body.pop("order", None)
        return body

    def add_refusal(self, refusal: DomainError) -> None:
        if isinstance(refusal, ChangedMeanwhile):
            super().add_refusal(refusal)
            return
        of_actions = [error for error in refusal.fields if error.field.startswith("actions")]
        others = [error for error in refusal.fields if error not in of_actions]
        if others or not of_actions:
            super().add_refusal(DomainError(refusal.message, others))
        for error in of_actions:
            self._add_to_row(error)

    def _add_to_row(self, error: FieldError) -> None:
        found = _ACTION.fullmatch(error.field)
        if not self.rows.is_valid() and found is None:
            return  # the actions were left out, since their rows have errors already
        if found is None or int(found[1]) >= len(self.rows.kept):
            self.add_error(None, f"The actions: {error.message}")
            return
        self.rows.kept[int(found[1])].add_refusal(found[2], error, found[3])
        if not self.non_field_errors():
            self.add_error(None, _FIX_ACTIONS)
