"""Worked rules of the reference to begin a new rule with."""

from typing import Any

from programs.admin.rules.choices import ProgramChoices
from programs.rulebook.reference import WORKED_RULES, Action, WorkedRule


def template_named(name: str) -> WorkedRule | None:
    return next((rule for rule in WORKED_RULES if rule.name == name), None)


def values_of(rule: WorkedRule) -> dict[str, Any]:
    """What the fields of the form begin with."""
    return {"name": rule.title, "description": rule.purpose, "condition": rule.condition.strip()}


def actions_of(rule: WorkedRule, choices: ProgramChoices) -> list[dict[str, Any]]:
    """The actions of the rule, with the program's asset where the example has one of its own."""
    return [_action(action, choices) for action in rule.actions]


def _action(action: Action, choices: ProgramChoices) -> dict[str, Any]:
    assets = choices.linked_assets
    said: dict[str, Any] = dict(action.says)
    if symbol := said.pop("asset", None):
        asset = next(
            (each for each in assets if each.symbol == symbol), assets[0] if assets else None
        )
        said["asset_id"] = str(asset.pk) if asset else None
    return {"type": action.type, **said}
