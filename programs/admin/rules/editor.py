"""What the page of a rule shows around its form: actions in words, the reference, trial values, versions."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from programs import rulebook
from programs.admin.form_fields import in_words, written
from programs.admin.rules.actions import for_scripts
from programs.admin.rules.choices import ProgramChoices
from programs.admin.rules.forms import RuleForm
from programs.models import Rule, RuleVersion
from programs.rulebook import reference
from programs.rulebook.actions import ACTION_TYPES, in_documented_order
from programs.rulebook.attention import mistakes_in
from programs.rulebook.program_names import ProgramNames

SHOWN_VERSIONS = 20


def editor_context(form: RuleForm, rule: Rule | None) -> dict[str, Any]:
    """Return the context of the page for a stored rule, or for a new one."""
    choices = form.choices
    context = {
        "rows": form.rows,
        "names": choices.names(),
        "shown_actions": [
            _shown_action(action, choices) for action in in_documented_order(form.stored)
        ],
        "reference": reference,
        "sample_event": written(reference.FACTS["event"]),
        "sample_state": written(_sample_state(choices)),
        "editor": _for_scripts(choices, rule),
    }
    if rule:
        newest = rulebook.history(rule)[:SHOWN_VERSIONS]
        if rule.needs_attention:
            context["mistakes"] = mistakes_in(rule, ProgramNames(rule.program_id))
        context["versions"] = [_shown_version(version) for version in newest]
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


def _shown_version(version: RuleVersion) -> tuple[RuleVersion, str, list[tuple[str, str, str]]]:
    changes = [
        (change["field"].replace("_", " "), in_words(change["old"]), in_words(change["new"]))
        for change in rulebook.changes(version)
    ]
    return version, f"{version.changed_at:%Y-%m-%d %H:%M:%S}", changes
