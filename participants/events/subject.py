"""The participant that an event is about, in memory: person, account book, and both as rules see them."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from participants.ledger.book import NOTHING, Amounts, Book
from participants.state.person import Person
from participants.state.standing import stands_on
from programs.rulebook.compiled import CompiledTrack, Rulebook


class Mark(NamedTuple):
    """A state of a subject to go back to, and how long its history and journal were then."""

    person: Person
    book: Book
    noted: int
    entries: int


@dataclass(slots=True)
class Subject:
    """A participant while events are applied to them one after the other; `moment` is that of processing.

    Whoever changes the person or the book says so first, with `changes_person` or `changes_book`.
    """

    person: Person
    book: Book
    moment: datetime
    # Whether a mark holds them, so that a change needs a copy.
    _is_person_marked: bool = False
    _is_book_marked: bool = False
    _facts: dict[str, Any] = field(default_factory=dict)
    _is_person_read: bool = False
    _is_book_read: bool = False
    _rulebook: Rulebook | None = None
    _read_at: datetime | None = None

    def facts(self, rulebook: Rulebook, at: datetime) -> dict[str, Any]:
        """What rules of this program read under `participant` at this moment."""
        if self._rulebook is not rulebook:
            self._facts = self._lasting(rulebook)
            self._is_person_read = self._is_book_read = False
        if not self._is_person_read:
            self._facts = {**self._facts, **self._of_person(rulebook, at)}
        elif self._read_at is not at:
            self._facts = {**self._facts, "counters": self.person.counters_at(at)}
        if not self._is_book_read:
            self._facts = {**self._facts, "balances": self._balances(rulebook)}
        self._is_person_read = self._is_book_read = True
        self._rulebook, self._read_at = rulebook, at
        return self._facts

    def changes_person(self) -> Person:
        """The person, to change: no mark holds it, and `facts` reads it again."""
        if self._is_person_marked:
            self.person = self.person.copy()
        self._is_person_marked = self._is_person_read = False
        return self.person

    def changes_book(self) -> Book:
        """The book, to change: no mark holds it, and `facts` reads it again."""
        if self._is_book_marked:
            self.book = self.book.copy()
        self._is_book_marked = self._is_book_read = False
        return self.book

    def mark(self) -> Mark:
        """The present state, for `back_to`. Only what changes after it is copied, and then."""
        self._is_person_marked = self._is_book_marked = True
        return Mark(self.person, self.book, len(self.person.noted), len(self.book.entries))

    def back_to(self, mark: Mark) -> None:
        """Undo everything since the mark, which can be used again."""
        self.person, self.book = mark.person, mark.book
        self._is_person_marked = self._is_book_marked = True
        del self.person.noted[mark.noted :]
        del self.book.entries[mark.entries :]
        self._is_person_read = self._is_book_read = False

    def level_on(self, track: CompiledTrack) -> tuple[str, int]:
        """The key and rank of the level on which they stand; "" and 0 at the base."""
        level = stands_on(self.person.standings.get(track.id), track, self.moment)
        return (level.key, level.rank) if level else ("", 0)

    def earned_rank(self, track: CompiledTrack) -> int:
        """The rank of the level that they have earned, whatever is lent or pinned; 0 for none."""
        held = self.person.standings.get(track.id)
        level = track.level(held.earned) if held else None
        return level.rank if level else 0

    def amounts_of(self, asset_id: UUID) -> Amounts:
        return self.book.amounts.get(asset_id, NOTHING)

    def _lasting(self, rulebook: Rulebook) -> dict[str, Any]:
        """What no action changes."""
        person = self.person
        return {
            "id": str(person.id),
            "external_id": person.external_id,
            "status": person.status,
            **person.profile,
            # An event enrolls whom it is about; one that is only simulated would.
            "enrolled_at": person.enrolled_at.get(rulebook.program_id, self.moment),
            "created_at": person.created_at,
        }

    def _of_person(self, rulebook: Rulebook, at: datetime) -> dict[str, Any]:
        person = self.person
        tiers = ((track.key, self.level_on(track)) for track in rulebook.tracks)
        return {
            "tags": person.tags,
            "attributes": person.attributes,
            "counters": person.counters_at(at),
            "tiers": {key: {"level": level, "rank": rank} for key, (level, rank) in tiers},
        }

    def _balances(self, rulebook: Rulebook) -> dict[str, dict[str, Decimal]]:
        amounts = ((asset.symbol, self.amounts_of(asset.id)) for asset in rulebook.assets.values())
        return {
            symbol: {"available": each.available, "held": each.held, "deferred": each.deferred}
            for symbol, each in amounts
        }
