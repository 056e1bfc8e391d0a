"""Where somebody stands on a tier track: the one rule of it, in Python and in SQL. A test holds both together.

Stored are the level that was earned, which stays until it is set again, and at most one override: a loan, which ends, or
a pin, which may end. A pin holds, upwards and downwards. A loan counts where it is higher than what was earned. A level
that the track no longer has counts as none.
"""

from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar
from uuid import UUID

# The level at this moment; no row at the base. Reads `standing`, which has the columns of its table.
# Without an override `level` is the earned one, whatever `earned_level` says: the version before writes its rows so.
STANDS_ON = """
    SELECT level.key, level.rank
    FROM (
        SELECT standing.expires_at IS NULL AND NOT standing.pinned AS is_earned,
            coalesce(standing.expires_at > {moment}, true) AS counts
    ) AS held
        JOIN programs_tierlevel AS level ON level.track_id = standing.track_id AND (
            level.key = standing.level AND held.counts OR level.key = standing.earned_level AND NOT held.is_earned
        )
    WHERE NOT (standing.pinned AND held.counts AND standing.level = '')
    ORDER BY standing.pinned AND held.counts AND level.key = standing.level DESC, level.rank DESC
    LIMIT 1
"""


class Level(Protocol):
    """A level of a track, compiled or as it is stored."""

    @property
    def key(self) -> str: ...
    @property
    def rank(self) -> int: ...


L = TypeVar("L", bound=Level)
L_co = TypeVar("L_co", bound=Level, covariant=True)


class Track(Protocol[L_co]):
    """A track, compiled or as it is stored."""

    @property
    def id(self) -> UUID: ...
    @property
    def key(self) -> str: ...
    def level(self, key: str) -> L_co | None:
        """The level with this key, if the track has it."""


class Standing(NamedTuple):
    """What is stored of somebody on a track; the fields are columns of the table.

    `acquired_at` is since when they stand where they stand, or stood until the override ended.
    """

    level: str
    acquired_at: datetime
    expires_at: datetime | None = None
    pinned: bool = False
    earned_level: str = ""

    @property
    def is_override(self) -> bool:
        return self.pinned or self.expires_at is not None

    @property
    def earned(self) -> str:
        """The key of the earned level, "" for none."""
        return self.earned_level if self.is_override else self.level


def has_expired(expires_at: datetime | None, moment: datetime) -> bool:
    """Whether an override no longer counts at this moment."""
    return expires_at is not None and expires_at <= moment


def stands_on(standing: Standing | None, track: Track[L], moment: datetime) -> L | None:
    """The level on which they stand at this moment; None is the base."""
    if standing is None:
        return None
    level = track.level(standing.level)
    if not standing.is_override:
        return level
    if is_held(standing, track, moment):
        return level
    earned = track.level(standing.earned)
    if level is None or has_expired(standing.expires_at, moment):
        return earned
    return earned if earned and earned.rank > level.rank else level


def is_held(standing: Standing | None, track: Track[Level], moment: datetime) -> bool:
    """Whether a pin holds them where they are."""
    return (
        standing is not None
        and standing.pinned
        and not has_expired(standing.expires_at, moment)
        and (not standing.level or track.level(standing.level) is not None)
    )


def settled(standing: Standing, track: Track[Level], moment: datetime) -> Standing:
    """The standing without an override that has ended and without levels that the track no longer has.

    It is the same object where nothing has.
    """
    earned = standing.earned if track.level(standing.earned) else ""
    has_ended = has_expired(standing.expires_at, moment)
    is_gone = bool(standing.level) and track.level(standing.level) is None
    if standing.is_override and not has_ended and not is_gone:
        return standing if earned == standing.earned else standing._replace(earned_level=earned)
    if not standing.is_override and not is_gone:
        return standing
    since = standing.acquired_at
    if earned != last_level(standing, track):
        since = standing.expires_at if standing.expires_at and has_ended else moment
    return Standing(earned, since, earned_level=earned)


def last_level(standing: Standing, track: Track[Level]) -> str:
    """The key of the level on which they stood before the override ended or levels went, as the history has it."""
    loan, earned = track.level(standing.level), track.level(standing.earned)
    is_loan = standing.is_override and not standing.pinned
    if is_loan and loan and earned and earned.rank > loan.rank:
        return earned.key
    return standing.level
