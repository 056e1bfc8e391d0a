"""Stored rules that would be refused if they were written now, and those that mean something else than they did."""

import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import Final
from uuid import UUID

from django.db import transaction

from programs.kernel.actors import Actor
from programs.kernel.cleaning import Errors
from programs.kernel.database import retried
from programs.kernel.exceptions import FieldError, ValidationFailed
from programs.models import Program, Rule
from programs.models.rules import LANGUAGE
from programs.rulebook import expressions
from programs.rulebook.actions import ACTION_TYPES, clean_actions
from programs.rulebook.bodies import clean_condition
from programs.rulebook.checks import review
from programs.rulebook.findings import Findings, position_of
from programs.rulebook.program_names import ProgramNames
from programs.rulebook.windows import counting_rules, disagreements
from programs.rules import RuleSyntaxError, Shape
from programs.rules.changes import changed_meanings

# What one transaction checks, which keeps others from writing rules of the program, and events from this worker.
MAX_CHECKED: Final = 50
CHECKED_FOR: Final = 0.2  # seconds

_COUNTERS: Final = Shape(
    "{path} is 0 now where nobody has counted; before, the rule was skipped.",
    fields={},
    is_open=True,
)
_SHAPES: Final = {"participant": Shape(fields={"counters": _COUNTERS})}


def mistakes_in(rule: Rule, names: ProgramNames) -> list[FieldError]:
    """Return what the rule would be refused for if it were written now."""
    found = Findings()
    with suppress(ValidationFailed):  # more than anybody reads
        clean_condition(rule.condition, found.errors)
        clean_actions(rule.actions, found.errors)
        if not found.errors:
            review(names, found, condition=rule.condition, actions=rule.actions)
            found.errors.extend(disagreements(rule))
    return found.errors


def changes_in(rule: Rule, fields: Iterable[str] = ("condition", "actions")) -> list[FieldError]:
    """Return what in these fields means something else than when the rule was written."""
    if rule.language >= LANGUAGE:
        return []
    changes = Errors()
    with suppress(ValidationFailed):
        for path, text in _texts(rule):
            if path.startswith(tuple(fields)):
                _add_changes(text, path, changes)
    return changes


def _texts(rule: Rule) -> Iterator[tuple[str, str]]:
    """The rule's expressions, each with its path."""
    yield "condition", rule.condition
    for index, action in enumerate(rule.actions):
        declared = ACTION_TYPES.get(action.get("type"))
        for name, field in declared.fields.items() if declared else ():
            if field.is_expression and isinstance(action.get(name), str):
                yield f"actions[{index}].{name}", action[name]


def _add_changes(text: str, path: str, changes: Errors) -> None:
    found = Findings()
    try:
        for change in changed_meanings(text):
            changes.add(path, "changed", str(change), position_of(change))
    except RuleSyntaxError:
        return  # a mistake, which is found beside this
    expressions.review(text, _SHAPES, found, path)
    for each in found.warnings:
        changes.add(path, "changed", each.message, each.position)


def check_again(program_ids: Iterable[UUID]) -> None:
    """Check the rules of these programs that need attention, now that the programs have other names.

    The others need none: nothing that a rule names is taken away. Call it in the transaction that locks the programs.
    """
    for rule in Rule.objects.filter(program__in=program_ids).needing_attention():
        _check(rule, ProgramNames(rule.program_id))


def check_counting(keys: Collection[str]) -> None:
    """Check the rules of any program that need attention and count one of these counters."""
    for rule in counting_rules(keys).needing_attention():
        _check(rule, ProgramNames(rule.program_id))


def check_unchecked(*, by: Actor | None = None) -> Iterator[int]:
    """Check the rules that no check of this version has seen. Yields how many after each of its transactions."""
    while checked := _check_some():
        yield checked


@retried
def _check_some() -> int:
    with transaction.atomic():
        unchecked = Rule.objects.filter(needs_attention=None)
        program_id = unchecked.values_list("program", flat=True).first()
        if program_id is None:
            return 0
        Program.objects.select_for_update(no_key=True).get(pk=program_id)
        names = ProgramNames(program_id)
        until = time.monotonic() + CHECKED_FOR
        checked = 0
        for rule in unchecked.filter(program=program_id).in_order()[:MAX_CHECKED]:
            checked += _check(rule, names)
            if time.monotonic() > until:
                break
        return checked


def _check(rule: Rule, names: ProgramNames) -> bool:
    needed = bool(mistakes_in(rule, names))
    return bool(Rule.objects.filter(pk=rule.pk).update(needs_attention=needed))
