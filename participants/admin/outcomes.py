"""The outcome of an event in plain words."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.contrib.admin.utils import quote
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from participants.api.permissions import allows
from participants.events import outcome
from participants.events.outcome import Effect, TierChange
from participants.models import Event, EventStatus
from programs import reader
from programs.api.permissions import REQUIREMENTS
from programs.kernel import exact_json, instants
from programs.models import Asset
from programs.reader import moment

SHOWN_EFFECTS = 5  # in a list
SHOWN_VALUE = 200  # characters
BUCKETS = ("available", "held", "deferred")
_TELLS_A_BALANCE = re.compile(r"balance|(AVAILABLE|HELD|DEFERRED) has ")

Symbols = Mapping[str, str]
NONE: Final[Symbols] = {}


@dataclass(frozen=True, slots=True)
class Reader:
    """What a member of staff may see beside events, and the symbols of the assets in them, by id."""

    symbols: Symbols
    may_see_balances: bool
    may_see_rules: bool
    may_see_entries: bool
    may_see_events: bool

    @classmethod
    def of(
        cls, request: HttpRequest, events: Iterable[Event] = (), symbols: Symbols = NONE
    ) -> "Reader":
        """The reader who asks, with at most one query, for symbols that are missing."""
        return cls(
            symbols_of(events, symbols),
            may_see_balances=allows(request, "BalanceViewSet.list"),
            may_see_rules=REQUIREMENTS["RuleViewSet.retrieve"].staff_may(request),
            may_see_entries=allows(request, "JournalEntryViewSet.retrieve"),
            may_see_events=allows(request, "EventViewSet.retrieve"),
        )


@dataclass(frozen=True, slots=True)
class EffectWords:
    text: str
    is_undone: bool
    is_refused: bool
    entry_url: str


@dataclass(frozen=True, slots=True)
class RuleWords:
    """What one rule did. `outcome` is matched, not_matched, skipped or failed; `label` is its text."""

    name: str
    version: int
    url: str
    outcome: str
    label: str
    reason: str
    effects: list[EffectWords]


def symbols_of(events: Iterable[Event], known: Symbols = NONE) -> Symbols:
    """Return the symbols, by asset id, of what these events moved, beside those known; at most one query."""
    ids = {
        effect["asset_id"]
        for event in events
        for rule in outcome.of(event).rule_evaluations
        for effect in rule["actions"]
        if "asset_id" in effect
    }
    if ids <= known.keys():
        return known
    assets = Asset.objects.filter(pk__in=ids).order_by().values_list("pk", "symbol")
    return {**known, **{str(pk): symbol for pk, symbol in assets}}


def summary(event: Event, symbols: Symbols, may_see_balances: bool = True) -> str:
    """Summarize the outcome in one line: "+12 POINTS, tag vip, status gold"."""
    if event.status == EventStatus.PENDING:
        again = event.attempts or event.only_failed_rules
        return "Waiting to be retried." if again else "Waiting to be processed."
    if event.status == EventStatus.FAILED:
        return failure(event, may_see_balances)
    parts = [*_in_short(event, symbols), *_levels_in_short(event)]
    more = ["…"] if len(parts) > SHOWN_EFFECTS else []
    shown = ", ".join([*parts[:SHOWN_EFFECTS], *more]) or _nothing(event)
    if not event.failed_rule_ids:
        return shown
    return f"{shown.rstrip('.')}. {_first(rule_errors(event, may_see_balances))}"


def failure(event: Event, may_see_balances: bool = True) -> str:
    """Say which rule failed, at which action, and why: "Rule “Redeem”, action 2: DEBIT: AVAILABLE has 0, …"."""
    stored = outcome.of(event).failure
    if stored is None:
        return ""
    message = _visible(stored["message"], may_see_balances)
    if stored["rule_id"] is None:
        return message
    action = "" if stored["action"] is None else f", action {stored['action'] + 1}"
    return f"Rule “{stored['rule_name']}”{action}: {message}"


def rule_errors(event: Event, may_see_balances: bool = True) -> list[str]:
    """Say of each rule that failed alone why: "Rule “Bonus”: CREDIT: event.amount is missing."."""
    failed = {str(rule_id) for rule_id in event.failed_rule_ids or ()}
    shown = [
        f"Rule “{rule['rule_name']}”: {_visible(rule['reason'], may_see_balances)}"
        for rule in outcome.of(event).rule_evaluations
        if rule["rule_id"] in failed
    ]
    omitted = len(failed) - len(shown)
    return (
        [*shown, f"{omitted} more that did not fit into the stored outcome."] if omitted else shown
    )


def rule_descriptions(event: Event, reader: Reader) -> list[RuleWords]:
    """Describe what each rule did, with links to what the reader may see."""
    return [
        RuleWords(
            rule["rule_name"],
            rule["rule_version"],
            rule_page(rule["rule_id"]) if reader.may_see_rules else "",
            rule["outcome"],
            _LABELS.get(rule["outcome"], rule["outcome"]),
            _visible(rule["reason"], reader.may_see_balances),
            [_effect(effect, reader) for effect in rule["actions"]],
        )
        for rule in outcome.of(event).rule_evaluations
    ]


def tier_descriptions(event: Event) -> list[str]:
    """Describe the levels that the participant rose to after the rules."""
    return [rise(change) for change in outcome.of(event).tier_changes]


def rise(change: TierChange) -> str:
    track = change["tier"]
    if earned := change.get("earned_level"):
        return f"Earned {earned} of {track}, and stays on {_level(change['after'])}, which is lent or pinned."
    return f"Rose from {_level(change['before'])} to {_level(change['after'])} of {track}."


def omitted_rules(event: Event) -> int:
    """Return how many rules are missing because the stored outcome is limited in size."""
    return outcome.of(event).omitted_rules


def event_page(event_id: UUID | str) -> str:
    return _page("participants_event", event_id)


def entry_page(entry_id: UUID | str) -> str:
    return _page("participants_journalentry", entry_id)


def rule_page(rule_id: UUID | str | None) -> str:
    return _page("programs_rule", rule_id)


def _page(model: str, pk: Any) -> str:
    try:
        return reverse(f"admin:{model}_change", args=[quote(pk)])
    except NoReverseMatch:
        return ""  # an installation may leave that page out


def _visible(text: str, may_see_balances: bool) -> str:
    """The words of an outcome for somebody who may not see balances: what tells one is left out."""
    if may_see_balances or not _TELLS_A_BALANCE.search(text):
        return text
    return "It depends on a balance, which you may not see."


def _effect(effect: Effect, reader: Reader) -> EffectWords:
    entry_id = effect.get("journal_entry_id")
    if not reader.may_see_balances and effect["type"] in _MOVED and "error" not in effect:
        effect = effect.copy()
        effect["before"] = effect["after"] = {}
    return EffectWords(
        _visible(effect_in_words(effect, reader.symbols), reader.may_see_balances),
        effect.get("undone", False),
        "error" in effect,
        entry_page(entry_id) if entry_id and reader.may_see_entries else "",
    )


def effect_in_words(effect: Effect, symbols: Symbols) -> str:
    if "error" in effect:
        return f"{effect['type']} was refused: {effect['error']['message']}"
    return _WORDS.get(effect["type"], _unknown)(effect, symbols)


def _moved(effect: Effect, symbols: Symbols) -> str:
    verb, what = _MOVED[effect["type"]][0], _amount(effect, symbols)
    if not Decimal(effect["amount"]):
        return f"{verb} {what}: nothing moved."
    bucket = str(effect.get("bucket", "AVAILABLE")).lower()
    where = "" if bucket == "available" else f" to {bucket}"
    if effect["type"] == "FORFEIT" and where:
        where = f" of {bucket}"
    before, after = effect["before"], effect["after"]
    changes = ", ".join(
        f"{name} {reader.amount(before[name])} → {reader.amount(after[name])}"
        for name in BUCKETS
        if before.get(name) != after.get(name)
    )
    return f"{verb} {what}{where} ({changes})." if changes else f"{verb} {what}{where}."


def _amount(effect: Effect, symbols: Symbols) -> str:
    symbol = symbols.get(effect["asset_id"], f"of asset {effect['asset_id']}")
    return f"{reader.amount(effect['amount'])} {symbol}"


def _tagged(effect: Effect, symbols: Symbols) -> str:
    return f"Had the tag {effect['tag']}." if effect["before"] else f"Tagged {effect['tag']}."


def _untagged(effect: Effect, symbols: Symbols) -> str:
    tag = effect["tag"]
    return f"Took away the tag {tag}." if effect["before"] else f"Had no tag {tag}."


def _counted(effect: Effect, symbols: Symbols) -> str:
    before = "new" if effect["before"] is None else effect["before"]
    added = (
        f"Added {effect['value']} to the counter {effect['key']} ({before} → {effect['after']})."
    )
    if not effect.get("late"):
        return added
    began = _moment(effect["last_reset_at"])
    return f"{added} The event was late: it counts in the window that began at {began}, after it."


def _attribute_set(effect: Effect, symbols: Symbols) -> str:
    before = "not set" if effect["before"] is None else _value(effect["before"])
    return f"Set the attribute {effect['key']} ({before} → {_value(effect['after'])})."


def _tier_set(effect: Effect, symbols: Symbols) -> str:
    track = effect["tier"]
    if reason := effect.get("ignored"):
        return f"Did not set the level of {track}: {reason}"
    change = f"{_level(effect['before'])} → {_level(effect['after'])}"
    verb = "Pinned" if effect.get("pinned") else "Lent" if "expires_at" in effect else "Set"
    what = "the level" if verb == "Set" else _level(effect["level"])
    until = f" until {_moment(effect['expires_at'])}" if "expires_at" in effect else ""
    return f"{verb} {what} of {track}{until} ({change})."


def _unknown(effect: Effect, symbols: Symbols) -> str:
    return f"{effect['type']}."


def _level(key: str) -> str:
    return key or "the base"


def _moment(stored: str) -> str:
    return moment(instants.read(stored))


def _value(value: Any) -> str:
    text = exact_json.dumps(value).decode()
    return text if len(text) <= SHOWN_VALUE else f"{text[:SHOWN_VALUE]}…"


def _in_short(event: Event, symbols: Symbols) -> Iterator[str]:
    """Yield movements, then everything else that changed."""
    kept = (
        rule for rule in outcome.of(event).rule_evaluations if rule["outcome"] != outcome.FAILED
    )
    effects = [effect for rule in kept for effect in rule["actions"]]
    for effect in effects:
        if effect["type"] in _MOVED and Decimal(effect["amount"]):
            _, sign, more = _MOVED[effect["type"]]
            yield f"{sign}{_amount(effect, symbols)}{more}"
    for effect in effects:
        if effect["type"] in _SHORT and effect["before"] != effect["after"]:
            yield _SHORT[effect["type"]](effect)


def _first(errors: list[str]) -> str:
    first, *others = errors
    return f"{first} (and {len(others)} more)" if others else first


def _levels_in_short(event: Event) -> Iterator[str]:
    for change in outcome.of(event).tier_changes:
        yield f"{change['tier']} {_level(change.get('earned_level') or change['after'])}"


def _nothing(event: Event) -> str:
    rules = outcome.of(event).rule_evaluations
    if not rules:
        return "Nothing: the program had no rules."
    if any(rule["outcome"] == outcome.MATCHED for rule in rules):
        return "Nothing changed."
    return "Nothing: no rule matched."


_LABELS: Final = {
    outcome.MATCHED: "Matched",
    outcome.NOT_MATCHED: "Did not match",
    outcome.SKIPPED: "Skipped",
    outcome.FAILED: "Failed",
}
# What each movement did in a sentence; in short, the sign and the word around the amount.
_MOVED: Final = {
    "CREDIT": ("Credited", "+", ""),
    "DEBIT": ("Debited", "-", ""),
    "HOLD": ("Held", "", " held"),
    "RELEASE": ("Released", "", " released"),
    "FORFEIT": ("Forfeited", "-", " forfeited"),
}
_SHORT: Final[Mapping[str, Callable[[Effect], str]]] = {
    "TAG": lambda effect: f"tag {effect['tag']}",
    "UNTAG": lambda effect: f"no more tag {effect['tag']}",
    "COUNTER": lambda effect: f"{effect['key']} {effect['after']}",
    "SET_ATTRIBUTE": lambda effect: f"{effect['key']} {_value(effect['after'])}",
    "SET_TIER": lambda effect: f"{effect['tier']} {_level(effect['after'])}",
}
_WORDS: Final[Mapping[str, Callable[[Effect, Symbols], str]]] = {
    **dict.fromkeys(_MOVED, _moved),
    "TAG": _tagged,
    "UNTAG": _untagged,
    "COUNTER": _counted,
    "SET_ATTRIBUTE": _attribute_set,
    "SET_TIER": _tier_set,
}
