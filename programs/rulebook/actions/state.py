"""Actions that change a participant's state."""

from collections.abc import Mapping
from typing import Any

from programs.kernel.cleaning import Errors
from programs.models.rules import (
    MAX_ATTRIBUTE_KEY_LENGTH,
    MAX_ATTRIBUTE_VALUE_LENGTH,
    MAX_COUNTER_KEY_LENGTH,
    MAX_TAG_LENGTH,
)
from programs.models.tiers import BASE_IS_NOT_LENT
from programs.rulebook.actions.declaration import Action
from programs.rulebook.actions.inputs import (
    ChoiceField,
    DurationField,
    ExpressionField,
    FixedValueField,
    FlagField,
    LevelKeyField,
    MomentField,
    NewTagField,
    NumberField,
    TagField,
    TextField,
    TrackKeyField,
    WordsField,
)
from programs.rules.calendars import Period


class Tag(Action):
    type = "TAG"
    label = "Tag: add a tag"
    subject = "Tag"
    summary = "Adds the tag."

    tag = NewTagField("Stored trimmed and in lower case.", longest=MAX_TAG_LENGTH)


class Untag(Action):
    type = "UNTAG"
    label = "Untag: remove a tag"
    subject = "Tag"
    summary = "Removes the tag."

    tag = TagField("In lower case, as it is stored.", longest=MAX_TAG_LENGTH)


class Counter(Action):
    type = "COUNTER"
    label = "Counter: add to a counter"
    subject = "Counter"
    summary = "Adds the value to the counter, which starts at 0."
    needs_active = True

    key = WordsField(
        "The counter's key, such as visits.",
        label="Counter",
        longest=MAX_COUNTER_KEY_LENGTH,
        form_name="counter",
    )
    value = NumberField(
        "A number, or an expression such as event.amount.", label="Adds", form_name="added"
    )
    reset_after = DurationField(
        "How long a window of the counter lasts, such as 24h or 30d, from the event that opens it; the next event after its end starts at 0 again. Empty or left out: it never resets.",
        label="Resets after",
        required=False,
    )
    reset = ChoiceField(
        *(period.value for period in Period),
        help="The calendar period of the program's time zone that the counter counts in; with the next one it starts at 0 again. Weeks begin on Monday. Empty or left out: none.",
        label="Resets each",
        default=None,
    )

    @classmethod
    def check(cls, action: Mapping[str, Any], errors: Errors, path: str) -> None:
        if "reset_after" in action and "reset" in action:
            errors.add(f"{path}.reset", "invalid", "Give reset_after or reset, not both.")

    @classmethod
    def schema(cls) -> dict[str, Any]:
        schema = super().schema()
        return {
            **schema,
            "maxProperties": len(schema["required"]) + 1,
        }  # one window, of either kind


class SetAttribute(Action):
    type = "SET_ATTRIBUTE"
    label = "Set attribute"
    subject = "Attribute"
    summary = "Sets the attribute to a fixed text or to the value of an expression."
    either = ("value", "expression")

    key = TextField(
        "The attribute's key, such as plan.",
        label="Attribute",
        longest=MAX_ATTRIBUTE_KEY_LENGTH,
        form_name="attribute",
    )
    value = FixedValueField(
        "A fixed text. For anything else, leave it out and give an expression.",
        label="Text",
        longest=MAX_ATTRIBUTE_VALUE_LENGTH,
        least=0,
        is_long=True,
        required=False,
        form_name="text",
    )
    expression = ExpressionField(
        "An expression such as event.plan, 5 or true. A number is rounded to 40 digits.",
        required=False,
    )


class SetTier(Action):
    type = "SET_TIER"
    label = "Set tier"
    subject = "Tier"
    summary = (
        "Puts the participant on a level of the track: as what they have earned or, with expires_at, as a loan."
        " Does nothing where their level on the track is pinned."
    )

    tier = TrackKeyField("The key of one of the program's tier tracks.")
    level = LevelKeyField(
        'The key of a level of the track; "" is the base.', track=tier, form_name="tier"
    )
    expires_at = MomentField(
        "When the level ends: a duration after the event such as 720h, or a time such as 2026-12-24T00:00:00Z. Until then it is"
        " lent: they stand on it or on what they have earned, whichever is higher. Empty or left out: it does not end.",
        label="Expires",
        required=False,
    )
    pinned = FlagField(
        "Whether the level is pinned: no later rule or counter moves them, up or down, until it ends or somebody sets another.",
        label="Pinned",
        default=None,
    )

    @classmethod
    def check(cls, action: Mapping[str, Any], errors: Errors, path: str) -> None:
        if action.get("level") == "" and "expires_at" in action and not action.get("pinned"):
            errors.add(f"{path}.expires_at", "invalid", BASE_IS_NOT_LENT)
