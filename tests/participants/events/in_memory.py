"""Somebody in memory, and rules that are applied to them without a database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from participants.events.apply import Occurrence, apply
from participants.events.outcome import Outcome
from participants.events.subject import Subject
from participants.ledger.book import Amounts, Book
from participants.state import windows
from participants.state.person import Person
from participants.state.windows import CounterState, Window
from programs.kernel.cleaning import Errors
from programs.kernel.decimals import written
from programs.models import Rule
from programs.rulebook.actions import clean_actions
from programs.rulebook.compiled import (
    CompiledLevel,
    CompiledRule,
    CompiledTrack,
    LinkedAsset,
    Rulebook,
    compile_level,
    compile_rule,
)

MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)  # of processing
HAPPENED = MOMENT - timedelta(days=1)
PROGRAM, EVENT, ANA = UUID(int=7), UUID(int=8), UUID(int=9)
POINTS, WEI, CAPPED, FOREIGN = (UUID(int=number) for number in range(1, 5))
TRACK, OTHER_TRACK = UUID(int=20), UUID(int=21)


ASSETS = {
    POINTS: LinkedAsset(POINTS, "PTS", 2, None),
    WEI: LinkedAsset(WEI, "WEI", 18, None),
    CAPPED: LinkedAsset(CAPPED, "CAP", 0, Decimal(100)),
}


def a_rule(*actions: dict[str, Any], condition: str = "true", **fields: Any) -> CompiledRule:
    errors = Errors()
    cleaned = clean_actions(list(actions), errors)
    errors.raise_if_any()
    name = fields.pop("name", "R")
    rule = Rule(program_id=PROGRAM, name=name, condition=condition, actions=cleaned, **fields)
    return compile_rule(rule)


def a_track(*levels: CompiledLevel, track_id: UUID = TRACK, key: str = "club") -> CompiledTrack:
    return CompiledTrack(track_id, key, 3, PROGRAM, levels)


def a_level(
    key: str, rank: int, *criteria: tuple[str, str, str], needs_all: bool = True
) -> CompiledLevel:
    return compile_level(
        key,
        rank,
        {
            "mode": "ALL" if needs_all else "ANY",
            "criteria": [
                {"counter": counter, "operator": operator, "threshold": threshold}
                for counter, operator, threshold in criteria
            ],
        },
    )


def a_rulebook(
    *rules: CompiledRule, tracks: tuple[CompiledTrack, ...] = (), time_zone: str = "UTC"
) -> Rulebook:
    return Rulebook(
        program_id=PROGRAM,
        program_name="Club",
        revision=UUID(int=6),
        rules=rules,
        tracks=tracks,
        assets=ASSETS,
        facts={"id": str(PROGRAM), "name": "Club", "time_zone": time_zone},
    )


def somebody(
    *,
    available: str = "0",
    held: str = "0",
    deferred: str = "0",
    asset: UUID = POINTS,
    **person: Any,
) -> Subject:
    """Ana, who has of one asset what is given."""
    status = person.pop("status", "ACTIVE")
    book = Book(ANA, MOMENT, 5, b"\0" * 32)
    if (available, held, deferred) != ("0", "0", "0"):
        book.amounts[asset] = Amounts(Decimal(available), Decimal(held), Decimal(deferred))
    return Subject(Person(ANA, "ana", status, MOMENT, **person), book, MOMENT)


def happening(data: dict[str, Any] | None = None, at: datetime = HAPPENED) -> Occurrence:
    return Occurrence(EVENT, at, data or {})


def run(
    subject: Subject,
    *rules: CompiledRule,
    data: dict[str, Any] | None = None,
    tracks: tuple[CompiledTrack, ...] = (),
) -> Outcome:
    return apply(happening(data), subject, a_rulebook(*rules, tracks=tracks))


def effects(outcome: Outcome) -> list[dict[str, Any]]:
    """Of all rules, without the ids of the entries, which are new each time."""
    told = [effect for each in outcome.rule_evaluations for effect in each["actions"]]
    return [
        {name: value for name, value in effect.items() if name != "journal_entry_id"}
        for effect in told
    ]


def refusal(outcome: Outcome) -> dict[str, str] | None:
    """Why an action was refused; None where none was."""
    return next((each["error"] for each in effects(outcome) if "error" in each), None)


def outcomes(outcome: Outcome) -> list[str]:
    return [each["outcome"] for each in outcome.rule_evaluations]


def amounts(subject: Subject, asset: UUID = POINTS) -> tuple[str, ...]:
    """Available, held and deferred."""
    has = subject.amounts_of(asset)
    return tuple(map(written, (has.available, has.held, has.deferred)))


def credit(amount: str, **rest: Any) -> dict[str, Any]:
    return {"type": "CREDIT", "asset_id": str(rest.pop("asset", POINTS)), "amount": amount, **rest}


def move(kind: str, amount: str, **rest: Any) -> dict[str, Any]:
    return {**credit(amount, **rest), "type": kind}


def count(value: str, key: str = "visits", **rest: Any) -> dict[str, Any]:
    return {"type": "COUNTER", "key": key, "value": value, **rest}


def set_attribute(expression: str, key: str = "k") -> dict[str, Any]:
    return {"type": "SET_ATTRIBUTE", "key": key, "expression": expression}


def tag(name: str) -> dict[str, Any]:
    return {"type": "TAG", "tag": name}


def counter(
    value: str, window: timedelta | None = None, age: timedelta = timedelta(0)
) -> CounterState:
    """One whose window began so long before the event."""
    return windows.opened(Decimal(value), Window(window), HAPPENED - age)
