"""What an event does: facts and compiled rules in, outcome and effects out. Nothing here knows of the database.

Processing and simulation both run it; only processing writes what it has done.
"""

import time
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from participants.causes import Cause
from participants.events import outcome
from participants.events.actions import Context, carry_out
from participants.events.clock import own_time
from participants.events.outcome import (
    FAILED,
    MATCHED,
    NOT_MATCHED,
    Effect,
    ErrorDetail,
    Failure,
    Outcome,
    RuleEvaluation,
    TierChange,
)
from participants.events.subject import Mark, Subject
from participants.exceptions import InsufficientBalance, NotEnrolled, ParticipantInactive
from participants.models import EventStatus
from programs.exceptions import ProgramInactive
from programs.kernel.actors import Actor, ActorKind
from programs.kernel.exceptions import DomainError
from programs.rulebook.compiled import CompiledRule, Rulebook
from programs.rules import BudgetExceeded, EvaluationError, MissingField

LONGEST_RUN = 1.0  # seconds that the rules of one event may take together
# Of all refusals, those that concern the event as a whole. Any other is the business of the rule that meets it.
FAILS_EVENT: Final = (InsufficientBalance, ParticipantInactive, ProgramInactive, NotEnrolled)
NOT_REACHED = "The event failed before this rule."


@dataclass(frozen=True, slots=True)
class Occurrence:
    """What happened, as rules see it. `event_id` is None in a simulation.

    `only` are the rules that run; None stands for all. They are some where those failed that the others did not wait for.
    `set_tracks` are the keys of the tracks on which the others have set a level.
    """

    event_id: UUID | None
    event_timestamp: datetime
    data: Mapping[str, Any]
    only: AbstractSet[UUID] | None = None
    set_tracks: AbstractSet[str] = frozenset()


class _Failed(Exception):
    """The rule fails, and with it perhaps the event. `action` counts from 0; None stands for the rule's condition."""

    def __init__(
        self, code: str, message: str, action: int | None = None, *, fails_event: bool = False
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.action = code, message, action
        self.fails_event = fails_event


def apply(occurrence: Occurrence, subject: Subject, rulebook: Rulebook) -> Outcome:
    """Run the program's rules in order, then its tracks, and change the subject.

    A rule that fails has no effect, and the others run all the same. Only where a refusal of FAILS_EVENT or the time
    limit is met, the subject is left as it was, and the event is FAILED; not where `only` some rules run, since what the
    others did before stays.
    """
    run = _Run(occurrence, subject, rulebook)
    evaluations: list[RuleEvaluation] = []
    failed_rules: list[UUID] = []
    failure: Failure | None = None
    stopped_by = ""
    only = occurrence.only
    for rule in rulebook.rules:
        if only is not None and rule.id not in only:
            continue
        evaluation = outcome.skipped(rule)
        evaluations.append(evaluation)
        if failure:
            evaluation["reason"] = NOT_REACHED
        elif stopped_by:
            evaluation["reason"] = f"The rule “{stopped_by}” matched and stops the rules after it."
        else:
            failed = run.try_rule(rule, evaluation)
            if failed is None:
                if rule.stop_after_match and evaluation["outcome"] == MATCHED:
                    stopped_by = rule.name
            elif failed.fails_event and only is None:
                failure = outcome.failure_of(rule, failed.code, failed.message, failed.action)
            else:
                failed_rules.append(rule.id)
    if failure:
        run.undo()
        outcome.mark_undone(evaluations)
        return Outcome(EventStatus.FAILED, evaluations, failure=failure)
    tier_changes = _raise_levels(occurrence, subject, rulebook, evaluations)
    return Outcome(EventStatus.COMPLETED, evaluations, tier_changes, failed_rules=failed_rules)


def refuse(occurrence: Occurrence, rulebook: Rulebook, refusal: DomainError) -> Outcome:
    """The outcome of an event whose rules may not run: it is FAILED or, where `only` some were to run, those fail."""
    if occurrence.only is None:
        evaluations = [outcome.skipped(rule, NOT_REACHED) for rule in rulebook.rules]
        failure = outcome.failure_of(None, refusal.code, refusal.message)
        return Outcome(EventStatus.FAILED, evaluations, failure=failure)
    rules = [rule for rule in rulebook.rules if rule.id in occurrence.only]
    evaluations = [outcome.skipped(rule, refusal.message) for rule in rules]
    for evaluation in evaluations:
        evaluation["outcome"] = FAILED
    failed = [rule.id for rule in rules]
    return Outcome(EventStatus.COMPLETED, evaluations, failed_rules=failed)


class _Run:
    """One event's run through the rules, and its time limit."""

    __slots__ = ("deadline", "facts", "mark", "occurrence", "rulebook", "started", "subject")

    def __init__(self, occurrence: Occurrence, subject: Subject, rulebook: Rulebook) -> None:
        self.occurrence, self.subject, self.rulebook = occurrence, subject, rulebook
        # Of the first rule that acts: before it, there is nothing to undo.
        self.mark: Mark | None = None
        self.deadline = time.perf_counter() + LONGEST_RUN
        self.started = own_time()
        self.facts: dict[str, Any] = {
            "event": occurrence.data,
            "participant": subject.facts(rulebook, occurrence.event_timestamp),
            "program": rulebook.facts,
            # The event's own time, so that a second run decides the same.
            "now": occurrence.event_timestamp,
        }

    def try_rule(self, rule: CompiledRule, evaluation: RuleEvaluation) -> _Failed | None:
        """Evaluate the rule and, where it matches, carry out its actions. Returns why it failed, if it did."""
        try:
            self._evaluate(rule, evaluation)
        except _Failed as failed:
            evaluation["outcome"], evaluation["reason"] = FAILED, failed.message
            return failed
        return None

    def undo(self) -> None:
        """Take back what all rules have done."""
        if self.mark is not None:
            self.subject.back_to(self.mark)

    def _evaluate(self, rule: CompiledRule, evaluation: RuleEvaluation) -> None:
        if not rule.is_active:
            evaluation["reason"] = "The rule is suspended."
            return
        if not rule.takes(self.occurrence.event_timestamp):
            evaluation["reason"] = "The event's time is outside the rule's window."
            return
        if rule.condition is None:
            raise _Failed("validation_failed", f"The rule no longer compiles: {rule.broken}")
        if self.occurrence.only is not None:
            self._check_time()  # it may have been up at the rule before
        decision = rule.condition.decide(self.facts)
        evaluation["reason"] = decision.reason
        if isinstance(decision.failure, MissingField):
            return  # the rule is about another kind of event, and remains skipped
        if decision.failure is not None:
            raise _Failed(_code(decision.failure), decision.reason)
        evaluation["outcome"] = MATCHED if decision.matched else NOT_MATCHED
        if decision.matched and rule.actions:
            mark = self.subject.mark()
            self.mark = self.mark or mark
            try:
                self._act(rule, evaluation["actions"])
                self._check_time()
            except _Failed:
                self.subject.back_to(mark)
                self.facts["participant"] = self.subject.facts(self.rulebook, self.facts["now"])
                outcome.mark_undone([evaluation])
                raise
        else:
            self._check_time()

    def _act(self, rule: CompiledRule, effects: list[Effect]) -> None:
        context = Context(self.rulebook, rule, self.occurrence.event_id)
        for index, action in enumerate(rule.actions):
            self._check_time(index)
            try:
                effects.append(carry_out(action, self.subject, self.facts, context))
            except (DomainError, EvaluationError) as error:
                detail: ErrorDetail = {"code": _code(error), "message": str(error)}
                effects.append({"type": action.type, "error": detail})
                words, fails_event = f"{action.type}: {error}", isinstance(error, FAILS_EVENT)
                raise _Failed(_code(error), words, index, fails_event=fails_event) from error
            # Later actions and rules see what this one did.
            self.facts["participant"] = self.subject.facts(self.rulebook, self.facts["now"])

    def _check_time(self, action: int | None = None) -> None:
        # The limit is on our own computing time. Reading that is slow, so the clock is checked first.
        if time.perf_counter() > self.deadline and own_time() - self.started > LONGEST_RUN:
            words = (
                f"The rules of one event may take {LONGEST_RUN:g} s together; these took longer."
            )
            raise _Failed("budget_exceeded", words, action, fails_event=True)


def _code(error: DomainError | EvaluationError) -> str:
    if isinstance(error, DomainError):
        return error.code
    return "budget_exceeded" if isinstance(error, BudgetExceeded) else "evaluation_failed"


def _raise_levels(
    occurrence: Occurrence,
    subject: Subject,
    rulebook: Rulebook,
    evaluations: Iterable[RuleEvaluation],
) -> list[TierChange]:
    """Raise what the participant has earned to the highest level that their counters reach. Nobody falls.

    What a SET_TIER has set in this event stays.
    """
    changes: list[TierChange] = []
    # By the event's own time: an imported year brings the levels that it would have brought then.
    counters = subject.person.counters_at(occurrence.event_timestamp) if rulebook.tracks else {}
    for track in rulebook.tracks:
        reached = track.qualified(counters)
        if reached is None or reached.rank <= subject.earned_rank(track):
            continue
        if track.key in occurrence.set_tracks | outcome.set_tracks(evaluations):
            continue
        by = Actor(ActorKind.TIER_TRACK, f"{track.key} v{track.version}")
        cause = Cause(by, occurrence.event_id, None, rulebook.program_id)
        before, _ = subject.level_on(track)
        subject.changes_person().raise_earned(track, reached.key, at=subject.moment, cause=cause)
        after, _ = subject.level_on(track)
        change: TierChange = {"tier": track.key, "before": before, "after": after}
        if after == before:
            change["earned_level"] = reached.key
        changes.append(change)
    return changes
