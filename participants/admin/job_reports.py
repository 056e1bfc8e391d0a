"""The reports of jobs, each kind in its own words; a kind without any here is shown as JSON."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from django.http import HttpRequest

from participants.admin import outcomes
from programs.api.permissions import REQUIREMENTS

SIDES: Final = ("current", "draft")
_TYPES: Final = {
    "CREDIT": "Credited",
    "DEBIT": "Debited",
    "HOLD": "Held",
    "RELEASE": "Released",
    "FORFEIT": "Forfeited",
    "TAG": "Tag added",
    "UNTAG": "Tag removed",
    "COUNTER": "Added to counter",
    "SET_ATTRIBUTE": "Attribute set",
    "SET_TIER": "Level set on",
    "RISE": "Rose on",
}


def context(request: HttpRequest, kind: str, report: Any) -> dict[str, Any]:
    """Return what the page shows of the report: the template for it, and its context."""
    shown = _REPORTS.get(kind)
    if report is None or shown is None:
        return {}
    return {"template": f"admin/participants/job/{kind}.html", "report": shown(request, report)}


def _replay(request: HttpRequest, report: Mapping[str, Any]) -> dict[str, Any]:
    may_view_rules = REQUIREMENTS["RuleViewSet.retrieve"].staff_may(request)
    counts = ("events", "participants", "different")
    return {
        **report,
        **{name: _grouped(report[name]) for name in counts},
        **{side: {name: _grouped(n) for name, n in report[side].items()} for side in SIDES},
        "rules": [
            {
                **rule,
                **{side: [_grouped(n) for n in rule[side]] for side in SIDES},
                "url": outcomes.rule_page(rule["rule_id"]) if may_view_rules else "",
            }
            for rule in report["rules"]
        ],
        "effects": [_effect(row) for row in report["effects"]],
        "examples": [_example(example, report["symbols"]) for example in report["examples"]],
    }


def _track_preview(request: HttpRequest, report: Mapping[str, Any]) -> dict[str, Any]:
    return dict(report)


def _effect(row: Mapping[str, Any]) -> dict[str, Any]:
    moves = "difference" in row
    difference = Decimal(row["difference"] if moves else row["times"])
    return {
        "what": f"{_TYPES.get(row['type'], row['type'])} {row['what']}".strip(),
        "moves": moves,
        **{side: [_grouped(part) for part in row[side]] for side in SIDES},
        "difference": f"{'+' if difference > 0 else ''}{_grouped(difference)}",
        "differs": bool(difference),
    }


def _example(example: Mapping[str, Any], symbols: Mapping[str, str]) -> dict[str, Any]:
    return {
        **example,
        "url": outcomes.event_page(example["event_id"]),
        "sides": [(side.capitalize(), _lines(example[side], symbols)) for side in SIDES],
    }


def _lines(side: Mapping[str, Any], symbols: Mapping[str, str]) -> list[str]:
    lines = [f"The event would fail: {side['failure']}"] if side["failure"] else []
    for rule in side["rules"]:
        effects = [outcomes.effect_in_words(effect, symbols) for effect in rule["actions"]]
        what = " ".join(effects) or rule["reason"] or "Matched, and does nothing."
        lines.append(f"{rule['rule_name']}: {what}")
    return [*lines, *map(outcomes.rise, side["tier_changes"])]


def _grouped(number: Any) -> str:
    return f"{Decimal(number):,f}"


_REPORTS: Final[Mapping[str, Callable[[HttpRequest, Any], dict[str, Any]]]] = {
    "replay": _replay,
    "track_preview": _track_preview,
}
