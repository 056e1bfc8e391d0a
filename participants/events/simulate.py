"""Simulation: an event is applied as in processing, and nothing is written."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from participants.events.apply import Occurrence, apply
from participants.events.process import load_subjects
from participants.events.subject import Subject
from participants.events.trial import Trial, made_up
from participants.state.persons import found
from programs import rulebook
from programs.exceptions import ProgramNotFound
from programs.kernel.decimals import written
from programs.kernel.exceptions import FieldError, ValidationFailed
from programs.models import Rule
from programs.rulebook import cache
from programs.rulebook.checks import CHECKED, review
from programs.rulebook.compiled import Rulebook, compile_rule
from programs.rulebook.findings import Findings
from programs.rulebook.program_names import ProgramNames


def simulate_program(program_id: UUID, trial: Trial) -> dict[str, Any]:
    """Apply the program's rules to the trial or, if it brings a rule of its own, that one in their place.

    Raises ProgramNotFound, ParticipantNotFound, and ValidationFailed for a rule or a state that the program cannot have.
    """
    book = _rulebook(program_id)
    if trial.rule:
        if "condition" not in trial.rule:
            message = "This field is required."
            raise ValidationFailed([FieldError("rule.condition", "required", message)])
        draft = Rule(program_id=program_id, name="Draft", actions=[], order=1)
        book = _only(draft, trial.rule, book)
    return _simulate(book, trial)


def simulate_rule(rule_id: UUID, trial: Trial) -> dict[str, Any]:
    """Apply this rule alone, suspended or not, with the changes that the trial brings.

    Raises RuleNotFound, and what `simulate_program` raises.
    """
    rule = rulebook.found(rule_id)
    return _simulate(_only(rule, trial.rule, _rulebook(rule.program_id)), trial)


def _rulebook(program_id: UUID) -> Rulebook:
    book = cache.current([program_id]).get(program_id)
    if book is None:
        raise ProgramNotFound
    return book


def _only(rule: Rule, values: Mapping[str, Any], book: Rulebook) -> Rulebook:
    """The rulebook with this rule alone, changed to these values."""
    for name, value in values.items():
        setattr(rule, name, value)
    found = Findings()
    tried = {name: values[name] for name in CHECKED if name in values}
    review(ProgramNames(book.program_id), found, **tried, within="rule.")
    found.errors.raise_if_any()
    return replace(book, rules=(replace(compile_rule(rule), is_active=True),))


def _simulate(book: Rulebook, trial: Trial) -> dict[str, Any]:
    subject = _subject(trial, book)
    outcome = apply(Occurrence(None, trial.event_timestamp, trial.data), subject, book)
    for evaluation in outcome.rule_evaluations:
        for effect in evaluation["actions"]:
            effect.pop("journal_entry_id", None)  # the entry was never written
    return {
        "status": outcome.status,
        "rule_evaluations": outcome.rule_evaluations,
        "tier_changes": outcome.tier_changes,
        "failure": outcome.failure,
        "rule_errors": len(outcome.failed_rules),
        "participant_state": _state(subject, book, trial.event_timestamp),
    }


def _subject(trial: Trial, book: Rulebook) -> Subject:
    if trial.of is None:
        return made_up(trial.state, book, trial.now)
    participant_id = found(trial.of)
    return load_subjects([participant_id], with_waiting=book.takes_deferred)[participant_id]


def _state(subject: Subject, book: Rulebook, at: datetime) -> dict[str, Any]:
    facts = subject.facts(book, at)
    scales = {asset.symbol: asset.scale for asset in book.assets.values()}
    return {
        "external_id": facts["external_id"],
        "status": facts["status"],
        "tags": facts["tags"],
        "attributes": facts["attributes"],
        "counters": {key: written(value) for key, value in facts["counters"].items()},
        "tiers": facts["tiers"],
        "balances": {
            symbol: {bucket: written(value, scales[symbol]) for bucket, value in amounts.items()}
            for symbol, amounts in facts["balances"].items()
        },
    }
