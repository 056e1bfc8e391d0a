"""Rules and their versions as they are stored, and what is wrong with a draft."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypedDict
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from programs.exceptions import ChangeSince, ProgramNotFound, RuleNotFound
from programs.kernel import instants
from programs.kernel.cleaning import Errors
from programs.kernel.exceptions import ValidationFailed
from programs.models import Program, Rule, RuleVersion
from programs.models.rules import counted_keys
from programs.rulebook.actions import clean_actions, in_documented_order
from programs.rulebook.bodies import FIELDS, Draft, clean_condition
from programs.rulebook.checks import review
from programs.rulebook.findings import Findings
from programs.rulebook.program_names import ProgramNames
from programs.versions import MOST_VERSIONS


class Change(TypedDict):
    """A field of a rule that a version changed."""

    field: str
    old: Any
    new: Any


def found(rule_id: UUID) -> Rule:
    """Return the rule, archived or not. Raises RuleNotFound."""
    rule = Rule.objects.filter(pk=rule_id).first()
    if rule is None:
        raise RuleNotFound
    return rule


def history(rule: Rule) -> QuerySet[RuleVersion]:
    """Return the rule's versions, newest first, each with the snapshot before it, for `changes`."""
    before = RuleVersion.objects.filter(rule=rule, version=OuterRef("version") - 1)
    versions = RuleVersion.objects.filter(rule=rule).order_by("-version")
    return versions.annotate(before=Subquery(before.values("snapshot")))


def changes(version: RuleVersion) -> list[Change]:
    """Return what a version from `history` changed; the first changed every field from None."""
    now = snapshot(version)
    if version.before is None:  # type: ignore[attr-defined]
        return [{"field": name, "old": None, "new": value} for name, value in now.items()]
    before = _in_order(version.before)  # type: ignore[attr-defined]
    return [
        {"field": name, "old": before[name], "new": value}
        for name, value in now.items()
        if before[name] != value
    ]


def changes_since(rule: Rule, version: int) -> Iterator[ChangeSince]:
    """Yield what the newest versions after this one changed of the rule, the newest first."""
    for later in history(rule).filter(version__gt=version)[:MOST_VERSIONS]:
        for change in changes(later):
            yield {
                "version": later.version,
                **change,
                "changed_by": later.changed_by,
                "changed_at": instants.written(later.changed_at),
            }


def snapshot(version: RuleVersion) -> dict[str, Any]:
    """Return the rule as it was in this version, its fields in documented order."""
    return _in_order(version.snapshot)


def findings_in(draft: Draft) -> Findings:
    """Return what is wrong, and what is probably wrong, with a condition and actions. Raises ProgramNotFound."""
    found = Findings()
    if draft.program_id and not Program.objects.filter(pk=draft.program_id).exists():
        raise ProgramNotFound
    with suppress(ValidationFailed):  # there were too many to go on
        parts: dict[str, Any] = {}
        if draft.condition is not None:
            parts["condition"] = _right(draft.condition, clean_condition, found.errors)
        if draft.actions is not None:
            parts["actions"] = _right(draft.actions, clean_actions, found.errors)
        if draft.program_id:
            counting = counted_keys(draft.actions or ())
            names = ProgramNames(draft.program_id, counting, may_read_events=True)
            review(names, found, **{name: part for name, part in parts.items() if part is not None})
    return found


def _right(part: Any, clean: Callable[[Any, Errors], Any], errors: Errors) -> Any:
    """Return the part as it is stored, or None if something is wrong with it."""
    before = len(errors)
    read = clean(part, errors)
    return read if len(errors) == before else None


def _in_order(stored: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: stored[name] for name in FIELDS},
        "actions": in_documented_order(stored["actions"]),
    }
