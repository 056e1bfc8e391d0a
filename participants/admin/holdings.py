"""What a participant holds, as sections of their page with links to where it is changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.admin.utils import quote
from django.db.models import prefetch_related_objects
from django.http import HttpRequest
from django.urls import reverse

from participants.admin import words
from participants.admin.history import HAS_PARTICIPANT
from participants.api.permissions import allows, rights_of
from participants.models import Balance, Counter, JournalEntry, Maturity
from participants.state import Rights
from participants.state.counters import counters_of
from participants.state.tiers import Tier, tiers_of
from programs.kernel import durations
from programs.kernel.decimals import written

SHOWN_MOVEMENTS = 20
SHOWN_CREDITS = 20
BUCKETS = ("available", "held", "deferred")
NUMBERS = {name.capitalize(): "number" for name in BUCKETS}


@dataclass(frozen=True, slots=True)
class Table:
    """One section of the page."""

    name: str
    title: str
    heads: list[str]
    rows: list["Row"]
    nothing: str
    more: str = ""
    link: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    head: str
    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    cells: list[Cell]
    url: str = ""
    label: str = ""


def page_of(participant_id: UUID, name: str, *more: str) -> str:
    return reverse(f"admin:participants_participant_{name}", args=[quote(participant_id), *more])


def held(request: HttpRequest, participant_id: UUID) -> list[Table]:
    """Return the balances, shown above the form. What the user may not see is not queried."""
    if not allows(request, "BalanceViewSet.list"):
        return []
    tables = [_balances(participant_id), _waiting(participant_id)]
    return [table for table in tables if table.rows or table.name == "balances"]


def other(request: HttpRequest, participant_id: UUID) -> list[Table]:
    """Return tiers, counters and the latest movements, shown below the form."""
    tables = []
    if allows(request, "TierViewSet.list"):
        tables.append(_tiers(participant_id, rights_of(request, "tierstanding")))
    if allows(request, "CounterViewSet.list"):
        tables.append(_counters(participant_id, rights_of(request, "counter")))
    if allows(request, "HistoryViewSet.list"):
        tables.append(_movements(participant_id))
    return tables


def row_of(
    heads: list[str],
    texts: list[str],
    marks: Mapping[str, str] = {},
    url: str = "",
    label: str = "",
) -> Row:
    """Return a row with a cell under each head; `marks` gives the marks of cells by their heads."""
    pairs = zip(heads, texts, strict=True)
    return Row([Cell(head, text, marks.get(head, "")) for head, text in pairs], url, label)


def _rows(heads: list[str], texts: Iterator[list[str]]) -> list[Row]:
    return [row_of(heads, row) for row in texts]


def _balances(participant_id: UUID) -> Table:
    heads = ["Asset", "Available", "Held", "Deferred"]
    balances = Balance.objects.filter(participant=participant_id).select_related("asset")
    rows = [
        row_of(
            heads,
            [
                str(balance.asset),
                *(written(getattr(balance, name), balance.asset.scale) for name in BUCKETS),
            ],
            {**NUMBERS, **({"Available": "overdrawn"} if balance.overdrawn else {})},
        )
        for balance in balances.order_by("asset__name", "asset")
    ]
    return Table("balances", "Balances", heads, rows, "Nothing has moved yet.")


def _waiting(participant_id: UUID) -> Table:
    heads = ["Matures at", "Asset", "Amount"]
    deferred = Maturity.objects.filter(participant=participant_id, matured_at=None, amount__gt=0)
    found = list(deferred.select_related("asset").order_by("matures_at", "id")[: SHOWN_CREDITS + 1])
    rows = _rows(
        heads,
        (
            [words.moment(each.matures_at), str(each.asset), written(each.amount, each.asset.scale)]
            for each in found[:SHOWN_CREDITS]
        ),
    )
    more = f"Only the first {SHOWN_CREDITS} are shown." if len(found) > SHOWN_CREDITS else ""
    return Table("deferred", "Deferred credits", heads, rows, "", more)


def _tiers(participant_id: UUID, rights: Rights) -> Table:
    heads = ["Track", "Program", "Level", "Earned", "Since", "Expires"]
    tiers = tiers_of(participant_id)
    prefetch_related_objects([tier.track for tier in tiers], "program")
    rows = [
        row_of(
            heads,
            _tier_texts(tier),
            url=page_of(participant_id, "tier", str(tier.track.pk))
            if rights.allow(exists=tier.standing is not None)
            else "",
            label=f"Change {tier.track}",
        )
        for tier in tiers
    ]
    return Table("tiers", "Tiers", heads, rows, "No program of this participant has a tier track.")


def _tier_texts(tier: Tier) -> list[str]:
    level, earned = (
        str(each) if each else "Base" for each in (tier.level, tier.track.level(tier.earned_level))
    )
    if tier.is_pinned:
        level += " (pinned)"
    times = [words.moment(tier.acquired_at), words.moment(tier.expires_at)]
    return [str(tier.track), tier.track.program.name, level, earned, *times]


def _counters(participant_id: UUID, rights: Rights) -> Table:
    heads = ["Counter", "Value", "Resets after", "Window began"]
    page = page_of(participant_id, "counter")
    rows = [
        row_of(
            heads,
            [counter.key, written(counter.value), *_window(counter)],
            {"Value": "number"},
            f"{page}?{urlencode({'key': counter.key})}" if rights.may_change else "",
            f"Change {counter.key}",
        )
        for counter in counters_of(participant_id)
    ]
    link = ("Set another counter", page) if rights.may_create else None
    return Table("counters", "Counters", heads, rows, "None yet.", link=link)


def _window(counter: Counter) -> list[str]:
    if counter.reset:
        return [words.period(counter), words.moment(counter.period_start)]
    if not counter.reset_after:
        return ["", ""]
    return [durations.written(counter.reset_after), words.moment(counter.last_reset_at)]


def _movements(participant_id: UUID) -> Table:
    heads = ["When", "What", "Amount", "After it", "Description", "Program", "Who"]
    entries = JournalEntry.objects.filter(participant=participant_id).order_by("-sequence")
    rows = _rows(
        heads,
        (
            [
                " ".join([words.moment(entry.created_at), words.happened(entry)]).strip(),
                words.action(entry),
                f"{words.signed_amount(entry)} {entry.asset.symbol}",
                _after(entry),
                entry.description,
                entry.program.name,
                entry.created_by,
            ]
            for entry in entries.select_related("asset", "program")[:SHOWN_MOVEMENTS]
        ),
    )
    journal = reverse("admin:participants_journalentry_changelist")
    link = ("Full journal", f"{journal}?{HAS_PARTICIPANT}={quote(participant_id)}")
    return Table("movements", "Latest movements", heads, rows, "None yet.", link=link)


def _after(entry: JournalEntry) -> str:
    """Describe the balance: "12.00 available, 3.00 held". Empty buckets other than available are left out."""
    amounts = {name: getattr(entry, name) for name in BUCKETS}
    return ", ".join(
        f"{written(amount, entry.asset.scale)} {name}"
        for name, amount in amounts.items()
        if amount or name == "available"
    )
