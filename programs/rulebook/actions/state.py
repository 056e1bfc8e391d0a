"""Actions that change a participant's state."""

from programs.rulebook.actions.declaration import Action
from programs.rulebook.actions.inputs import (
    DurationField,
    ExpressionField,
    FixedValueField,
    LevelKeyField,
    NumberField,
    TagField,
    TextField,
    TrackKeyField,
    WordsField,
)

MAX_TAG_LENGTH = 255
MAX_KEY_LENGTH = 100
MAX_VALUE_LENGTH = 1000


class Tag(Action):
    type = "TAG"
    label = "Tag: add a tag"
    subject = "Tag"
    summary = "Adds the tag."

    tag = TagField("Stored in lower case.", longest=MAX_TAG_LENGTH)


class Untag(Action):
    type = "UNTAG"
    label = "Untag: remove a tag"
    subject = "Tag"
    summary = "Removes the tag."

    tag = Tag.tag


class Counter(Action):
    type = "COUNTER"
    label = "Counter: add to a counter"
    subject = "Counter"
    summary = "Adds the value to the counter, which starts at 0."
    needs_active = True

    key = WordsField(
        "The counter's key, such as visits.",
        label="Counter",
        longest=MAX_KEY_LENGTH,
        form_name="counter",
    )
    value = NumberField(
        "A number, or an expression such as event.amount.", label="Adds", form_name="added"
    )
    reset_after = DurationField(
        "How long a window of the counter lasts, such as 24h or 30d; then it starts at 0 again. Empty or left out: it never resets.",
        label="Resets after",
        required=False,
    )


class SetAttribute(Action):
    type = "SET_ATTRIBUTE"
    label = "Set attribute"
    subject = "Attribute"
    summary = "Sets the attribute to a fixed text or to the value of an expression."
    either = ("value", "expression")

    key = TextField(
        "The attribute's key, such as plan.",
        label="Attribute",
        longest=MAX_KEY_LENGTH,
        form_name="attribute",
    )
    value = FixedValueField(
        "A fixed text. For anything else, leave it out and give an expression.",
        label="Text",
        longest=MAX_VALUE_LENGTH,
        least=0,
        is_long=True,
        required=False,
        form_name="text",
    )
    expression = ExpressionField("An expression such as event.plan, 5 or true.", required=False)


class SetTier(Action):
    type = "SET_TIER"
    label = "Set tier"
    subject = "Tier"
    summary = "Puts the participant on a level of the track."

    tier = TrackKeyField("The key of one of the program's tier tracks.")
    level = LevelKeyField(
        'The key of a level of the track; "" is the base.', track=tier, form_name="tier"
    )
