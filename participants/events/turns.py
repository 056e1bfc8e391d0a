"""Which program's events come next: whoever had the least of a worker's time lately. Nothing here knows of the database."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

START: Final = UUID(int=0)  # sorts before every participant


class Turns:
    """The time that a worker has spent for each program. Who had nothing to do meanwhile has saved up none.

    Two threads may share it: what they overwrite of each other is a batch at most.
    """

    def __init__(self) -> None:
        self._spent: dict[UUID, float] = {}  # only of those who had more than the next one
        self._least = 0.0
        self.dear: set[UUID] = set()  # programs whose last events took long

    def in_order(self, waiting: Collection[UUID]) -> list[UUID]:
        """Return these programs, and first the one that had the least time."""
        spent = {each: max(self._spent.get(each, 0.0), self._least) for each in waiting}
        ordered = sorted(spent, key=spent.__getitem__)
        if ordered:
            self._least = spent[ordered[0]]
            more = list(self._spent.items())
            self._spent = {each: seconds for each, seconds in more if seconds > self._least}
        return ordered

    def charge(self, program_id: UUID, seconds: float) -> None:
        self._spent[program_id] = max(self._spent.get(program_id, 0.0), self._least) + seconds


class Round:
    """A way through the queues of all programs, each from its beginning to its end and again.

    It is over when nobody is found in any of them, from the beginning to the end.
    """

    def __init__(self, turns: Turns | None = None) -> None:
        self.turns = turns or Turns()
        self.is_over = False
        self._after: dict[UUID, UUID] = {}
        # Programs of which something was processed since the beginning.
        self._found: set[UUID] = set()
        self._empty: set[UUID] = set()

    def programs(self, waiting: Collection[UUID]) -> list[UUID]:
        """Return whose queues to look into, and first that of the program whose turn it is."""
        self.is_over = self._empty.issuperset(waiting)
        return [] if self.is_over else self.turns.in_order(waiting)

    def after(self, program_id: UUID) -> UUID:
        """After which participant to go on."""
        return self._after.get(program_id, START)

    def went_on(self, program_id: UUID, after: UUID, *, is_at_end: bool, has_found: bool) -> None:
        """Note how far this program's queue was walked, and whether anything was processed on the way."""
        if has_found:
            self._found.add(program_id)
            self._empty.discard(program_id)
        if is_at_end:
            if program_id not in self._found:
                self._empty.add(program_id)
            self._found.discard(program_id)
        self._after[program_id] = START if is_at_end else after
