"""What a caller may say of a tier track: the limits, checked the same for the API and the admin."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from programs.kernel import decimals, exact_json
from programs.kernel.cleaning import (
    Errors,
    choice_of,
    decimal_of,
    members_of,
    refuse_unknown,
)
from programs.models.tiers import KEY, MAX_CRITERIA, MAX_LEVELS

MAX_KEY_LENGTH = 64
MAX_NAME_LENGTH = 255
MAX_COUNTER_LENGTH = 100
MAX_RANK = 2_147_483_647
MAX_BENEFITS_LENGTH = 4_000  # characters of JSON
# A body holds them at its fourth level, as a version's snapshot does, which the reader of JSON has to take.
MAX_BENEFITS_DEPTH = exact_json.MAX_DEPTH - 3
MODES = ["ALL", "ANY"]
_KEY = re.compile("[a-z][a-z0-9_]*", re.ASCII)
OPERATORS = [">=", ">", "<=", "<", "=="]


@dataclass(frozen=True, slots=True)
class Level:
    """A level as it is to be stored. `qualification` and `benefits` are JSON, thresholds without trailing zeros."""

    key: str
    rank: int
    display_name: str
    qualification: dict[str, Any] | None
    benefits: list[Any] | dict[str, Any]


@dataclass(frozen=True, slots=True)
class TrackChange:
    """What one call says of a track. What it leaves out (None) stays as it is; levels are all of them from now on."""

    display_name: str | None = None
    levels: list[Level] | None = None


@dataclass(frozen=True, slots=True)
class NewTrack:
    key: str
    display_name: str
    levels: list[Level]


def clean_new(body: object) -> NewTrack:
    """Read the body that creates a track. Raises ValidationFailed."""
    errors = Errors()
    members = members_of(body, errors)
    key = _key(members.pop("key", None), errors, "key")
    display_name = _name(members.pop("display_name", ""), errors, "display_name")
    levels = clean_levels(members.pop("levels", []), errors)
    refuse_unknown(members, errors)
    errors.raise_if_any()
    return NewTrack(key, display_name, levels)


def clean_change(body: object) -> TrackChange:
    """Read the body that changes a track. Raises ValidationFailed."""
    errors = Errors()
    members = members_of(body, errors)
    display_name = levels = None
    if "key" in members:
        del members["key"]
        errors.add("key", "read_only", "The key of a track cannot be changed.")
    if "display_name" in members:
        display_name = _name(members.pop("display_name"), errors, "display_name")
    if "levels" in members:
        levels = clean_levels(members.pop("levels"), errors)
    refuse_unknown(members, errors)
    errors.raise_if_any()
    return TrackChange(display_name, levels)


def clean_levels(value: object, errors: Errors) -> list[Level]:
    """Read all levels of a track; what is wrong with the second is about "levels[1]". In the order of their ranks."""
    if not isinstance(value, list):
        errors.add("levels", "type", "Give a list of levels.")
        return []
    if len(value) > MAX_LEVELS:
        errors.add("levels", "too_many", f"At most {MAX_LEVELS} levels.")
        return []
    levels = [_level(part, errors, f"levels[{index}]") for index, part in enumerate(value)]
    _refuse_repeated([level.key for level in levels], errors, "key")
    _refuse_repeated([level.rank for level in levels], errors, "rank")
    return sorted(levels, key=lambda level: level.rank)


def _level(value: object, errors: Errors, path: str) -> Level:
    members = _members(value, errors, path)
    level = Level(
        key=_key(members.pop("key", None), errors, f"{path}.key"),
        rank=_rank(members.pop("rank", None), errors, f"{path}.rank"),
        display_name=_name(members.pop("display_name", ""), errors, f"{path}.display_name"),
        qualification=_qualification(
            members.pop("qualification", None), errors, f"{path}.qualification"
        ),
        benefits=_benefits(members.pop("benefits", []), errors, f"{path}.benefits"),
    )
    _refuse_unknown(members, errors, path)
    return level


def _refuse_repeated(values: Iterable[str | int], errors: Errors, name: str) -> None:
    seen: set[str | int] = set()
    for index, value in enumerate(values):
        if value in seen:
            errors.add(f"levels[{index}].{name}", "unique", f"Another level has this {name}.")
        elif value:  # what could not be read is "" or 0, and an error already
            seen.add(value)


def _qualification(value: object, errors: Errors, path: str) -> dict[str, Any] | None:
    if value is None:
        return None
    members = _members(value, errors, path)
    mode = choice_of(members.pop("mode", None), errors, f"{path}.mode", MODES)
    criteria = members.pop("criteria", None)
    if not isinstance(criteria, list):
        reason = "required" if criteria is None else "type"
        errors.add(f"{path}.criteria", reason, "Give a list of criteria.")
        criteria = []
    elif not 1 <= len(criteria) <= MAX_CRITERIA:
        errors.add(f"{path}.criteria", "length", f"Give 1 to {MAX_CRITERIA} criteria.")
        criteria = []
    _refuse_unknown(members, errors, path)
    return {
        "mode": mode,
        "criteria": [
            _criterion(part, errors, f"{path}.criteria[{index}]")
            for index, part in enumerate(criteria)
        ],
    }


def _criterion(value: object, errors: Errors, path: str) -> dict[str, str]:
    members = _members(value, errors, path)
    counter = _counter(members.pop("counter", None), errors, f"{path}.counter")
    operator = choice_of(members.pop("operator", None), errors, f"{path}.operator", OPERATORS)
    threshold = None
    if "threshold" in members:
        threshold = decimal_of(members.pop("threshold"), errors, f"{path}.threshold")
    else:
        errors.add(f"{path}.threshold", "required", "This field is required.")
    _refuse_unknown(members, errors, path)
    return {
        "counter": counter,
        "operator": operator,
        "threshold": "" if threshold is None else decimals.written(threshold),
    }


def _counter(value: object, errors: Errors, name: str) -> str:
    if not isinstance(value, str):
        errors.add(name, "required" if value is None else "type", "Give the key of a counter.")
    elif not 1 <= len(value) <= MAX_COUNTER_LENGTH or "\0" in value:
        errors.add(name, "key", f"A key has 1 to {MAX_COUNTER_LENGTH} characters.")
    else:
        return value
    return ""


def _key(value: object, errors: Errors, name: str) -> str:
    if not isinstance(value, str):
        reason = "required" if value is None else "type"
        errors.add(name, reason, "Give a key: a string.")
    elif len(value) > MAX_KEY_LENGTH:
        errors.add(name, "too_long", f"At most {MAX_KEY_LENGTH} characters.")
    elif not _KEY.fullmatch(value):
        errors.add(name, "invalid", str(KEY.message))
    else:
        return value
    return ""


def _rank(value: object, errors: Errors, name: str) -> int:
    rank = decimals.whole(value)
    if value is None:
        errors.add(name, "required", "This field is required.")
    elif rank is None:
        errors.add(name, "type", "Give a whole number.")
    elif not 1 <= rank <= MAX_RANK:
        errors.add(name, "out_of_range", f"Give a number from 1 to {MAX_RANK}.")
    else:
        return rank
    return 0


def _name(value: object, errors: Errors, name: str) -> str:
    if not isinstance(value, str):
        errors.add(name, "type", "Give a string.")
    elif len(value) > MAX_NAME_LENGTH:
        errors.add(name, "too_long", f"At most {MAX_NAME_LENGTH} characters.")
    elif "\0" in value:
        errors.add(name, "invalid", "NUL cannot be stored.")
    else:
        return value
    return ""


def _benefits(value: object, errors: Errors, name: str) -> list[Any] | dict[str, Any]:
    if not isinstance(value, list | dict):
        errors.add(name, "type", "Give a list or an object.")
    elif _depth(value) > MAX_BENEFITS_DEPTH:
        errors.add(name, "too_deep", f"At most {MAX_BENEFITS_DEPTH} levels deep.")
    elif len(exact_json.dumps(value).decode()) > MAX_BENEFITS_LENGTH:
        errors.add(name, "too_long", f"At most {MAX_BENEFITS_LENGTH:,} characters of JSON.")
    else:
        return value
    return []


def _depth(value: object) -> int:
    if not isinstance(value, list | dict):
        return 0
    parts = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, parts), default=0)


def _members(value: object, errors: Errors, path: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return dict(value)
    errors.add(path, "type", "Give a JSON object.")
    return {}


def _refuse_unknown(members: dict[str, Any], errors: Errors, path: str) -> None:
    refuse_unknown({f"{path}.{name}": part for name, part in members.items()}, errors)
