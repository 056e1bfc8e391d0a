"""The bodies that create, change and check a rule, read alike for the API, the admin and simulations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from programs.kernel import decimals
from programs.kernel.cleaning import (
    Errors,
    choice_of,
    flag_of,
    instant_of,
    members_of,
    refuse_unknown,
    text_of,
    uuid_of,
)
from programs.models.rules import MAX_CONDITION_LENGTH, MAX_ORDER, RuleStatus
from programs.rulebook import expressions
from programs.rulebook.actions import clean_actions
from programs.versions import version_of

Reader = Callable[[object, Errors, str], Any]

MAX_NAME_LENGTH = 255
MAX_DESCRIPTION_LENGTH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRule:
    """The rule to create. `order` is None to put it after all others; `actions` are as they are stored."""

    program_id: UUID
    name: str
    description: str = ""
    condition: str
    actions: list[dict[str, Any]]
    order: int | None = None
    stop_after_match: bool = False
    active_from: datetime | None = None
    active_to: datetime | None = None
    status: str = RuleStatus.ACTIVE.value


@dataclass(frozen=True, slots=True)
class Draft:
    """A condition, actions, or both, to check without storing them; with a `program_id`, for that program."""

    program_id: UUID | None
    condition: str | None
    actions: list[Any] | None


def clean_new(body: object) -> NewRule:
    """Read the body that creates a rule. Raises ValidationFailed."""
    errors = Errors()
    members = members_of(body, errors)
    program_id = uuid_of(members.pop("program_id", None), errors, "program_id")
    values = _read(members, errors)
    for name in ("name", "condition", "actions"):
        if name not in values:
            errors.add(name, "required", "This field is required.")
    refuse_empty_window(values.get("active_from"), values.get("active_to"), errors)
    errors.raise_if_any()
    assert program_id is not None
    return NewRule(program_id=program_id, **values)


def clean_change(body: object) -> dict[str, Any]:
    """Read the body that changes a rule and return the fields that it names, as they are stored.

    Raises ValidationFailed.
    """
    errors = Errors()
    return _read_change(members_of(body, errors), errors)


def clean_edit(body: object) -> tuple[dict[str, Any], int | None]:
    """Read the body that changes a version of a rule: the fields, as from `clean_change`, and the version if it says one.

    Raises ValidationFailed.
    """
    errors = Errors()
    members = members_of(body, errors)
    shown = version_of(members.pop("version"), errors) if "version" in members else None
    return _read_change(members, errors), shown


def clean_restoration(body: object) -> int:
    """Read the body that restores a version of a rule, and return its number. Raises ValidationFailed."""
    errors = Errors()
    members = members_of(body, errors)
    version = None
    if "version" in members:
        version = version_of(members.pop("version"), errors)
    else:
        errors.add("version", "required", "This field is required.")
    refuse_unknown(members, errors)
    errors.raise_if_any()
    assert version is not None
    return version


def clean_draft(body: object) -> Draft:
    """Read the body that asks for a check. Raises ValidationFailed if its shape is wrong; what it holds may be."""
    errors = Errors()
    members = members_of(body, errors)
    program_id = None
    if "program_id" in members:
        program_id = uuid_of(members.pop("program_id") or "", errors, "program_id")
    named = members.keys() & {"condition", "actions"}
    condition, actions = members.pop("condition", None), members.pop("actions", None)
    if not named:
        errors.add("body", "invalid", "Give a condition, actions, or both.")
    if "condition" in named and not isinstance(condition, str):
        errors.add("condition", "type", "Give a string.")
    if "actions" in named and not isinstance(actions, list):
        errors.add("actions", "type", "Give a list of actions.")
    refuse_unknown(members, errors)
    errors.raise_if_any()
    return Draft(program_id, condition, actions)


def refuse_empty_window(start: datetime | None, end: datetime | None, errors: Errors) -> None:
    if start is not None and end is not None and start >= end:
        errors.add("active_to", "invalid", "Give a time after active_from.")


def clean_condition(value: object, errors: Errors, name: str = "condition") -> str:
    text = text_of(value, errors, name, longest=MAX_CONDITION_LENGTH)
    if text:
        expressions.check(text, errors, name, "bool")
    return text


def _order(value: object, errors: Errors, name: str) -> int:
    order = decimals.whole(value)
    if order is None:
        errors.add(name, "type", "Give a whole number.")
    elif not 1 <= order <= MAX_ORDER:
        errors.add(name, "out_of_range", f"Give a number from 1 to {MAX_ORDER}.")
    else:
        return order
    return 0


def _instant(value: object, errors: Errors, name: str) -> datetime | None:
    return None if value is None else instant_of(value, errors, name)


_READERS: Final[Mapping[str, Reader]] = {
    "name": partial(text_of, longest=MAX_NAME_LENGTH),
    "description": partial(text_of, longest=MAX_DESCRIPTION_LENGTH, may_be_blank=True),
    "condition": clean_condition,
    "actions": clean_actions,
    "order": _order,
    "stop_after_match": flag_of,
    "active_from": _instant,
    "active_to": _instant,
    "status": partial(choice_of, choices=RuleStatus.values),
}
FIELDS: Final = tuple(_READERS)  # in documented order


def _read_change(members: dict[str, Any], errors: Errors) -> dict[str, Any]:
    if "program_id" in members:
        del members["program_id"]
        errors.add("program_id", "read_only", "The program of a rule cannot be changed.")
    values = _read(members, errors)
    errors.raise_if_any()
    return values


def _read(members: dict[str, Any], errors: Errors) -> dict[str, Any]:
    """Read the fields that the body names, and refuse what else it names."""
    values = {
        name: read(members.pop(name), errors, name)
        for name, read in _READERS.items()
        if name in members
    }
    refuse_unknown(members, errors)
    return values
