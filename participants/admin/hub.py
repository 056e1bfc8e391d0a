"""A program's page: how it is doing, what each of its rules gave, and the way to all that belongs to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from participants.admin import figures
from participants.admin.charts import Chart, Series, number, of_days
from participants.admin.figures import BAD, ISSUED, Tile, listed, may, value_chart
from participants.api.permissions import allows
from participants.models import Measure
from participants.reports import figures as read
from participants.reports.figures import Figures, Period
from programs.models import Asset, Program, ProgramStatus, Rule

SHOWN_RULES: Final = 100
SHOWN_ASSETS: Final = 20

STATUS_BADGES: Final = {
    ProgramStatus.ACTIVE: "good",
    ProgramStatus.SUSPENDED: "warn",
    ProgramStatus.ARCHIVED: "neutral",
}


class Link(NamedTuple):
    label: str
    url: str


class Issued(NamedTuple):
    symbol: str
    amount: str


@dataclass(slots=True)
class RuleFigures:
    """A rule, and what came of it in the period; "" and nothing where the user may not see it."""

    rule: Rule
    url: str
    events_url: str = ""
    matches: str = ""
    failures: str = ""
    has_failed: bool = False
    issued: list[Issued] = field(default_factory=list)


@dataclass(slots=True)
class RuleReport:
    """The figures on a rule's own page."""

    switch: figures.Switch
    tiles: list[Tile]
    charts: list[Chart]
    links: list[Link]
    time_zone: str


def context(request: HttpRequest, program: Program) -> dict[str, Any]:
    """Return what the page shows to this member of staff; what they may not see is not read."""
    chosen = figures.switch(request)
    [shown] = figures.of(request, [program], chosen.days, most_assets=SHOWN_ASSETS)
    rules = (
        list(_rules(request, program, chosen.days)) if may(request, "RuleViewSet.list") else None
    )
    return {
        "switch": chosen,
        "each": shown,
        "status_badge": STATUS_BADGES[ProgramStatus(program.status)],
        "rules": None if rules is None else rules[:SHOWN_RULES],
        "has_more_rules": len(rules or ()) > SHOWN_RULES,
        "rules_url": listed("programs_rule", program=program.pk),
        "sees_events": allows(request, "EventViewSet.list"),
        "sees_value": allows(request, "BalanceViewSet.list"),
        "links": list(_links(request, program)),
        "add_rule_url": _adding(request, program, "rule", "RuleViewSet.create"),
        "order_url": (
            reverse("admin:programs_rule_order", args=[program.pk])
            if may(request, "RuleViewSet.partial_update")
            else ""
        ),
    }


def _adding(request: HttpRequest, program: Program, name: str, call: str) -> str:
    address = f"{reverse(f'admin:programs_{name}_add')}?program={program.pk}"
    return address if may(request, call) else ""


def _links(request: HttpRequest, program: Program) -> Iterator[Link]:
    """What belongs to the program and has a list or a form of its own."""
    if allows(request, "ParticipantViewSet.list"):
        yield Link("Participants", listed("participants_participant", program=program.pk))
    if allows(request, "EventViewSet.list"):
        yield Link("Events", listed("participants_event", program=program.pk))
    if allows(request, "JournalEntryViewSet.list"):
        yield Link("Journal", listed("participants_journalentry", program=program.pk))
    if may(request, "AssetViewSet.list"):
        yield Link("Assets", listed("programs_asset"))
    if may(request, "TierTrackViewSet.list"):
        yield Link("Tiers", listed("programs_tiertrack", q=program.name))
    if track := _adding(request, program, "tiertrack", "TierTrackViewSet.create"):
        yield Link("Add a tier track", track)
    if allows(request, "ProgramSimulationViewSet.simulate"):
        yield Link("Simulate an event", f"/v1/programs/{program.pk}/simulate")
    yield Link("History", reverse("admin:programs_program_history", args=[program.pk]))


def _rules(request: HttpRequest, program: Program, days: int) -> Iterator[RuleFigures]:
    """The program's rules in their order, one more than are shown where there are more."""
    sees_events = allows(request, "EventViewSet.list")
    sees_value = allows(request, "BalanceViewSet.list")
    rules = list(Rule.objects.filter(program=program).current().in_order()[: SHOWN_RULES + 1])
    found = _read(program, [rule.pk for rule in rules], days) if sees_events or sees_value else {}
    assets = _assets(found.values()) if sees_value else {}
    for rule in rules:
        row = RuleFigures(rule, reverse("admin:programs_rule_change", args=[rule.pk]))
        counted = found.get(rule.pk, Figures())
        if sees_events:
            failures = counted.total(Measure.RULE_FAILURES)
            row.matches = number(counted.total(Measure.MATCHES))
            row.failures, row.has_failed = number(failures), failures > 0
            row.events_url = listed("participants_event", rule=rule.pk)
        if sees_value:
            row.issued = list(_issued(counted, assets))
        yield row


def _read(program: Program, rule_ids: Sequence[UUID], days: int) -> dict[UUID, Figures]:
    period = Period.until(timezone.now(), program, days)
    return read.of_rules(program.pk, rule_ids, period)


def _assets(found: Any) -> dict[UUID, Asset]:
    ids = set().union(*(each.assets() for each in found))
    return Asset.objects.in_bulk(ids) if ids else {}


def _issued(counted: Figures, assets: dict[UUID, Asset]) -> Iterator[Issued]:
    for asset_id in sorted(counted.assets()):
        amount = counted.total(Measure.ISSUED, asset_id)
        if amount and (asset := assets.get(asset_id)):
            yield Issued(asset.symbol, number(amount, asset.scale))


def of_rule(request: HttpRequest, rule: Rule) -> RuleReport | None:
    """The figures of a rule in the period that the address names, or None where the user may see none of them."""
    sees_events = allows(request, "EventViewSet.list")
    sees_value = allows(request, "BalanceViewSet.list")
    if not (sees_events or sees_value):
        return None
    chosen = figures.switch(request)
    program = rule.program
    period = Period.until(timezone.now(), program, chosen.days)
    counted = read.of_rules(program.pk, [rule.pk], period)[rule.pk]
    report = RuleReport(chosen, [], [], [], program.time_zone)
    if sees_events:
        events = listed("participants_event", rule=rule.pk)
        report.links.append(Link("Its events", events))
        report.tiles += [
            Tile("Matches", number(counted.total(Measure.MATCHES)), url=events),
            Tile("Failures", number(counted.total(Measure.RULE_FAILURES)), url=events),
        ]
        days = [
            Series("Matches", counted.by_day(period, Measure.MATCHES), ISSUED),
            Series("Failures", counted.by_day(period, Measure.RULE_FAILURES), BAD),
        ]
        report.charts.append(of_days("Matches by day", period.days, days))
    if sees_value:
        if allows(request, "JournalEntryViewSet.list"):
            journal = listed("participants_journalentry", rule=rule.pk)
            report.links.append(Link("Its journal entries", journal))
        assets = _assets([counted])
        for asset in sorted(assets.values(), key=lambda asset: asset.symbol):
            for measure in (Measure.ISSUED, Measure.SPENT, Measure.FORFEITED):
                if total := counted.total(measure, asset.pk):
                    label = f"{asset.symbol} {measure.label}"
                    report.tiles.append(Tile(label, number(total, asset.scale)))
            report.charts.append(value_chart(asset, period, counted))
    return report
