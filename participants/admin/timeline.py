"""A participant's timeline in words: what happened, what it led to and why, with links to what the reader may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from participants import timeline
from participants.admin import outcomes, words
from participants.admin.history import HAS_PARTICIPANT
from participants.admin.outcomes import RuleWords
from participants.admin.subpages import change_words
from participants.api.permissions import allows
from participants.events import outcome
from participants.models import (
    Event,
    EventRetry,
    EventStatus,
    JournalEntry,
    StateChange,
)
from participants.timeline import Item, Kind, Sources
from programs.admin.base import is_id
from programs.kernel import exact_json
from programs.reader import amount

SHOWN_FACTS = 4  # of an event's data
SHOWN_REASONS = 3  # why nothing was earned
LONGEST_FACT = 60


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened. `mark` is the kind of it, for its symbol; `badge` a word with the class of its color."""

    mark: str
    at: datetime
    title: str
    url: str = ""
    badge: tuple[str, str] | None = None
    amount: str = ""
    facts: str = ""
    summary: str = ""
    change: tuple[str, str] | None = None
    rules: Sequence[RuleWords] = ()
    reasons: Sequence[RuleWords] = ()
    more_reasons: int = 0
    effects: Sequence[str] = ()
    happened: datetime | None = None
    after: str = ""
    reason: str = ""
    who: str = ""
    rule: tuple[str, str] | None = None
    event_url: str = ""
    program: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter of the timeline."""

    label: str
    url: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """The timeline as its page shows it."""

    lines: list[Line]
    kinds: list[Choice]
    programs: list[Choice]
    older_url: str = ""
    newest_url: str = ""
    looked_until: datetime | None = None
    journal_url: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of the page asks for; whatever it does not know is left out."""

    kind: str = ""
    program_id: UUID | None = None
    cursor: str = field(default="", repr=False)

    @classmethod
    def of(cls, request: HttpRequest) -> "Asked":
        kind, program_id = request.GET.get("kind", ""), request.GET.get("program", "")
        return cls(
            kind if kind in Kind.values else "",
            UUID(program_id) if is_id(program_id) else None,
            request.GET.get("cursor", ""),
        )

    def url(self, **changed: str) -> str:
        """The address with other filters, from its beginning unless a cursor is among them."""
        asked = {"kind": self.kind, "program": str(self.program_id or ""), **changed}
        return f"?{urlencode({name: value for name, value in asked.items() if value})}#timeline"


def _sources_for(request: HttpRequest) -> Sources:
    return Sources(
        events=allows(request, "ParticipantEventViewSet.list"),
        movements=allows(request, "HistoryViewSet.list"),
        changes=allows(request, "StateHistoryViewSet.list"),
    )


def shown(
    request: HttpRequest,
    participant_id: UUID,
    programs: Mapping[UUID, str],
    symbols: Mapping[str, str],
) -> Shown | None:
    """Return a page of the timeline, or None for staff who may see none of it. `symbols` are of assets known by now."""
    may_see = _sources_for(request)
    if may_see == Sources(False, False, False):
        return None
    asked = Asked.of(request)
    read: Mapping[str, Any] = {
        "kind": asked.kind,
        "program_id": asked.program_id,
        "may_see": may_see,
    }
    try:
        page = timeline.read(participant_id, cursor=asked.cursor, **read)
    except timeline.InvalidCursor:
        asked = Asked(asked.kind, asked.program_id)
        page = timeline.read(participant_id, **read)
    events = [item.row for item in page.items if isinstance(item.row, Event)]
    reader = outcomes.Reader.of(request, events, symbols)
    return Shown(
        [_line(item, reader) for item in page.items],
        _kinds(asked, may_see),
        _programs(asked, programs),
        asked.url(cursor=page.cursor) if page.cursor else "",
        asked.url() if asked.cursor else "",
        page.looked_until,
        _journal(participant_id) if asked.kind == Kind.MOVEMENTS and reader.may_see_entries else "",
    )


def _journal(participant_id: UUID) -> str:
    """The participant's part of the journal, which can be searched and exported."""
    journal = reverse("admin:participants_journalentry_changelist")
    return f"{journal}?{urlencode({HAS_PARTICIPANT: str(participant_id)})}"


def _kinds(asked: Asked, may_see: Sources) -> list[Choice]:
    needs = {Kind.EVENTS: may_see.events, Kind.MOVEMENTS: may_see.movements}
    kinds = [
        ("", "Everything"),
        *((k.value, k.label) for k in Kind if needs.get(k, may_see.changes)),
    ]
    return [Choice(label, asked.url(kind=kind), kind == asked.kind) for kind, label in kinds]


def _programs(asked: Asked, programs: Mapping[UUID, str]) -> list[Choice]:
    if len(programs) < 2:
        return []
    every = Choice("All programs", asked.url(program=""), asked.program_id is None)
    return [
        every,
        *(
            Choice(name, asked.url(program=str(pk)), pk == asked.program_id)
            for pk, name in programs.items()
        ),
    ]


def _line(item: Item, reader: outcomes.Reader) -> Line:
    row = item.row
    if isinstance(row, Event):
        return _event(item, row, reader)
    if isinstance(row, JournalEntry):
        return _movement(item, row, reader)
    if isinstance(row, StateChange):
        return _change(item, row, reader)
    return _retry(item, row, reader)


def _event(item: Item, event: Event, reader: outcomes.Reader) -> Line:
    data = item.data if isinstance(item.data, dict) else {}
    kind = data.get("type")
    named = isinstance(kind, str) and bool(kind)
    rules = outcomes.rule_descriptions(event, reader)
    acted = [rule for rule in rules if rule.effects or rule.outcome == outcome.FAILED]
    idle = [] if acted else [rule for rule in rules if rule.reason]
    badge = _BADGES.get(EventStatus(event.status))
    if event.failed_rule_ids and event.status != EventStatus.PENDING:
        badge = (words.counted(event.rule_errors, "rule error"), "warn")
    late = abs(event.created_at - event.event_timestamp) >= timedelta(minutes=1)
    return Line(
        "event",
        item.at,
        str(kind) if named else event.idempotency_key,
        outcomes.event_page(event.pk),
        badge,
        facts=_facts(data, event.idempotency_key if named else ""),
        summary=outcomes.summary(event, reader.symbols, reader.may_see_balances),
        rules=acted,
        reasons=idle[:SHOWN_REASONS],
        more_reasons=max(0, len(idle) - SHOWN_REASONS),
        effects=outcomes.tier_descriptions(event),
        happened=event.event_timestamp if late else None,
        who=event.created_by,
        program=item.program_name,
    )


def _facts(data: Mapping[str, Any], key: str) -> str:
    """The first members of an event's data, as far as they are no structures: "amount 49.90, cds 2, order-77"."""
    plain = [
        f"{name} {_text(value)}"
        for name, value in data.items()
        if name != "type" and not isinstance(value, dict | list)
    ]
    return ", ".join([*plain[:SHOWN_FACTS], *([key] if key else [])])


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else exact_json.dumps(value).decode()
    return text if len(text) <= LONGEST_FACT else f"{text[:LONGEST_FACT]}…"


def _movement(item: Item, entry: JournalEntry, reader: outcomes.Reader) -> Line:
    late = abs(entry.created_at - entry.happened_at) >= timedelta(minutes=1)
    return Line(
        "movement",
        item.at,
        words.action(entry),
        outcomes.entry_page(entry.pk) if reader.may_see_entries else "",
        amount=f"{words.signed_amount(entry)} {entry.asset.symbol}",
        happened=entry.happened_at if late else None,
        after=_after(entry) if reader.may_see_balances else "",
        reason=entry.description,
        who="" if entry.rule_id else entry.created_by,
        rule=_rule(entry.rule_id, entry.created_by, reader),
        event_url=_event_url(entry.event_id, reader),
        program=item.program_name,
    )


def _after(entry: JournalEntry) -> str:
    """Describe the balance: "12.00 available, 3.00 held". Empty buckets other than available are left out."""
    amounts = {name: getattr(entry, name) for name in outcomes.BUCKETS}
    return ", ".join(
        f"{amount(each, entry.asset.scale)} {name}"
        for name, each in amounts.items()
        if each or name == "available"
    )


def _change(item: Item, change: StateChange, reader: outcomes.Reader) -> Line:
    title, old, new = change_words(item)
    return Line(
        "change",
        item.at,
        title,
        change=(old, new) if old or new else None,
        reason=change.reason,
        who="" if change.rule_id else change.changed_by,
        rule=_rule(change.rule_id, change.changed_by, reader),
        event_url=_event_url(change.event_id, reader),
        program="" if item.program_name and item.program_name in title else item.program_name,
    )


def _retry(item: Item, retry: EventRetry, reader: outcomes.Reader) -> Line:
    event_url = _event_url(retry.event_id, reader)
    return Line("retry", item.at, "Event retried", event_url, who=retry.retried_by)


def _rule(rule_id: UUID | None, who: str, reader: outcomes.Reader) -> tuple[str, str] | None:
    """The rule and version that did it, with its page, where a rule did: "Points for purchases v3"."""
    if rule_id is None:
        return None
    return who.removeprefix("rule:"), outcomes.rule_page(rule_id) if reader.may_see_rules else ""


def _event_url(event_id: UUID | None, reader: outcomes.Reader) -> str:
    return outcomes.event_page(event_id) if event_id and reader.may_see_events else ""


_BADGES: Final = {
    EventStatus.FAILED: ("Failed", "bad"),
    EventStatus.PENDING: ("Pending", "neutral"),
}
