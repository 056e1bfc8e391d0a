"""The actions of a rule as rows of a form: which fields each type asks, and how a row becomes an action and back."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from django import forms

from programs.admin.rules.fields import CodeField, Lines
from programs.admin.rules.vocabulary import Vocabulary, tier_of
from programs.kernel.exceptions import FieldError

# What a type of action asks: the name in the rule, and the field of the row that gives it.
_VALUE: Final = {"asset_id": "asset", "amount": "amount"}
ASKED: Final[Mapping[str, Mapping[str, str]]] = {
    "CREDIT": {
        **_VALUE,
        "bucket": "into",
        "matures_at": "matures_at",
        "description": "description",
    },
    "DEBIT": {**_VALUE, "allow_negative": "allow_negative", "description": "description"},
    "HOLD": {**_VALUE, "description": "description"},
    "RELEASE": {**_VALUE, "description": "description"},
    "FORFEIT": {**_VALUE, "bucket": "out_of", "description": "description"},
    "TAG": {"tag": "tag"},
    "UNTAG": {"tag": "tag"},
    "COUNTER": {"key": "counter", "value": "added", "reset_after": "reset_after"},
    "SET_ATTRIBUTE": {"key": "attribute", "value": "text", "expression": "expression"},
    "SET_TIER": {"tier": "tier", "level": "tier"},
}
TYPES: Final = [
    ("", "Choose what happens"),
    ("CREDIT", "Credit: give an amount"),
    ("DEBIT", "Debit: take an amount"),
    ("HOLD", "Hold: set an amount aside"),
    ("RELEASE", "Release: give back what was held"),
    ("FORFEIT", "Forfeit: take away for good"),
    ("TAG", "Tag: add a tag"),
    ("UNTAG", "Untag: take a tag away"),
    ("COUNTER", "Counter: add to a counter"),
    ("SET_ATTRIBUTE", "Set attribute"),
    ("SET_TIER", "Set tier"),
]
PARTS: Final = [
    (
        "Value",
        ["asset", "amount", "into", "out_of", "matures_at", "allow_negative", "description"],
    ),
    ("Tag", ["tag"]),
    ("Counter", ["counter", "added", "reset_after"]),
    ("Attribute", ["attribute", "text", "expression"]),
    ("Tier", ["tier"]),
]


def action_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The action that the fields of a row say; what is left empty is left out."""
    kind = values["type"]
    action = {"type": kind}
    for name, field in ASKED[kind].items():
        if values.get(field):
            action[name] = values[field]
    if kind == "SET_TIER" and values.get("tier"):
        action["tier"], _, action["level"] = values["tier"].partition(":")
    if kind == "SET_ATTRIBUTE" and "expression" not in action:
        action["value"] = values.get("text", "")
    return action


def row_of(action: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row for an action."""
    kind = action["type"]
    row = {"type": kind, **{field: action.get(name) for name, field in ASKED[kind].items()}}
    for bucket in ("into", "out_of"):
        if row.get(bucket) == "AVAILABLE":
            row[bucket] = ""  # as where nothing is said
    return {**row, "tier": tier_of(action)} if kind == "SET_TIER" else row


class ActionForm(forms.Form):
    """One action. The fields of all types stand in it; `ASKED` says which belong together."""

    type = forms.ChoiceField(label="What happens", choices=TYPES, required=False)
    asset = forms.ChoiceField(required=False)
    amount = CodeField(
        required=False,
        help_text="A number, or an expression such as round(event.amount * 0.05, 2).",
    )
    into = forms.ChoiceField(
        label="Bucket",
        required=False,
        choices=[("", "Available"), ("HELD", "Held")],
        help_text="Where it goes.",
    )
    out_of = forms.ChoiceField(
        label="Bucket",
        required=False,
        choices=[("", "Available"), ("HELD", "Held"), ("DEFERRED", "Deferred")],
        help_text="Where it is taken from.",
    )
    matures_at = forms.CharField(
        label="Matures",
        required=False,
        strip=False,
        help_text="Empty: at once. Otherwise after a time such as 720h, or at 2026-12-24T00:00:00Z.",
    )
    allow_negative = forms.BooleanField(
        label="The balance may become negative",
        required=False,
    )
    description = Lines(required=False, help_text="What the participant's history says of it.")
    tag = forms.CharField(required=False, strip=False)
    counter = forms.CharField(
        label="Counter", required=False, strip=False, help_text="Its name, such as visits."
    )
    added = CodeField(
        label="Adds", required=False, help_text="A number, or an expression such as event.amount."
    )
    reset_after = forms.CharField(
        label="Begins anew after",
        required=False,
        strip=False,
        help_text="A time such as 24h or 720h; empty: never.",
    )
    attribute = forms.CharField(
        label="Attribute", required=False, strip=False, help_text="Its name, such as plan."
    )
    text = Lines(label="Text", required=False, help_text="The value, taken as it is; or else:")
    expression = CodeField(required=False, help_text="What is worked out, such as event.plan.")
    tier = forms.ChoiceField(label="Tier", required=False)

    def __init__(self, *args: Any, vocabulary: Vocabulary, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["asset"].choices = vocabulary.asset_choices  # type: ignore[attr-defined]
        self.fields["tier"].choices = vocabulary.tier_choices  # type: ignore[attr-defined]

    @property
    def is_blank(self) -> bool:
        return not any(self.cleaned_data.get(name) for name in ActionForm.base_fields)

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        kind = values.get("type", "")
        if not kind and not self.is_blank and "type" not in self.errors:
            self.add_error("type", "Choose what happens.")
        # Without a script all fields stand on the page.
        foreign = set(ActionForm.base_fields) - {"type", *ASKED.get(kind, {}).values()}
        for name in sorted(foreign if kind else ()):
            if values.get(name):
                self.add_error(name, f"{kind} does not take this; leave it empty.")
        return values

    def parts(self) -> Iterator[tuple[str, list[tuple[forms.BoundField, str]]]]:
        """The fields by subject, each with the types that ask it."""
        for title, names in PARTS:
            yield title, [(self[name], " ".join(_types_asking(name))) for name in names]

    def add_refusal(self, name: str, error: FieldError, place: str) -> None:
        # The rulebook tells of the tier and the level apart, of which the row has one field.
        field = ASKED.get(self.cleaned_data.get("type", ""), {}).get(name, "type")
        words = f"{place.lstrip('.')}: {error.message}" if place else error.message
        if words not in self.errors.get(field, []):
            self.add_error(field, words)


def _types_asking(field: str) -> list[str]:
    return [kind for kind, asked in ASKED.items() if field in asked.values()]


class ActionRows(forms.BaseFormSet[ActionForm]):
    """The actions of a rule, in the order that the rows ask for. A row that says nothing is none."""

    @cached_property
    def kept(self) -> list[ActionForm]:
        said = [
            form
            for form in self.forms
            if not self._should_delete_form(form)  # type: ignore[attr-defined]
            if not (form.is_valid() and form.is_blank)
        ]
        return sorted(said, key=_place)

    def actions(self) -> list[dict[str, Any]]:
        return [action_of(form.cleaned_data) for form in self.kept]

    def in_order(self) -> list[ActionForm]:
        """The rows as the page shows them, after a refusal too."""
        return sorted(self.forms, key=_place) if self.is_bound else list(self.forms)


def _place(form: ActionForm) -> float:
    order = getattr(form, "cleaned_data", {}).get("ORDER")
    return float("inf") if order is None else order


def rows_of(actions: Sequence[Mapping[str, Any]], data: Any, vocabulary: Vocabulary) -> ActionRows:
    """A row for each action, or as the form was sent, and a free one: two where there is nothing yet."""
    factory = forms.formset_factory(
        ActionForm, ActionRows, extra=1 if actions else 2, can_order=True, can_delete=True
    )
    initial = None if data is not None else [row_of(action) for action in actions]
    rows = factory(data, prefix="actions", initial=initial, form_kwargs={"vocabulary": vocabulary})
    assert isinstance(rows, ActionRows)
    return rows
