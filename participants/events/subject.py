"""The participant that an event is about, in memory: person, account book, and both as rules see them."""

from dataclasses import dataclass, field
from datetime import datetime
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
    """A participant while events are applied to them one after the other; `moment` is that of processing."""

    person: Person
    book: Book
    moment: datetime
    _lasting: dict[str, Any] = field(default_factory=dict)  # what no action changes
    _facts: dict[str, Any] | None = field(default=None)
    _program_id: UUID | None = field(default=None)
    _read_at: datetime | None = field(default=None)

    def facts(self, rulebook: Rulebook, at: datetime) -> dict[str, Any]:
        """What rules of this program read under `participant` at this moment."""
        if self._program_id != rulebook.program_id:
            self._lasting = self._read_lasting(rulebook)
            self._facts = self._read(rulebook, at)
        elif self._facts is None:
            self._facts = self._read(rulebook, at)
        elif self._read_at != at:
            self._facts = {**self._facts, "counters": self.person.counters_at(at)}
        self._program_id, self._read_at = rulebook.program_id, at
        return self._facts

    def changed(self) -> None:
        """Note that an action has changed something, so that `facts` reads again."""
        self._facts = None

    def mark(self) -> Mark:
        """The present state, for `back_to`."""
        person, book = self.person, self.book
        return Mark(person.copy(), book.copy(), len(person.noted), len(book.entries))

    def back_to(self, mark: Mark) -> None:
        """Undo everything since the mark, which can be used again."""
        self.person, self.book = mark.person.copy(), mark.book.copy()
        del self.person.noted[mark.noted :]
        del self.book.entries[mark.entries :]
        self.changed()

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

    def _read_lasting(self, rulebook: Rulebook) -> dict[str, Any]:
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

    def _read(self, rulebook: Rulebook, at: datetime) -> dict[str, Any]:
        person = self.person
        tiers = ((track.key, self.level_on(track)) for track in rulebook.tracks)
        amounts = ((asset.symbol, self.amounts_of(asset.id)) for asset in rulebook.assets.values())
        return {
            **self._lasting,
            "tags": person.tags,
            "attributes": person.attributes,
            "counters": person.counters_at(at),
            "tiers": {key: {"level": level, "rank": rank} for key, (level, rank) in tiers},
            "balances": {
                symbol: {"available": each.available, "held": each.held, "deferred": each.deferred}
                for symbol, each in amounts
            },
        }
