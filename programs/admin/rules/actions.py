"""The actions of a rule as rows of a form, whose inputs derive from the declarations in `programs.rulebook.actions`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from django import forms

from programs.admin.rules.choices import ProgramChoices
from programs.admin.rules.inputs import CodeField, Lines
from programs.kernel.exceptions import FieldError
from programs.rulebook.actions import ACTION_TYPES, Field


def inputs_of(kind: str) -> dict[str, list[str]]:
    """The inputs that a type of action uses, each with the names of the fields that it is for."""
    inputs: dict[str, list[str]] = {}
    for name, field in ACTION_TYPES[kind].fields.items():
        if field.is_in_form:
            inputs.setdefault(field.form_name, []).append(name)
    return inputs


def for_scripts() -> dict[str, Any]:
    """What `rule_actions.js` needs to know about each type to read a row as `action_of` does."""
    return {
        kind: {"inputs": inputs_of(kind), "either": action.either}
        for kind, action in ACTION_TYPES.items()
    }


def action_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the action that the inputs of a row describe. What is empty is left out."""
    kind = values["type"]
    action = {"type": kind}
    for name, fields in inputs_of(kind).items():
        if value := values.get(name):
            parts = value.split(":", len(fields) - 1) if len(fields) > 1 else [value]
            action.update(zip(fields, parts, strict=False))
    if either := ACTION_TYPES[kind].either:
        text, other = either
        if other not in action:
            action.setdefault(text, "")
    return action


def row_of(action: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a row for a stored action."""
    fields = ACTION_TYPES[action["type"]].fields
    row = {"type": action["type"]}
    for name, members in inputs_of(action["type"]).items():
        values = [action.get(each) for each in members]
        if len(values) > 1:
            row[name] = ":".join(map(str, values))
        elif values[0] != fields[members[0]].default:  # which the form shows as empty
            row[name] = values[0]
    return row


def _by_subject() -> dict[str, dict[str, list[str]]]:
    """The inputs of all types under the subjects of their types, each with the types that use it."""
    places: dict[str, dict[str, int]] = {}
    for kind, action in ACTION_TYPES.items():
        for place, name in enumerate(inputs_of(kind)):
            places.setdefault(action.subject, {}).setdefault(name, place)
    # An input stands where its type has it, also among inputs that other types have declared before.
    return {
        subject: {
            name: [kind for kind in ACTION_TYPES if name in inputs_of(kind)]
            for name in sorted(inputs, key=inputs.__getitem__)
        }
        for subject, inputs in places.items()
    }


def _choice(field: Field[Any], choices: ProgramChoices) -> forms.Field:
    names: tuple[str, ...] = field.choices  # type: ignore[attr-defined]
    offered = [("" if name == field.default else name, name.capitalize()) for name in names]
    if field.default is None:
        offered.insert(0, ("", "None"))
    return forms.ChoiceField(choices=offered)


_INPUTS: Final[Mapping[str, Callable[[Field[Any], ProgramChoices], forms.Field]]] = {
    "asset": lambda field, choices: forms.ChoiceField(choices=choices.assets),
    "tier": lambda field, choices: forms.ChoiceField(choices=choices.tiers),
    "choice": _choice,
    "check": lambda field, choices: forms.BooleanField(),
    "code": lambda field, choices: CodeField(),
    "lines": lambda field, choices: Lines(),
    "text": lambda field, choices: forms.CharField(strip=False),
}


def _input(field: Field[Any], choices: ProgramChoices) -> forms.Field:
    made = _INPUTS[field.widget](field, choices)
    # The rulebook says what is required, once the type is known.
    made.required, made.label, made.help_text = False, field.label, field.help
    return made


class ActionForm(forms.Form):
    """One action. It has the inputs of all types; `inputs_of` says which belong to one."""

    type = forms.ChoiceField(label="What happens", required=False)

    def __init__(self, *args: Any, choices: ProgramChoices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        types = [(kind, action.label) for kind, action in ACTION_TYPES.items()]
        self.fields["type"].choices = [("", "Choose what happens"), *types]  # type: ignore[attr-defined]
        for action in ACTION_TYPES.values():
            for field in action.fields.values():
                if field.is_in_form and field.form_name not in self.fields:
                    self.fields[field.form_name] = _input(field, choices)
        self.names = list(self.fields)  # without those that the formset adds

    @property
    def is_blank(self) -> bool:
        return not any(self.cleaned_data.get(name) for name in self.names)

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        kind = values.get("type", "")
        if not kind:
            if not self.is_blank and "type" not in self.errors:
                self.add_error("type", "Choose what happens.")
            return values
        # Without JavaScript the inputs of all types are on the page.
        for name in sorted({*self.names} - {"type", *inputs_of(kind)}):
            if values.get(name):
                self.add_error(name, f"{kind} does not take this; leave it empty.")
        return values

    def groups(self) -> Iterator[tuple[str, list[tuple[forms.BoundField, str]]]]:
        """The inputs by subject, each with the types that use it."""
        for subject, inputs in _by_subject().items():
            yield subject, [(self[name], " ".join(types)) for name, types in inputs.items()]

    def add_refusal(self, name: str, error: FieldError, place: str) -> None:
        field = ACTION_TYPES[self.cleaned_data["type"]].fields.get(name)
        message = f"{place.lstrip('.')}: {error.message}" if place else error.message
        form_name = field.form_name if field else "type"
        # Two fields may share an input, which says the same only once.
        if message not in self.errors.get(form_name, []):
            self.add_error(form_name, message)


class ActionRows(forms.BaseFormSet[ActionForm]):
    """The actions of a rule, in the order that the rows give. A blank row is ignored."""

    @cached_property
    def kept(self) -> list[ActionForm]:
        filled = [
            form
            for form in self.forms
            if not self._should_delete_form(form)  # type: ignore[attr-defined]
            if not (form.is_valid() and form.is_blank)
        ]
        return sorted(filled, key=_place)

    def actions(self) -> list[dict[str, Any]]:
        return [action_of(form.cleaned_data) for form in self.kept]

    def in_order(self) -> list[ActionForm]:
        """The rows as the page shows them, after a refusal too."""
        return sorted(self.forms, key=_place) if self.is_bound else list(self.forms)


def _place(form: ActionForm) -> float:
    order = getattr(form, "cleaned_data", {}).get("ORDER")
    return float("inf") if order is None else order


def rows_of(actions: Sequence[Mapping[str, Any]], data: Any, choices: ProgramChoices) -> ActionRows:
    """A row for each action, or as the form was sent, and a blank one; two blank ones where there are no actions."""
    factory = forms.formset_factory(
        ActionForm, ActionRows, extra=1 if actions else 2, can_order=True, can_delete=True
    )
    initial = None if data is not None else [row_of(action) for action in actions]
    rows = factory(data, prefix="actions", initial=initial, form_kwargs={"choices": choices})
    assert isinstance(rows, ActionRows)
    return rows
