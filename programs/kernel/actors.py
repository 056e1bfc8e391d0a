"""Who changed something, as each history row stores it: a kind and a label, never a foreign key."""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    API_KEY = "api_key"
    STAFF = "staff"
    COMMAND = "command"
    RULE = "rule"
    TIER_TRACK = "tier_track"


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller, the command or the rule that makes a change."""

    kind: ActorKind
    label: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.label}"
