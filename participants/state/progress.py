"""How far a participant is from the next level of a track."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from programs.kernel.decimals import EXACT, ZERO
from programs.models import TierLevel, TierTrack
from programs.rulebook.compiled import compile_level


@dataclass(frozen=True, slots=True)
class CriterionProgress:
    """A criterion of the next level. `missing` is how far the counter is from the threshold, 0 where it is reached."""

    counter: str
    operator: str
    value: Decimal
    threshold: Decimal
    missing: Decimal
    reached: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """The next level that counters can reach; `mode` says whether all criteria must hold, or any one of them."""

    level: TierLevel
    mode: str
    criteria: list[CriterionProgress]


def progress_to(
    track: TierTrack, level: TierLevel | None, counters: Mapping[str, Decimal]
) -> Progress | None:
    """The way from this level (None: the base) to the next; None where no higher level has criteria."""
    rank = level.rank if level else 0
    higher = [each for each in track.levels.all() if each.rank > rank and each.qualification]
    if not higher:
        return None
    following = min(higher, key=lambda each: each.rank)
    qualification = following.qualification
    compiled = compile_level(following.key, following.rank, qualification)
    criteria = []
    for stored, (counter, holds, threshold) in zip(
        qualification["criteria"], compiled.criteria, strict=True
    ):
        value = counters.get(counter, ZERO)
        reached = holds(value, threshold)
        missing = ZERO if reached else EXACT.subtract(threshold, value).copy_abs()
        criteria.append(
            CriterionProgress(counter, stored["operator"], value, threshold, missing, reached)
        )
    return Progress(following, qualification["mode"], criteria)
