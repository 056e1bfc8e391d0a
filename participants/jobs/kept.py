"""A subject between two steps of a job, as JSON: what events have changed of it; the rest is loaded again."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from participants.events.subject import Subject
from participants.ledger.book import Amounts, Book, Maturity
from participants.state.person import Person
from participants.state.standing import Standing
from participants.state.windows import CounterState


@dataclass(frozen=True, slots=True)
class _Changing:
    tags: list[str]
    counters: dict[str, CounterState]
    standings: dict[UUID, Standing]
    amounts: dict[UUID, Amounts]
    maturities: list[Maturity]


def emptied(subject: Subject) -> Subject:
    """The subject without balances and counters, to apply events to; the given one stays as it is."""
    person, moment = subject.person, subject.moment
    return Subject(
        Person(
            *(person.id, person.external_id, person.status, person.created_at),
            *(person.tags.copy(), person.attributes.copy(), {}, person.standings.copy()),
            profile=person.profile,
            enrolled_at=person.enrolled_at,
        ),
        Book(person.id, moment, 0, bytes(16)),
        moment,
    )


def forget_history(subject: Subject) -> None:
    """Drop what would be written, which nobody writes here, so that memory does not grow with each event."""
    subject.person.noted.clear()
    subject.book.entries.clear()
    subject.book.touched.clear()


def stored(subject: Subject) -> dict[str, Any]:
    person, book = subject.person, subject.book
    changing = _Changing(
        *(person.tags, person.counters, person.standings),
        *(book.amounts, list(book.maturities.values())),
    )
    # Attributes apart: their numbers are JSON's, and to msgspec a Decimal is a text.
    return {
        "attributes": person.attributes,
        **msgspec.to_builtins(changing, str_keys=True),
    }


def restored(kept: dict[str, Any], subject: Subject) -> Subject:
    """The subject as it was stored; `subject` has what does not change."""
    rest = {name: value for name, value in kept.items() if name != "attributes"}
    changing = msgspec.convert(rest, _Changing, strict=False, str_keys=True)
    again = emptied(subject)
    again.person.attributes = dict(kept["attributes"])
    again.person.tags = changing.tags
    again.person.counters = changing.counters
    again.person.standings = changing.standings
    again.book.amounts = changing.amounts
    again.book.maturities = {each.id: each for each in changing.maturities}
    return again
