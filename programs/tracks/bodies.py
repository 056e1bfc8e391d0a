"""The limits of a tier track, and what the verbs that create and change one are given."""

from dataclasses import dataclass, field
from typing import Any

from programs.kernel import exact_json

MAX_NAME_LENGTH = 255
MAX_COUNTER_LENGTH = 100
MAX_RANK = 2_147_483_647
MAX_BENEFITS_LENGTH = 4_000  # characters of JSON
# Benefits stand at the fourth level of a body and of a version's snapshot, which `exact_json` has to read.
MAX_BENEFITS_DEPTH = exact_json.MAX_DEPTH - 3
MODES = ["ALL", "ANY"]
OPERATORS = [">=", ">", "<=", "<", "=="]


@dataclass(frozen=True, slots=True)
class Level:
    """A level as it is to be stored: `qualification` and `benefits` as JSON, thresholds without trailing zeros."""

    key: str
    rank: int
    display_name: str
    qualification: dict[str, Any] | None
    benefits: list[Any] | dict[str, Any]


@dataclass(frozen=True, slots=True)
class TrackChange:
    """A change of a track. None leaves a field as it is; `levels` replaces all of them. `version` is the one it changes."""

    display_name: str | None = None
    levels: list[Level] | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class NewTrack:
    """A track to create, with all of its levels."""

    key: str
    display_name: str = ""
    levels: list[Level] = field(default_factory=list)
