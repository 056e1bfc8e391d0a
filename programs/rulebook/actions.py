"""What a rule may do: for each type of action what it says, how that is read, and how it is stored."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from programs.kernel import decimals, durations, instants
from programs.kernel.cleaning import Errors, choice_of, flag_of, text_of, uuid_of
from programs.kernel.exceptions import Position
from programs.models.tiers import KEY
from programs.rulebook import vocabulary
from programs.rules import RuleSyntaxError
from programs.rules.expression import Result
from programs.tracks.bodies import MAX_KEY_LENGTH as MAX_TRACK_KEY_LENGTH

MAX_ACTIONS = 50
MAX_EXPRESSION_LENGTH = 4096
MAX_DESCRIPTION_LENGTH = 500
MAX_TAG_LENGTH = 255
MAX_KEY_LENGTH = 100  # of a counter, and of an attribute
MAX_VALUE_LENGTH = 1000  # of an attribute
TRACK_KEY = "[a-z][a-z0-9_]*"
_TRACK_KEY = re.compile(TRACK_KEY, re.ASCII)

Reader = Callable[[object, Errors, str], Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """What an action of one type says: what it must, what it may, and what holds where that is left out."""

    required: Mapping[str, Reader]
    optional: Mapping[str, Reader] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    # What one field makes of another.
    check: Callable[[Mapping[str, Any], Errors, str], None] | None = None

    @property
    def readers(self) -> dict[str, Reader]:
        return {**self.required, **self.optional}


def clean_actions(value: object, errors: Errors, name: str = "actions") -> list[dict[str, Any]]:
    """Read the actions of a rule; what is wrong with the second is about "actions[1]".

    Numbers come without trailing zeros, tags in lower case, durations and times as the API spells them, and what may be
    left out as what then holds.
    """
    if not isinstance(value, list):
        errors.add(name, "required" if value is None else "type", "Give a list of actions.")
        return []
    if len(value) > MAX_ACTIONS:
        errors.add(name, "too_many", f"At most {MAX_ACTIONS} actions.")
        return []
    return [_action(part, errors, f"{name}[{index}]") for index, part in enumerate(value)]


def compiles(text: str, errors: Errors, name: str, result: Result | None) -> bool:
    """Whether the text is an expression with this result; if not, the error says where and what was expected."""
    try:
        vocabulary.compile(text, result)
    except RuleSyntaxError as error:
        where = Position(error.line, error.column, error.offending)
        errors.add(name, "syntax", str(error), where)
        return False
    return True


def spelled(actions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The actions with their fields in the order in which they are documented, which jsonb does not keep."""
    return [{**dict.fromkeys(_names(action)), **action} for action in actions]


def _names(action: Mapping[str, Any]) -> list[str]:
    return [name for name in ("type", *SHAPES[action["type"]].readers) if name in action]


def _action(value: object, errors: Errors, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        errors.add(path, "type", "Give a JSON object.")
        return {}
    members = dict(value)
    kind = choice_of(members.pop("type", None), errors, f"{path}.type", list(SHAPES))
    if not kind:
        return {}
    shape = SHAPES[kind]
    action: dict[str, Any] = {"type": kind}
    for name, read in shape.readers.items():
        if name in members:
            action[name] = read(members.pop(name), errors, f"{path}.{name}")
        elif name in shape.required:
            errors.add(f"{path}.{name}", "required", "This field is required.")
        elif name in shape.defaults:
            action[name] = shape.defaults[name]
    for name in members:
        known = ", ".join(shape.readers)
        errors.add(
            f"{path}.{name}"[:100], "unknown", f"A {kind} has no such field; it has {known}."
        )
    if shape.check is not None:
        shape.check(action, errors, path)
    return action


def _asset_id(value: object, errors: Errors, name: str) -> str:
    return str(uuid_of(value, errors, name))


def _number(value: object, errors: Errors, name: str) -> str:
    """A plain number, without trailing zeros, or an expression that is one, as it was given."""
    try:
        return decimals.written(decimals.read(value))
    except decimals.NotADecimal:
        return _expression(
            value,
            errors,
            name,
            result="number",
            wanted='Give a string: a number such as "12.50", or an expression such as "event.amount * 2".',
        )


def _expression(
    value: object,
    errors: Errors,
    name: str,
    *,
    result: Result | None = None,
    wanted: str = "Give an expression: a string.",
) -> str:
    if value is not None and not isinstance(value, str):
        errors.add(name, "type", wanted)
        return ""
    text = text_of(value, errors, name, longest=MAX_EXPRESSION_LENGTH)
    if text:
        compiles(text, errors, name, result)
    return text


def _maturity(value: object, errors: Errors, name: str) -> str:
    """A duration or a time, as the API spells either."""
    try:
        return durations.written(durations.read(value))
    except ValueError:
        pass
    try:
        return instants.written(instants.read(value))
    except ValueError:
        message = 'Give a duration such as "720h", or a time such as "2026-01-15T10:30:00Z".'
        errors.add(name, "invalid", message)
        return ""


def _window(value: object, errors: Errors, name: str) -> str:
    try:
        return durations.written(durations.read(value))
    except ValueError:
        errors.add(name, "invalid", 'Give a duration such as "24h" or "1h30m".')
        return ""


def _bucket(*known: str) -> Reader:
    def read(value: object, errors: Errors, name: str) -> str:
        return choice_of(value, errors, name, list(known))

    return read


def _tag(value: object, errors: Errors, name: str) -> str:
    tag = value.lower() if isinstance(value, str) else value
    return _short(tag, errors, name, longest=MAX_TAG_LENGTH)


def _short(value: object, errors: Errors, name: str, *, longest: int, least: int = 1) -> str:
    """A text, of white space too, as a participant's tags, keys and values may be."""
    if not isinstance(value, str):
        errors.add(name, "required" if value is None else "type", "Give a string.")
    elif len(value) < least:
        errors.add(name, "blank", "Give at least one character.")
    elif len(value) > longest:
        errors.add(name, "too_long", f"At most {longest} characters.")
    elif "\0" in value:
        errors.add(name, "invalid", "NUL cannot be stored.")
    else:
        return value
    return ""


def _attribute_value(value: object, errors: Errors, name: str) -> str:
    if not isinstance(value, str):
        message = "Give a text; for anything else leave this out and give an `expression`, such as 5, true or event.plan."
        errors.add(name, "type", message)
        return ""
    return _short(value, errors, name, longest=MAX_VALUE_LENGTH, least=0)


def _track_key(value: object, errors: Errors, name: str) -> str:
    key = _short(value, errors, name, longest=MAX_TRACK_KEY_LENGTH)
    if key and not _TRACK_KEY.fullmatch(key):
        errors.add(name, "invalid", str(KEY.message))
    return key


def _level_key(value: object, errors: Errors, name: str) -> str:
    return "" if value == "" else _track_key(value, errors, name)


def _only_what_is_available_matures(action: Mapping[str, Any], errors: Errors, path: str) -> None:
    if "matures_at" in action and action["bucket"] == "HELD":
        errors.add(f"{path}.matures_at", "invalid", "Only a CREDIT to AVAILABLE can mature later.")


def _value_or_expression(action: Mapping[str, Any], errors: Errors, path: str) -> None:
    if "value" in action and "expression" in action:
        errors.add(f"{path}.expression", "invalid", "Give a value or an expression, not both.")
    elif "value" not in action and "expression" not in action:
        errors.add(f"{path}.value", "required", "Give a value, a text, or an expression.")


_MOVED: Final[dict[str, Reader]] = {"asset_id": _asset_id, "amount": _number}
_description: Final = partial(text_of, longest=MAX_DESCRIPTION_LENGTH)
_AVAILABLE: Final = {"bucket": "AVAILABLE"}

SHAPES: Final[Mapping[str, Shape]] = {
    "CREDIT": Shape(
        _MOVED,
        {
            "bucket": _bucket("AVAILABLE", "HELD"),
            "description": _description,
            "matures_at": _maturity,
        },
        _AVAILABLE,
        _only_what_is_available_matures,
    ),
    "DEBIT": Shape(
        _MOVED,
        {"allow_negative": flag_of, "description": _description},
        {"allow_negative": False},
    ),
    "HOLD": Shape(
        _MOVED, {"bucket": _bucket("AVAILABLE"), "description": _description}, _AVAILABLE
    ),
    "RELEASE": Shape(
        _MOVED, {"bucket": _bucket("HELD"), "description": _description}, {"bucket": "HELD"}
    ),
    "FORFEIT": Shape(
        _MOVED,
        {"bucket": _bucket("AVAILABLE", "HELD", "DEFERRED"), "description": _description},
        _AVAILABLE,
    ),
    "TAG": Shape({"tag": _tag}),
    "UNTAG": Shape({"tag": _tag}),
    "COUNTER": Shape(
        {"key": partial(text_of, longest=MAX_KEY_LENGTH), "value": _number},
        {"reset_after": _window},
    ),
    "SET_ATTRIBUTE": Shape(
        {"key": partial(_short, longest=MAX_KEY_LENGTH)},
        {"value": _attribute_value, "expression": _expression},
        check=_value_or_expression,
    ),
    "SET_TIER": Shape({"tier": _track_key, "level": _level_key}),
}
