"""What workers do beside events, every few seconds. A new chore is a verb of this shape and a line in CHORES."""

from collections.abc import Iterator
from typing import Protocol

from participants.ledger import mature_due
from participants.reports.fold import fold
from participants.state.tiers import expire_due
from programs.kernel.actors import Actor
from programs.rulebook.attention import check_unchecked


class Chore(Protocol):
    """A verb that works in short transactions and yields after each, so that a worker can stop or turn to events.

    It ends when nothing is left to do, and may run in several workers at once and be killed at any moment.
    """

    def __call__(self, *, by: Actor) -> Iterator[int]: ...


CHORES: list[Chore] = [mature_due, expire_due, check_unchecked, fold]
