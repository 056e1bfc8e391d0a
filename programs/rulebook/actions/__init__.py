"""What a rule can do.

A new type of action is a class here, listed in ACTION_TYPES, and its effect in `participants.events.actions`.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from programs.kernel.cleaning import Errors, choice_of
from programs.rulebook.actions.declaration import Action, Field
from programs.rulebook.actions.state import Counter, SetAttribute, SetTier, Tag, Untag
from programs.rulebook.actions.value import Credit, Debit, Forfeit, Hold, Movement, Release
from programs.rulebook.findings import Findings
from programs.rulebook.program_names import ProgramNames

__all__ = [
    "ACTION_TYPES",
    "Action",
    "Counter",
    "Credit",
    "Debit",
    "Field",
    "Forfeit",
    "Hold",
    "Movement",
    "Release",
    "SetAttribute",
    "SetTier",
    "Tag",
    "Untag",
    "clean_actions",
    "compiled_action",
    "in_documented_order",
    "review_actions",
]

MAX_ACTIONS = 50

ACTION_TYPES: Final[dict[str, type[Action]]] = {
    action.type: action
    for action in (
        Credit,
        Debit,
        Hold,
        Release,
        Forfeit,
        Tag,
        Untag,
        Counter,
        SetAttribute,
        SetTier,
    )
}


def clean_actions(value: object, errors: Errors, name: str = "actions") -> list[dict[str, Any]]:
    """Read the actions of a rule and return them as they are stored; errors in the second are about "actions[1]".

    Numbers lose trailing zeros, tags are lower-cased, durations and times are spelled as in the API, defaults are filled in.
    """
    if not isinstance(value, list):
        errors.add(name, "required" if value is None else "type", "Give a list of actions.")
        return []
    if len(value) > MAX_ACTIONS:
        errors.add(name, "too_many", f"At most {MAX_ACTIONS} actions.")
        return []
    return [_read(part, errors, f"{name}[{index}]") for index, part in enumerate(value)]


def _read(value: object, errors: Errors, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        errors.add(path, "type", "Give a JSON object.")
        return {}
    members = dict(value)
    kind = choice_of(members.pop("type", None), errors, f"{path}.type", list(ACTION_TYPES))
    return ACTION_TYPES[kind].read(members, errors, path) if kind else {}


def review_actions(
    actions: Iterable[Mapping[str, Any]],
    names: ProgramNames,
    found: Findings,
    name: str = "actions",
) -> None:
    """Add what is wrong with stored actions in this program: assets, tracks and levels that it does not have, and
    what their expressions name; and what is probably wrong.
    """
    for index, action in enumerate(actions):
        ACTION_TYPES[action["type"]].review(action, names, found, f"{name}[{index}]")


def compiled_action(stored: Mapping[str, Any]) -> Action:
    """Compile a stored action. Raises RuleSyntaxError."""
    return ACTION_TYPES[stored["type"]].compiled(stored)


def in_documented_order(actions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return stored actions with their fields in the documented order, which jsonb does not keep."""
    return [
        {name: action[name] for name in _documented(action) if name in action} for action in actions
    ]


def _documented(action: Mapping[str, Any]) -> Iterable[str]:
    kind = ACTION_TYPES.get(action["type"])
    # One that only a later version knows is shown as it is.
    return ("type", *kind.fields) if kind else action
