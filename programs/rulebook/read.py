from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from programs.kernel.cleaning import Errors
from programs.kernel.exceptions import FieldError, ProgramNotFound, RuleNotFound, ValidationFailed
from programs.models import Program, Rule, RuleVersion
from programs.rulebook.actions import clean_actions, in_documented_order, refuse_strangers
from programs.rulebook.bodies import FIELDS, Draft, clean_condition
from programs.rulebook.program_names import ProgramNames


def found(rule_id: UUID) -> Rule:
    """The rule, archived or not. Raises RuleNotFound."""
    rule = Rule.objects.filter(pk=rule_id).first()
    if rule is None:
        raise RuleNotFound
    return rule


def history(rule: Rule) -> QuerySet[RuleVersion]:
    """The versions of the rule, newest first, each with what `changes` needs."""
    before = RuleVersion.objects.filter(rule=rule, version=OuterRef("version") - 1)
    versions = RuleVersion.objects.filter(rule=rule).order_by("-version")
    return versions.annotate(before=Subquery(before.values("snapshot")))


def changes(version: RuleVersion) -> list[dict[str, Any]]:
    """What a version out of `history` changed: [{"field", "old", "new"}]. The first made every field, out of None."""
    now = snapshot(version)
    if version.before is None:  # type: ignore[attr-defined]
        return [{"field": name, "old": None, "new": value} for name, value in now.items()]
    before = _in_order(version.before)  # type: ignore[attr-defined]
    return [
        {"field": name, "old": before[name], "new": value}
        for name, value in now.items()
        if before[name] != value
    ]


def snapshot(version: RuleVersion) -> dict[str, Any]:
    """The rule as it was in this version, its fields in the order of the API."""
    return _in_order(version.snapshot)


def judged(draft: Draft) -> list[FieldError]:
    """All that is wrong with a condition or with actions. Raises ProgramNotFound."""
    errors = Errors()
    if draft.program_id and not Program.objects.filter(pk=draft.program_id).exists():
        raise ProgramNotFound
    try:
        if draft.condition is not None:
            clean_condition(draft.condition, errors)
        else:
            actions = clean_actions(draft.actions, errors)
            if draft.program_id and not errors:
                refuse_strangers(actions, ProgramNames(draft.program_id), errors)
    except ValidationFailed as refusal:  # there are too many to name
        return list(refusal.fields)
    return errors


def _in_order(kept: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: kept[name] for name in FIELDS},
        "actions": in_documented_order(kept["actions"]),
    }
