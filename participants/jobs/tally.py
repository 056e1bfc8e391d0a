"""What came of events under two rulebooks, added up: JSON from one step of a job to the next, and its report."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from participants.events.outcome import FAILED, MATCHED, Effect, Outcome
from participants.models import EventStatus
from programs.kernel.decimals import EXACT, ZERO, written
from programs.rulebook.compiled import Rulebook

EXAMPLES: Final = 10
SIDES: Final = ("current", "draft")
_LONGEST_REASON = 300  # characters
_MOST_RULES = 20  # of one example
_MOST_EFFECTS = 10  # of one rule in it
_WITHOUT_EFFECT = {"error", "undone", "ignored"}
# Members of an effect that follow from what came before it, or from nothing.
_NOT_COMPARED = {"before", "after", "journal_entry_id", "late", "last_reset_at"}

Side = dict[str, Any]


def empty() -> dict[str, Any]:
    sides = {name: {"matched": 0, "failed": 0, "rules": {}, "effects": {}} for name in SIDES}
    examples: dict[str, list[Any]] = {"differing": [], "further": [], "matching": []}
    return {**sides, "participants": 0, "different": 0, **examples}


def add(tally: dict[str, Any], about: dict[str, Any], current: Outcome, draft: Outcome) -> bool:
    """Add what one event did; `about` names it in an example. Returns whether both outcomes differ."""
    for name, result in zip(SIDES, (current, draft), strict=True):
        _add_side(tally[name], result)
    differs = _essence(current) != _essence(draft)
    tally["different"] += differs
    if differs or _matches(draft):
        _keep_example(tally, about, current, draft, differs=differs)
    return differs


def _keep_example(
    tally: dict[str, Any],
    about: dict[str, Any],
    current: Outcome,
    draft: Outcome,
    *,
    differs: bool,
) -> None:
    """Keep the first of each participant apart, so that ten examples are not all of one."""
    name = "differing" if differs else "matching"
    kept = tally[name]
    if differs and kept and kept[-1]["participant_id"] == about["participant_id"]:
        kept = tally["further"]
    if len(kept) < EXAMPLES:
        kept.append(_example(about, current, draft))


def report(
    tally: dict[str, Any], books: tuple[Rulebook, Rulebook], drafts: Iterable[str]
) -> dict[str, Any]:
    """The sums for people and programs; first the examples in which both differ."""
    drafts = set(drafts)
    names = {rule.id_text: rule.name for book in books for rule in book.rules}
    symbols = {str(asset.id): asset.symbol for book in books for asset in book.assets.values()}
    return {
        **{name: {key: tally[name][key] for key in ("matched", "failed")} for name in SIDES},
        "participants": tally["participants"],
        "different": tally["different"],
        "rules": [
            {
                "rule_id": rule_id,
                "name": name,
                "is_draft": rule_id in drafts,
                **{side: tally[side]["rules"].get(rule_id, [0, 0]) for side in SIDES},
            }
            for rule_id, name in names.items()
        ],
        "effects": list(_effects(tally, symbols)),
        "symbols": symbols,
        "examples": [*tally["differing"], *tally["further"], *tally["matching"]][:EXAMPLES],
    }


def in_short(result: Outcome, symbols: Mapping[str, str]) -> str:
    """The outcome in one line: "CREDIT 20 POINTS, TAG vip"."""
    if result.failure:
        return f"FAILED: {result.failure['message']}"
    effects = [
        effect
        for evaluation in result.rule_evaluations
        for effect in evaluation["actions"]
        if not effect.keys() & _WITHOUT_EFFECT
    ]
    moved = [f"{each['type']} {_what(each, symbols)}" for each in effects]
    rises = [f"RISE {each['tier']} {each['after']}" for each in result.tier_changes]
    return ", ".join([*moved, *rises])


def _what(effect: Effect, symbols: Mapping[str, str]) -> str:
    if "asset_id" in effect:
        return f"{effect['amount']} {symbols.get(effect['asset_id'], effect['asset_id'])}"
    return " ".join(str(effect.get(name, "")) for name in ("tag", "key", "tier", "level")).strip()


def _add_side(side: Side, result: Outcome) -> None:
    side["matched"] += _matches(result)
    side["failed"] += result.status == EventStatus.FAILED
    for evaluation in result.rule_evaluations:
        if evaluation["outcome"] in (MATCHED, FAILED):
            counts = side["rules"].setdefault(evaluation["rule_id"], [0, 0])
            counts[evaluation["outcome"] == FAILED] += 1
        for effect in evaluation["actions"]:
            if not effect.keys() & _WITHOUT_EFFECT:
                _add_effect(side["effects"], effect)
    for change in result.tier_changes:
        _add_effect(
            side["effects"], {"type": "RISE", "tier": change["tier"], "before": "", "after": ""}
        )


def _add_effect(effects: dict[str, list[Any]], effect: Effect) -> None:
    what = (
        effect.get("asset_id") or effect.get("tier") or effect.get("tag") or effect.get("key", "")
    )
    sums = effects.setdefault(f"{effect['type']} {what}", [0, "0"])
    sums[0] += 1
    if "asset_id" in effect:
        sums[1] = written(EXACT.add(Decimal(sums[1]), Decimal(effect["amount"])))


def _matches(result: Outcome) -> bool:
    return result.status == EventStatus.COMPLETED and any(
        evaluation["outcome"] == MATCHED for evaluation in result.rule_evaluations
    )


def _effects(tally: dict[str, Any], symbols: dict[str, str]) -> Iterator[dict[str, Any]]:
    current, draft = (tally[name]["effects"] for name in SIDES)
    for key in sorted({**current, **draft}):
        kind, _, what = key.partition(" ")
        before, after = current.get(key, [0, "0"]), draft.get(key, [0, "0"])
        row = {
            "type": kind,
            "what": symbols.get(what, what),
            "current": before,
            "draft": after,
            "times": after[0] - before[0],
        }
        if what in symbols:
            row["difference"] = written(
                EXACT.subtract(Decimal(after[1]), Decimal(before[1])) + ZERO
            )
        yield row


def _essence(result: Outcome) -> list[Any]:
    """What is compared of an outcome: which rules matched or failed, and what they did."""
    return [
        result.status,
        *(
            (
                evaluation["rule_id"],
                evaluation["outcome"],
                [
                    {key: value for key, value in effect.items() if key not in _NOT_COMPARED}
                    for effect in evaluation["actions"]
                ],
            )
            for evaluation in result.rule_evaluations
            if evaluation["outcome"] in (MATCHED, FAILED)
        ),
        *((change["tier"], change["after"]) for change in result.tier_changes),
    ]


def _example(about: dict[str, Any], current: Outcome, draft: Outcome) -> dict[str, Any]:
    sides = zip(SIDES, (current, draft), strict=True)
    return {**about, **{name: _shown(result) for name, result in sides}}


def _shown(result: Outcome) -> dict[str, Any]:
    ran = [each for each in result.rule_evaluations if each["outcome"] in (MATCHED, FAILED)]
    return {
        "status": result.status,
        "failure": result.failure["message"][:_LONGEST_REASON] if result.failure else "",
        "rules": [
            {
                "rule_name": each["rule_name"],
                "outcome": each["outcome"],
                "reason": each["reason"][:_LONGEST_REASON],
                "actions": [_unwritten(effect) for effect in each["actions"][:_MOST_EFFECTS]],
            }
            for each in ran[:_MOST_RULES]
        ],
        "tier_changes": result.tier_changes,
    }


def _unwritten(effect: Effect) -> dict[str, Any]:
    """The effect without its entry of the journal, which was never written."""
    return {name: value for name, value in effect.items() if name != "journal_entry_id"}
