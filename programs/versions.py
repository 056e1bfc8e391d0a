"""Two people who change one thing: who starts from an old version is refused, and told what changed since."""

from collections.abc import Callable, Iterable

from programs.exceptions import ChangedMeanwhile, ChangeSince
from programs.kernel import decimals
from programs.kernel.cleaning import Errors

MAX_VERSION = 2_147_483_647
MOST_VERSIONS = 20  # of which a refusal says what they changed


def version_of(value: object, errors: Errors, name: str = "version") -> int | None:
    """Read the number of a version from a body."""
    number = decimals.whole(value)
    if number is None:
        errors.add(name, "type", "Give a whole number.")
    elif not 1 <= number <= MAX_VERSION:
        errors.add(name, "out_of_range", f"Give a number from 1 to {MAX_VERSION}.")
    else:
        return number
    return None


def refuse_stale(
    thing: str,
    shown: int | None,
    current: int,
    changes_since: Callable[[int], Iterable[ChangeSince]],
) -> None:
    """Raise ChangedMeanwhile if `shown`, the version that is changed, is not `current`; None is any.

    `changes_since` reads what at most MOST_VERSIONS versions after one have changed, the newest first.
    """
    if shown not in (None, current):
        raise ChangedMeanwhile(thing, current, [*changes_since(shown or 0)])
