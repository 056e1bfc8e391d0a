"""What a rule may do: the types of actions, and what each says."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class DescribedAction:
    """`fields` must be given, `optional` ones may be; those in `expressions` are written in the language."""

    type: str
    fields: tuple[str, ...]
    description: str
    optional: tuple[str, ...] = ()
    expressions: tuple[str, ...] = ()


ACTIONS: Final = (
    DescribedAction(
        "CREDIT",
        ("asset_id", "amount"),
        'Gives the amount. bucket is AVAILABLE unless it says HELD; matures_at defers it, for a duration ("720h") or until a time.',
        ("bucket", "description", "matures_at"),
        ("amount",),
    ),
    DescribedAction(
        "DEBIT",
        ("asset_id", "amount"),
        "Takes the amount from what is available. With too little there the event fails, unless allow_negative is true.",
        ("allow_negative", "description"),
        ("amount",),
    ),
    DescribedAction(
        "HOLD",
        ("asset_id", "amount"),
        "Sets the amount aside: from available to held. bucket, if given, is AVAILABLE.",
        ("bucket", "description"),
        ("amount",),
    ),
    DescribedAction(
        "RELEASE",
        ("asset_id", "amount"),
        "Gives back what was set aside: from held to available. bucket, if given, is HELD.",
        ("bucket", "description"),
        ("amount",),
    ),
    DescribedAction(
        "FORFEIT",
        ("asset_id", "amount"),
        "Takes the amount away for good, from AVAILABLE unless bucket says HELD or DEFERRED.",
        ("bucket", "description"),
        ("amount",),
    ),
    DescribedAction("TAG", ("tag",), "Adds the tag, in lower case."),
    DescribedAction("UNTAG", ("tag",), "Takes the tag away."),
    DescribedAction(
        "COUNTER",
        ("key", "value"),
        'Adds the value to the counter, which begins at 0. reset_after is a duration ("24h"), after which it begins anew.',
        ("reset_after",),
        ("value",),
    ),
    DescribedAction(
        "SET_ATTRIBUTE",
        ("key", "value or expression"),
        "Sets the attribute: value is taken as the text it is, expression is worked out.",
        (),
        ("expression",),
    ),
    DescribedAction(
        "SET_TIER",
        ("tier", "level"),
        'Puts the participant on the level of the track, both by their keys; a level of "" is the base.',
    ),
)
