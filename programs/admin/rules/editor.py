"""What the page of a rule shows around its form: actions in words, the reference, trial values, versions."""

from collections.abc import Mapping
from difflib import ndiff
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse

from programs import rulebook
from programs.admin.form_fields import in_words, written
from programs.admin.rules.actions import for_scripts
from programs.admin.rules.choices import ProgramChoices
from programs.admin.rules.completions import names_of_the_language
from programs.admin.rules.conditions import builder_context, recent_events
from programs.admin.rules.forms import RuleForm
from programs.kernel import instants
from programs.models import Rule, RuleStatus, RuleVersion
from programs.reader import moment
from programs.rulebook import reference
from programs.rulebook.actions import ACTION_TYPES, in_documented_order
from programs.rulebook.attention import mistakes_in
from programs.rulebook.program_names import ProgramNames

SHOWN_VERSIONS = 20


def editor_context(request: HttpRequest, form: RuleForm, rule: Rule | None) -> dict[str, Any]:
    """Return the context of the page for a stored rule, or for a new one."""
    choices = form.choices
    events = recent_events(request, choices)
    editor = _for_scripts(choices, rule)
    context: dict[str, Any] = {
        "rows": form.rows,
        "names": choices.names(),
        "shown_actions": [
            _shown_action(action, choices) for action in in_documented_order(form.stored)
        ],
        "reference": reference,
        "sample_event": written(events.newest or reference.FACTS["event"]),
        "sample_is_real": events.newest is not None,
        "sample_state": written(_sample_state(choices)),
        "editor": editor,
        "templates": () if rule else reference.WORKED_RULES,
    }
    if "condition" in form.fields:
        condition = form["condition"].value() or ""
        editor["builder"] = builder_context(request, choices, events, condition)
        editor["names"] = names_of_the_language()
        editor["style_nonce"] = str(request.csp_nonce)  # type: ignore[attr-defined]
    if rule:
        newest = list(rulebook.history(rule)[:SHOWN_VERSIONS])
        if rule.needs_attention:
            context["mistakes"] = mistakes_in(rule, ProgramNames(rule.program_id))
        actions = [action for each in newest for action in each.snapshot["actions"]]
        named = ProgramChoices(choices.program, actions)
        context["versions"] = [_shown_version(version, named) for version in newest]
    return context


def _for_scripts(choices: ProgramChoices, rule: Rule | None) -> dict[str, Any]:
    """What the scripts of the page need to know."""
    # The API's addresses of rules have no names; that of programs is beside them.
    api, program_id = reverse("programs").removesuffix("programs"), choices.program.pk
    subject = f"rules/{rule.pk}" if rule else f"programs/{program_id}"
    return {
        "types": for_scripts(),
        "assets": {str(asset.pk): asset.symbol for asset in choices.linked_assets},
        "program_id": str(program_id),
        "validate_url": f"{api}rules/validate",
        "builder_url": reverse("admin:programs_rule_conditions"),
        "simulate_url": f"{api}{subject}/simulate",
        "participants_url": f"{api}participants",
    }


def _sample_state(choices: ProgramChoices) -> dict[str, Any]:
    """A made-up participant for a first try."""
    return {
        "status": "ACTIVE",
        "tags": ["vip"],
        "attributes": {"plan": "premium"},
        "counters": {"visits": "9"},
        "tiers": {},
        "balances": {asset.symbol: {"available": "100"} for asset in choices.linked_assets},
    }


def _shown_action(action: Mapping[str, Any], choices: ProgramChoices) -> dict[str, Any]:
    """The action in words, for those who cannot edit it."""
    kind, assets = ACTION_TYPES[action["type"]], dict(choices.assets)
    fields = []
    for name, field in kind.fields.items():
        value = action.get(name)
        if field.widget == "asset":
            fields.append((field.label, assets.get(str(value), value)))
        elif value == "":
            fields.append((field.label, field.when_empty))
        elif value:
            fields.append((field.label, in_words(value)))
    return {"label": kind.label, "fields": fields}


# What is part of neither, of the old one only, and of the new one only, as a list of versions shows it.
Pieces = list[tuple[str, str]]
_FIELD_NAMES: Final = {"stop_after_match": "after a match"}


def _shown_version(
    version: RuleVersion, choices: ProgramChoices
) -> tuple[RuleVersion, list[tuple[str, Pieces]]]:
    changes = [
        (
            _FIELD_NAMES.get(change["field"], change["field"].replace("_", " ")),
            _pieces(*(_lines(change["field"], change[side], choices) for side in ("old", "new"))),
        )
        for change in rulebook.changes(version)
        if version.version > 1 or change["new"] not in (None, "", [])
    ]
    return version, changes


def _pieces(old: list[str], new: list[str]) -> Pieces:
    """The lines that stay, go and come."""
    lines = ndiff(old, new)
    return [(line[0].strip(), line[2:]) for line in lines if not line.startswith("?")]


def _lines(field: str, value: Any, choices: ProgramChoices) -> list[str]:
    """The value of a rule's field in words; each action is a line."""
    if value is None:
        return []
    if field == "actions":
        return [_action_in_words(action, choices) for action in value]
    if field == "status":
        return [str(RuleStatus(value).label)]
    if field == "stop_after_match":
        return ["stops" if value else "goes on"]
    if field in ("active_from", "active_to"):
        return [moment(instants.read(value))]
    return [in_words(value)] if value != "" else []


def _action_in_words(action: Mapping[str, Any], choices: ProgramChoices) -> str:
    shown = _shown_action(action, choices)
    kind, _, _ = shown["label"].partition(":")
    said = ", ".join(f"{label.lower()} {value}" for label, value in shown["fields"])
    return f"{kind}: {said}"
