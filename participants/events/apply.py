"""What an event does: facts and compiled rules in, outcome and effects out. Nothing here knows of the database.

Processing and simulation are both made of it; only the one writes down what it has done.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from participants.events.actions import Context, Effect, carry_out
from participants.events.clock import own_time
from participants.events.subject import Subject
from participants.models import EventStatus
from participants.state.person import Cause, values_of
from programs.kernel.actors import Actor, ActorKind
from programs.kernel.exceptions import DomainError
from programs.rulebook.compiled import CompiledRule, Rulebook
from programs.rules import BudgetExceeded, EvaluationError, MissingField

LONGEST_RUN = 1.0  # seconds of rules that one event may have

MATCHED, NOT_MATCHED, SKIPPED, FAILED = "matched", "not_matched", "skipped", "failed"


@dataclass(frozen=True, slots=True)
class Happening:
    """An event as rules see it. `id` is None for one that is only tried out."""

    id: UUID | None
    event_timestamp: datetime
    data: Mapping[str, Any]


@dataclass(slots=True)
class Outcome:
    """What became of an event: what each rule said and did, or why all of it was taken back."""

    status: EventStatus = EventStatus.COMPLETED
    rule_evaluations: list[dict[str, Any]] = field(default_factory=list)
    tier_changes: list[dict[str, Any]] = field(default_factory=list)
    failure: dict[str, Any] | None = None


class _Failure(Exception):
    """The event cannot be carried out. `action` counts from 0; None for the rule's condition."""

    def __init__(self, code: str, message: str, action: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.action = code, message, action


def apply(happening: Happening, subject: Subject, rulebook: Rulebook) -> Outcome:
    """Run the program's rules in order, then its tracks: all of their effects on the subject, or none and FAILED."""
    outcome = Outcome()
    mark = subject.mark()
    run = _Run(happening, subject, rulebook)
    stopped_by = ""
    for rule in rulebook.rules:
        evaluation = _evaluation(rule)
        outcome.rule_evaluations.append(evaluation)
        if outcome.failure:
            _skip(evaluation, "An earlier rule failed.")
        elif stopped_by:
            _skip(evaluation, f"The rule “{stopped_by}” matched and stops those after it.")
        else:
            try:
                run.evaluate(rule, evaluation)
            except _Failure as failure:
                evaluation["outcome"], evaluation["reason"] = FAILED, failure.message
                outcome.status = EventStatus.FAILED
                outcome.failure = _told(failure, rule)
            if rule.stop_after_match and evaluation["outcome"] == MATCHED:
                stopped_by = rule.name
    if outcome.failure:
        subject.back_to(mark)
        _tell_undone(outcome.rule_evaluations)
    else:
        outcome.tier_changes = _raise_levels(happening, subject, rulebook)
    return outcome


class _Run:
    """One event's way through the rules, and the time that it has for it."""

    __slots__ = ("deadline", "facts", "happening", "rulebook", "started", "subject")

    def __init__(self, happening: Happening, subject: Subject, rulebook: Rulebook) -> None:
        self.happening, self.subject, self.rulebook = happening, subject, rulebook
        self.deadline = time.perf_counter() + LONGEST_RUN
        self.started = own_time()
        self.facts: dict[str, Any] = {
            "event": happening.data,
            "participant": subject.facts(rulebook),
            "program": rulebook.facts,
            # The event's own time, so that a second run decides the same.
            "now": happening.event_timestamp,
        }

    def evaluate(self, rule: CompiledRule, evaluation: dict[str, Any]) -> None:
        """Decide on the rule, and where it matches do what it says. Raises _Failure."""
        if not rule.is_active:
            return _skip(evaluation, "The rule is suspended.")
        if not rule.takes(self.happening.event_timestamp):
            return _skip(evaluation, "The event's time is outside of the rule's window.")
        if rule.condition is None:
            raise _Failure("validation_failed", f"The rule no longer compiles: {rule.broken}")
        decision = rule.condition.decide(self.facts)
        if isinstance(decision.failure, MissingField):
            return _skip(evaluation, decision.reason)
        if decision.failure is not None:
            raise _Failure(_code(decision.failure), decision.reason)
        evaluation["outcome"] = MATCHED if decision.matched else NOT_MATCHED
        evaluation["reason"] = decision.reason
        if decision.matched and rule.actions:
            self._act(rule, evaluation["actions"])
        self._check_time()
        return None

    def _act(self, rule: CompiledRule, effects: list[Effect]) -> None:
        context = Context(self.rulebook, rule, self.happening.id)
        for index, action in enumerate(rule.actions):
            self._check_time(index)
            try:
                effects.append(carry_out(action, self.subject, self.facts, context))
            except (DomainError, EvaluationError) as error:
                effects.append(_refused(action.type, error))
                raise _Failure(_code(error), f"{action.type}: {error}", index) from error
            # Later actions and rules see what this one did.
            self.facts["participant"] = self.subject.facts(self.rulebook)

    def _check_time(self, action: int | None = None) -> None:
        # Our own time counts, and not that of a machine which has other things to do; but asking for it takes longer.
        if time.perf_counter() > self.deadline and own_time() - self.started > LONGEST_RUN:
            words = f"The rules of one event may take {LONGEST_RUN:g} s together, and took longer."
            raise _Failure("budget_exceeded", words, action)


def _evaluation(rule: CompiledRule) -> dict[str, Any]:
    return {
        "rule_id": rule.id_text,
        "rule_name": rule.name,
        "rule_version": rule.version,
        "outcome": SKIPPED,
        "reason": "",
        "actions": [],
    }


def _skip(evaluation: dict[str, Any], reason: str) -> None:
    evaluation["outcome"], evaluation["reason"] = SKIPPED, reason


def _tell_undone(evaluations: list[dict[str, Any]]) -> None:
    for evaluation in evaluations:
        for effect in evaluation["actions"]:
            if "error" not in effect:
                effect["undone"] = True
                effect.pop("journal_entry_id", None)


def _told(failure: _Failure, rule: CompiledRule) -> dict[str, Any]:
    return {
        "rule_id": rule.id_text,
        "rule_name": rule.name,
        "action": failure.action,
        "code": failure.code,
        "message": failure.message,
    }


def _refused(kind: str, error: DomainError | EvaluationError) -> Effect:
    return {"type": kind, "error": {"code": _code(error), "message": str(error)}}


def _code(error: DomainError | EvaluationError) -> str:
    if isinstance(error, DomainError):
        return error.code
    return "budget_exceeded" if isinstance(error, BudgetExceeded) else "evaluation_failed"


def _raise_levels(
    happening: Happening, subject: Subject, rulebook: Rulebook
) -> list[dict[str, Any]]:
    """Let the participant rise to the highest level that their counters reach. Nobody falls."""
    changes = []
    counters = values_of(subject.person.counters) if rulebook.tracks else {}
    for track in rulebook.tracks:
        reached = track.qualified(counters)
        old_level, old_rank = subject.level_on(track)
        if reached is None or reached.rank <= old_rank:
            continue
        by = Actor(ActorKind.TIER_TRACK, f"{track.key} v{track.version}")
        subject.person.set_level(
            track.id,
            track.key,
            reached.key,
            old_level=old_level,
            at=subject.moment,
            cause=Cause(str(by), happening.id, None, rulebook.program_id),
        )
        subject.changed()
        changes.append({"tier": track.key, "before": old_level, "after": reached.key})
    return changes
