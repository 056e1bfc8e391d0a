"""The figures of programs in a period, for the pages that show them: tiles, charts and who stands where."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from participants.admin import words
from participants.admin.charts import Chart, Series, number, of_days
from participants.api.permissions import allows
from participants.models import WINDOWS, Measure, ProgramReport
from participants.reports import figures
from participants.reports.figures import Figures, Period
from programs.api.permissions import REQUIREMENTS
from programs.models import Asset, AssetLink, Program, TierTrack

DAYS: Final = 30  # where nobody chose
ISSUED, SPENT, BAD = "chart-issued", "chart-spent", "chart-bad"


class Tile(NamedTuple):
    label: str
    value: str
    note: str = ""
    url: str = ""


class Level(NamedTuple):
    """How many stand on a level; `share` is in hundredths of the program's people."""

    name: str
    people: str
    share: str


class TrackShares(NamedTuple):
    track: TierTrack
    url: str
    levels: list[Level]


class AssetFigures(NamedTuple):
    asset: Asset
    tiles: list[Tile]
    chart: Chart


@dataclass(slots=True)
class ProgramFigures:
    """What a page shows of a program. `age` is that of the figures that are counted now and then."""

    program: Program
    url: str
    age: str = ""
    is_counting: bool = False
    tiles: list[Tile] = field(default_factory=list)
    events: Chart | None = None
    assets: list[AssetFigures] = field(default_factory=list)
    more_assets: int = 0
    tracks: list[TrackShares] = field(default_factory=list)


class Switch(NamedTuple):
    """The periods that a page offers."""

    days: int
    choices: list[tuple[int, str, bool]]


def may(request: HttpRequest, call: str) -> bool:
    """Whether this member of staff may make the call of the API about programs."""
    return REQUIREMENTS[call].staff_may(request)


def switch(request: HttpRequest) -> Switch:
    """Read the period that the address names, and offer the others."""
    asked = request.GET.get("days", "")
    days = int(asked) if asked in map(str, WINDOWS) else DAYS
    others = request.GET.copy()
    choices = []
    for each in WINDOWS:
        others["days"] = str(each)
        choices.append((each, f"?{others.urlencode()}", each == days))
    return Switch(days, choices)


def listed(name: str, **filters: Any) -> str:
    """The address of a list of the admin, with these filters."""
    return f"{reverse(f'admin:{name}_changelist')}?{urlencode(filters)}"


def of(
    request: HttpRequest, programs: Sequence[Program], days: int, *, most_assets: int
) -> list[ProgramFigures]:
    """The figures of these programs that the user may see, read in a number of queries that does not grow with them."""
    reader = _Reader(request, programs, days)
    return [reader.shown(program, most_assets) for program in programs]


class _Reader:
    """Reads what all the programs need at once."""

    def __init__(self, request: HttpRequest, programs: Sequence[Program], days: int) -> None:
        self.now = now = timezone.now()
        self.days = days
        self.sees_people = allows(request, "EnrollmentViewSet.retrieve")
        self.sees_events = allows(request, "EventViewSet.list")
        self.sees_value = allows(request, "BalanceViewSet.list")
        self.sees_tiers = allows(request, "TierViewSet.list")
        self.sees_journal = allows(request, "JournalEntryViewSet.list")
        self.lists_people = allows(request, "ParticipantViewSet.list")
        ids = [program.pk for program in programs]
        self.periods = {program.pk: Period.until(now, program, days) for program in programs}
        sees_days = self.sees_people or self.sees_events or self.sees_value
        self.figures = figures.of_programs(self.periods) if sees_days else {}
        self.reports = ProgramReport.objects.in_bulk(ids)
        self.assets = self._assets(ids) if self.sees_value else {}
        every = {asset.pk for assets in self.assets.values() for asset in assets}
        self.outstanding = figures.outstanding(every)
        self.tracks: defaultdict[UUID, list[TierTrack]] = defaultdict(list)
        if self.sees_tiers:
            current = TierTrack.objects.current().with_levels().filter(program__in=ids)
            for track in current.order_by("key"):
                self.tracks[track.program_id].append(track)
        self.edits_tracks = may(request, "TierTrackViewSet.retrieve")

    def _assets(self, ids: list[UUID]) -> Mapping[UUID, list[Asset]]:
        """The assets of each program: those that it may give out, and others of which something moved."""
        found: defaultdict[UUID, list[Asset]] = defaultdict(list)
        links = AssetLink.objects.filter(program__in=ids).select_related("asset")
        for link in links.order_by("id"):
            found[link.program_id].append(link.asset)
        linked = {program_id: {asset.pk for asset in each} for program_id, each in found.items()}
        moved = {
            program_id: read.assets() - linked.get(program_id, set())
            for program_id, read in self.figures.items()
        }
        if any(moved.values()):
            others = Asset.objects.in_bulk(set().union(*moved.values()))
            for program_id, asset_ids in moved.items():
                found[program_id] += [others[pk] for pk in sorted(asset_ids) if pk in others]
        return found

    def shown(self, program: Program, most_assets: int) -> ProgramFigures:
        report = self.reports.get(program.pk)
        assets = self.assets.get(program.pk, [])
        shown = ProgramFigures(
            program,
            reverse("admin:programs_program_change", args=[program.pk]),
            words.length(self.now - report.refreshed_at) if report and report.refreshed_at else "",
            is_counting=report is None or report.time_zone != program.time_zone,
            more_assets=max(0, len(assets) - most_assets),
        )
        read = self.figures.get(program.pk, Figures())
        period = self.periods[program.pk]
        if self.sees_people:
            shown.tiles += self._people(program, report, read)
        if self.sees_events:
            if report and report.refreshed_at:
                active = report.active.get(str(self.days), 0)
                shown.tiles.append(Tile("Active", number(active), f"in {self.days} days"))
            shown.tiles.append(self._events(program, read))
            shown.events = _events_chart(period, read)
        shown.assets = [self._asset(program, asset, period, read) for asset in assets[:most_assets]]
        if report and report.refreshed_at:
            shown.tracks = [self._shares(track, report) for track in self.tracks[program.pk]]
        return shown

    def _people(self, program: Program, report: ProgramReport | None, read: Figures) -> list[Tile]:
        people = listed("participants_participant", program=program.pk) if self.lists_people else ""
        new = Tile("New", number(read.total(Measure.ENROLLED)), f"in {self.days} days")
        if report is None or report.refreshed_at is None:
            return [new]
        return [Tile("Participants", number(report.enrolled), "enrolled", people), new]

    def _events(self, program: Program, read: Figures) -> Tile:
        failed = read.total(Measure.FAILED_EVENTS)
        errors = read.total(Measure.RULE_ERRORS)
        parts = [f"{number(failed)} failed"] if failed else []
        parts += [f"{number(errors)} with rule errors"] if errors else []
        return Tile(
            "Events",
            number(read.total(Measure.EVENTS)),
            ", ".join(parts) or f"in {self.days} days",
            listed("participants_event", program=program.pk),
        )

    def _asset(self, program: Program, asset: Asset, period: Period, read: Figures) -> AssetFigures:
        def total(measure: Measure) -> str:
            return number(read.total(measure, asset.pk), asset.scale)

        journal = (
            listed("participants_journalentry", program=program.pk, asset=asset.pk)
            if self.sees_journal
            else ""
        )
        tiles = [
            Tile("Issued", total(Measure.ISSUED), url=journal),
            Tile("Spent", total(Measure.SPENT)),
        ]
        if read.total(Measure.FORFEITED, asset.pk):
            tiles.append(Tile("Forfeited", total(Measure.FORFEITED)))
        outstanding = number(self.outstanding.get(asset.pk, Decimal(0)), asset.scale)
        tiles.append(Tile("Outstanding", outstanding, "of all programs, now"))
        return AssetFigures(asset, tiles, value_chart(asset, period, read))

    def _shares(self, track: TierTrack, report: ProgramReport) -> TrackShares:
        counts: dict[str, int] = report.levels.get(str(track.pk), {})
        everyone = max(report.enrolled, sum(counts.values()))
        rows = [("Base", everyone - sum(counts.values()))]
        rows += [(str(level), counts.get(level.key, 0)) for level in track.levels.all()]
        levels = [
            Level(name, number(count), f"{100 * count / everyone if everyone else 0:.1f}")
            for name, count in reversed(rows)
        ]
        page = reverse("admin:programs_tiertrack_change", args=[track.pk])
        return TrackShares(track, page if self.edits_tracks else "", levels)


def value_chart(asset: Asset, period: Period, read: Figures) -> Chart:
    """What was issued of the asset on each day, and spent."""
    days = [
        Series("Issued", read.by_day(period, Measure.ISSUED, asset.pk), ISSUED, asset.scale),
        Series("Spent", read.by_day(period, Measure.SPENT, asset.pk), SPENT, asset.scale),
    ]
    return of_days(f"{asset.symbol} issued and spent by day", period.days, days)


def _events_chart(period: Period, read: Figures) -> Chart:
    days = [
        Series("Events", read.by_day(period, Measure.EVENTS), ISSUED),
        Series("Failed", read.by_day(period, Measure.FAILED_EVENTS), BAD),
    ]
    return of_days("Events by day", period.days, days, are_parts=True)
