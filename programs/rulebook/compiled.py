"""A program's rules, tracks and assets as events need them: compiled once, kept in the process until any of them changes."""

import operator
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from threading import Lock
from typing import Any, Final
from uuid import UUID

from programs.kernel import decimals, durations, instants
from programs.kernel.actors import Actor, ActorKind
from programs.models import Asset, Program, Rule, RuleStatus, TierTrack
from programs.rulebook import vocabulary
from programs.rules import Expression, RuleSyntaxError
from programs.rules.expression import Result
from programs.tracks.read import current as current_tracks

MOST_PROGRAMS = 200  # kept in a process, unless a batch of events needs more
_EXPRESSIONS = 20_000  # the same text means the same in every rule

_OPERATORS: Final[Mapping[str, Callable[[Decimal, Decimal], bool]]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Action:
    """One action of a rule. `given` is as it is stored; `amount` stands for a COUNTER's value and an expression too."""

    type: str
    given: Mapping[str, Any]
    asset_id: UUID | None = None
    amount: "Expression | Constant | None" = None
    matures_after: timedelta | None = None
    matures_at: datetime | None = None
    reset_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Constant:
    """A number that needs no language, of more digits than its integers have, too."""

    value: Decimal

    def evaluate(self, facts: Mapping[str, Any]) -> Decimal:
        return self.value


@dataclass(frozen=True)
class CompiledRule:
    """A rule to be run. `condition` and `actions` are None where it no longer compiles, and `broken` says why."""

    id: UUID
    name: str
    version: int
    condition: Expression | None
    actions: tuple[Action, ...]
    stop_after_match: bool = False
    active_from: datetime | None = None
    active_to: datetime | None = None
    is_active: bool = True
    broken: str = ""

    @cached_property
    def actor(self) -> Actor:
        """As whom it changes something."""
        # Cut, since a name of full length would not fit beside its version.
        return Actor(ActorKind.RULE, f"{self.name[:250]} v{self.version}")

    @cached_property
    def id_text(self) -> str:
        return str(self.id)

    def takes(self, moment: datetime) -> bool:
        """Whether the moment is in the rule's window."""
        return (self.active_from is None or self.active_from <= moment) and (
            self.active_to is None or moment < self.active_to
        )


@dataclass(frozen=True, slots=True)
class CompiledLevel:
    key: str
    rank: int
    needs_all: bool
    criteria: tuple[tuple[str, Callable[[Decimal, Decimal], bool], Decimal], ...]

    def qualifies(self, counters: Mapping[str, Decimal]) -> bool:
        """Whether these counters reach it. A level without criteria is only ever given."""
        if not self.criteria:
            return False
        wanted = all if self.needs_all else any
        return wanted(
            holds(counters.get(counter, decimals.ZERO), threshold)
            for counter, holds, threshold in self.criteria
        )


@dataclass(frozen=True, slots=True)
class CompiledTrack:
    """A tier track; its levels from the highest rank down."""

    id: UUID
    key: str
    version: int
    program_id: UUID
    levels: tuple[CompiledLevel, ...]

    def level(self, key: str) -> CompiledLevel | None:
        return next((level for level in self.levels if level.key == key), None)

    def qualified(self, counters: Mapping[str, Decimal]) -> CompiledLevel | None:
        """The highest level that these counters reach."""
        return next((level for level in self.levels if level.qualifies(counters)), None)


@dataclass(frozen=True, slots=True)
class LinkedAsset:
    id: UUID
    symbol: str
    scale: int
    max_transaction_amount: Decimal | None


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All that an event of a program meets, its rules in order, the suspended ones among them."""

    program_id: UUID
    program_name: str
    revision: UUID
    rules: tuple[CompiledRule, ...]
    tracks: tuple[CompiledTrack, ...]
    assets: Mapping[UUID, LinkedAsset]
    facts: Mapping[str, str]  # what rules read under `program`

    def track(self, key: str) -> CompiledTrack | None:
        return next((track for track in self.tracks if track.key == key), None)

    @property
    def takes_deferred(self) -> bool:
        """Whether a rule takes from what matures later, so that the credits that wait have to be known."""
        return any(
            action.given.get("bucket") == "DEFERRED"
            for rule in self.rules
            for action in rule.actions
        )


_kept: OrderedDict[UUID, Rulebook] = OrderedDict()
_keeping = Lock()


class NotCompiled(Exception):
    """Not all of these programs' rulebooks are kept, or some have changed: `of` reads them."""

    def __init__(self, program_ids: Collection[UUID]) -> None:
        super().__init__(program_ids)
        self.program_ids = program_ids


def of(program_ids: Collection[UUID]) -> dict[UUID, Rulebook]:
    """The rulebooks of these programs as they are now, read and compiled where they have changed since the last call.

    That may take seconds for thousands of rules: not while somebody waits for a lock of ours.
    """
    most = max(MOST_PROGRAMS, 2 * len(program_ids))  # a worker's two threads need as many each
    return {
        # Read after its revision, so that it is never older than the revision it is kept under.
        state[0]: _kept_book(*state) or _keep(_read(*state), most)
        for state in _states(program_ids)
    }


def kept(program_ids: Collection[UUID]) -> dict[UUID, Rulebook]:
    """The same in one statement, of what is compiled. Raises NotCompiled."""
    states = _states(program_ids)
    books = {state[0]: _kept_book(*state) for state in states}
    if None in books.values():
        raise NotCompiled(program_ids)
    return {program_id: book for program_id, book in books.items() if book is not None}


def _states(program_ids: Collection[UUID]) -> list[tuple[UUID, str, UUID]]:
    programs = Program.objects.filter(pk__in=program_ids)
    return list(programs.values_list("pk", "name", "revision"))


def _kept_book(program_id: UUID, name: str, revision: UUID) -> Rulebook | None:
    with _keeping:
        book = _kept.get(program_id)
        if book is None or (book.revision, book.program_name) != (revision, name):
            return None
        _kept.move_to_end(program_id)
        return book


def _keep(book: Rulebook, most: int) -> Rulebook:
    with _keeping:
        _kept[book.program_id] = book
        while len(_kept) > most:
            _kept.popitem(last=False)
    return book


def _read(program_id: UUID, name: str, revision: UUID) -> Rulebook:
    current = Rule.objects.filter(program=program_id).current().in_order()
    assets = Asset.objects.linked_to(program_id).order_by("links__id")
    return Rulebook(
        program_id,
        name,
        revision,
        rules=tuple(compiled(rule) for rule in current),
        tracks=tuple(_track(track) for track in current_tracks(program_id)),
        assets={
            asset.pk: LinkedAsset(asset.pk, asset.symbol, asset.scale, asset.max_transaction_amount)
            for asset in assets
        },
        facts={"id": str(program_id), "name": name},
    )


def compiled(rule: Rule) -> CompiledRule:
    """The rule, stored or not, ready to be run."""
    condition, broken = None, ""
    actions: tuple[Action, ...] = ()
    try:
        condition = _expression(rule.condition, "bool")
        actions = tuple(_action(given) for given in rule.actions)
    except RuleSyntaxError as error:  # it was written for another version of the language
        condition, actions, broken = None, (), str(error)
    return CompiledRule(
        rule.pk,
        rule.name,
        rule.version,
        condition,
        actions,
        rule.stop_after_match,
        rule.active_from,
        rule.active_to,
        rule.status == RuleStatus.ACTIVE,
        broken,
    )


def _action(given: Mapping[str, Any]) -> Action:
    asset_id = given.get("asset_id")
    number = given.get("amount")
    amount: Expression | Constant | None = None
    if given["type"] == "COUNTER":
        number = given["value"]
    if number is not None:
        amount = _number(number)
    elif "expression" in given:
        amount = _expression(given["expression"], None)
    matures_after, matures_at = _maturity(given.get("matures_at"))
    reset_after = given.get("reset_after")
    return Action(
        given["type"],
        given,
        UUID(asset_id) if asset_id else None,
        amount,
        matures_after,
        matures_at,
        durations.read(reset_after) if reset_after else None,
    )


def _number(text: str) -> Expression | Constant:
    try:
        return Constant(decimals.read(text))
    except decimals.NotADecimal:
        return _expression(text, "number")


def _maturity(text: str | None) -> tuple[timedelta | None, datetime | None]:
    if text is None:
        return None, None
    try:
        return durations.read(text), None
    except ValueError:
        return None, instants.read(text)


@lru_cache(_EXPRESSIONS)
def _expression(text: str, result: Result | None) -> Expression:
    return vocabulary.compile(text, result)


def _track(track: TierTrack) -> CompiledTrack:
    levels = sorted(track.levels.all(), key=lambda level: level.rank, reverse=True)
    return CompiledTrack(
        track.pk,
        track.key,
        track.version,
        track.program_id,
        tuple(_level(level.key, level.rank, level.qualification or {}) for level in levels),
    )


def _level(key: str, rank: int, qualification: Mapping[str, Any]) -> CompiledLevel:
    return CompiledLevel(
        key,
        rank,
        qualification.get("mode") != "ANY",
        tuple(
            (each["counter"], _OPERATORS[each["operator"]], decimals.read(each["threshold"]))
            for each in qualification.get("criteria", [])
        ),
    )
