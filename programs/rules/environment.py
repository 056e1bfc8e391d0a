"""What the host of the language lets an expression read and call."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from programs.rules.functions import FUNCTIONS, Function
from programs.rules.kinds import Kind


@dataclass(frozen=True, slots=True)
class Environment:
    """The names that an expression may read, each with the kind of its value, and the functions that it may call.

    In an open environment any other name, dotted or not, may turn out to be bound, so only what can have no
    meaning is an error before the evaluation. `time_zone` is the path of the fact that names the zone of dates, such as
    "shop.zone"; it is UTC without it. `private` are paths whose values no reason shows.
    """

    variables: Mapping[str, Kind] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=lambda: FUNCTIONS)
    is_open: bool = False
    time_zone: str = ""
    private: frozenset[str] = frozenset()

    def hides(self, reads: Iterable[str]) -> bool:
        """Whether one of these paths, as they are written, is private, is a part of what is, or contains it."""
        return any(_overlap(read, path) for read in reads for path in self.private)


def _overlap(one: str, other: str) -> bool:
    """Whether one of the paths is the other or a part of it."""
    if one[0] != other[0]:  # most reads are of other variables
        return False
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return longer.startswith(shorter) and longer[len(shorter) : len(shorter) + 1] in ("", ".", "[")


# For expressions whose host has declared nothing, as in CEL's own tests.
DYNAMIC: Final = Environment(is_open=True)
