"""A program's rules, tracks and assets as events need them, ready to run."""

import logging
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from programs.kernel import decimals
from programs.kernel.actors import Actor, ActorKind
from programs.models import Rule, RuleStatus, TierTrack
from programs.rulebook import expressions
from programs.rulebook.actions import Action, compiled_action
from programs.rules import Expression, RuleSyntaxError

logger = logging.getLogger(__name__)

# Measured with tracemalloc: short names and many operators take the most.
BYTES_OF_RULE: Final = 4_000
BYTES_OF_CHARACTER: Final = 400

_OPERATORS: Final[Mapping[str, Callable[[Decimal, Decimal], bool]]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
}


@dataclass(frozen=True)
class CompiledRule:
    """A rule, ready to run. Where it no longer compiles, `condition` is None and `broken` says why."""

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
        """Who its changes are attributed to."""
        # A name of full length would not fit beside the version.
        return Actor(ActorKind.RULE, f"{self.name[:250]} v{self.version}")

    @cached_property
    def id_text(self) -> str:
        return str(self.id)

    @cached_property
    def size(self) -> int:
        """The bytes that it takes in memory, estimated from the length of its expressions."""
        held = (self.condition, *(value for each in self.actions for value in vars(each).values()))
        length = sum(len(each.source) for each in held if isinstance(each, Expression))
        return BYTES_OF_RULE + BYTES_OF_CHARACTER * length

    def takes(self, moment: datetime) -> bool:
        """Whether the rule is active at this moment."""
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
        """Whether these counters reach it. A level without criteria is only ever assigned."""
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
    """What a program's events run against: its rules in order, suspended ones included, its tracks and assets."""

    program_id: UUID
    program_name: str
    revision: UUID
    rules: tuple[CompiledRule, ...]
    tracks: tuple[CompiledTrack, ...]
    assets: Mapping[UUID, LinkedAsset]
    facts: Mapping[str, str]  # what rules read under `program`
    read_at: float = 0.0  # by the clock of `time.monotonic`

    def track(self, key: str) -> CompiledTrack | None:
        return next((track for track in self.tracks if track.key == key), None)

    @property
    def time_zone(self) -> str:
        """The zone in which the program counts days, weeks and months."""
        return self.facts["time_zone"]

    @property
    def takes_deferred(self) -> bool:
        """Whether a rule takes from deferred credits, which then have to be loaded one by one."""
        return any(action.takes_deferred for rule in self.rules for action in rule.actions)


def compile_rule(rule: Rule) -> CompiledRule:
    """Compile a rule, stored or not."""
    condition, broken = None, ""
    actions: tuple[Action, ...] = ()
    try:
        condition = expressions.compiled(rule.condition, "bool")
        actions = tuple(compiled_action(stored) for stored in rule.actions)
    except RuleSyntaxError as error:  # it was saved under an earlier version of the language
        condition, actions, broken = None, (), str(error)
    except Exception:
        # An action that this version does not know, or a bug: it must not hold up the program's other rules.
        logger.exception("The rule %s cannot be compiled.", rule.pk)
        condition, actions, broken = None, (), "It cannot be read."
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


def compile_track(track: TierTrack) -> CompiledTrack:
    levels = sorted(track.levels.all(), key=lambda level: level.rank, reverse=True)
    return CompiledTrack(
        track.pk,
        track.key,
        track.version,
        track.program_id,
        tuple(compile_level(level.key, level.rank, level.qualification or {}) for level in levels),
    )


def compile_level(key: str, rank: int, qualification: Mapping[str, Any]) -> CompiledLevel:
    return CompiledLevel(
        key,
        rank,
        qualification.get("mode") != "ANY",
        tuple(
            (each["counter"], _OPERATORS[each["operator"]], decimals.read(each["threshold"]))
            for each in qualification.get("criteria", [])
        ),
    )
