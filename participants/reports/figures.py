"""Reading figures: of each, what is folded and what is not yet, in one statement, so that it is exact at any moment."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from participants.models import Measure
from participants.reports.days import bounds, day_of, zone_named
from programs.kernel.database import Statement, id_list, run
from programs.kernel.decimals import EXACT, ZERO
from programs.models import Program


@dataclass(frozen=True, slots=True)
class Period:
    """Days in a row, the first and the last included, in a program's time zone."""

    first: date
    last: date
    zone: ZoneInfo

    @classmethod
    def until(cls, moment: datetime, program: Program, days: int) -> "Period":
        """The period of so many days that ends with the day of this moment."""
        zone = zone_named(program.time_zone)
        today = day_of(moment, zone)
        return cls(today - timedelta(days=days - 1), today, zone)

    @property
    def days(self) -> list[date]:
        count = (self.last - self.first).days + 1
        return [self.first + timedelta(days=n) for n in range(count)]


class Kind(NamedTuple):
    """What a figure counts, and of which asset it is."""

    measure: Measure
    asset_id: UUID | None = None


class Figures:
    """The figures of one program, or of one rule, in a period: of each day, and in sum."""

    def __init__(self) -> None:
        self._days: defaultdict[Kind, defaultdict[date, Decimal]] = defaultdict(
            lambda: defaultdict(lambda: ZERO)
        )

    def add(self, kind: Kind, day: date, value: Decimal) -> None:
        days = self._days[kind]
        days[day] = EXACT.add(days[day], value)

    def total(self, measure: Measure, asset_id: UUID | None = None) -> Decimal:
        return _sum(self._of(measure, asset_id).values())

    def by_day(
        self, period: Period, measure: Measure, asset_id: UUID | None = None
    ) -> list[Decimal]:
        days = self._of(measure, asset_id)
        return [days.get(day, ZERO) for day in period.days]

    def _of(self, measure: Measure, asset_id: UUID | None) -> Mapping[date, Decimal]:
        return self._days.get(Kind(measure, asset_id)) or {}

    def assets(self) -> set[UUID]:
        """The assets of which anything moved."""
        return {kind.asset_id for kind in self._days if kind.asset_id is not None}


def _sum(values: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for value in values:
        total = EXACT.add(total, value)
    return total


def of_programs(periods: Mapping[UUID, Period]) -> dict[UUID, Figures]:
    """The figures of these programs, each in its own period."""
    found = {program_id: Figures() for program_id in periods}
    if not found:
        return found
    chosen = list(periods.values())
    begins, ends = zip(*(bounds(each.first, each.last, each.zone) for each in chosen), strict=True)
    parameters = [
        id_list(periods),
        [each.first for each in chosen],
        [each.last for each in chosen],
        list(begins),
        list(ends),
    ]
    for program_id, *row in run(_OF_PROGRAMS, parameters, at=()):
        _add(found[program_id], periods[program_id], *row)
    return found


def of_rules(program_id: UUID, rule_ids: Collection[UUID], period: Period) -> dict[UUID, Figures]:
    """The figures of these rules of the program in a period."""
    found = {rule_id: Figures() for rule_id in rule_ids}
    begin, end = bounds(period.first, period.last, period.zone)
    parameters = [program_id, id_list(rule_ids), period.first, period.last, begin, end]
    for rule_id, *row in run(_OF_RULES, parameters, at=()) if found else ():
        _add(found[rule_id], period, *row)
    return found


def outstanding(asset_ids: Collection[UUID]) -> dict[UUID, Decimal]:
    """What participants hold of these assets, whoever issued it: all that was issued and has not gone."""
    found = dict.fromkeys(asset_ids, ZERO)
    for asset_id, value in run(_OUTSTANDING, [id_list(asset_ids)], at=()) if found else ():
        found[asset_id] = value
    return found


def _add(
    figures: Figures,
    period: Period,
    day: date | None,
    slot: datetime,
    measure: str,
    asset_id: UUID | None,
    value: Decimal,
) -> None:
    """Add a row, which has a day where it is folded and a slot where it is not."""
    on = day_of(slot, period.zone) if day is None else day
    figures.add(Kind(Measure(measure), asset_id), on, value)


_OF_PROGRAMS = Statement(
    """
SELECT wanted.program_id, figure.*
FROM unnest($1::uuid[], $2::date[], $3::date[], $4::timestamptz[], $5::timestamptz[])
    AS wanted (program_id, first, last, begins, ends)
CROSS JOIN LATERAL (
    SELECT day, NULL::timestamptz AS slot, measure, asset_id, value FROM participants_figure
    WHERE program_id = wanted.program_id AND rule_id IS NULL AND day BETWEEN wanted.first AND wanted.last
    UNION ALL
    SELECT NULL, slot, measure, asset_id, sum(value) FROM participants_figuredelta
    WHERE program_id = wanted.program_id AND slot >= wanted.begins AND slot < wanted.ends
    GROUP BY slot, measure, asset_id
) AS figure
""",
    keeps_plan=False,
)

_OF_RULES = Statement(
    """
SELECT rule_id, day, NULL::timestamptz AS slot, measure, asset_id, value FROM participants_figure
WHERE program_id = $1::uuid AND rule_id = ANY($2::uuid[]) AND day BETWEEN $3::date AND $4::date
UNION ALL
SELECT rule_id, NULL, slot, measure, asset_id, sum(value) FROM participants_figuredelta
WHERE program_id = $1::uuid AND rule_id = ANY($2::uuid[]) AND slot >= $5::timestamptz AND slot < $6::timestamptz
GROUP BY rule_id, slot, measure, asset_id
""",
    keeps_plan=False,
)

_OUTSTANDING = Statement(
    """
SELECT asset_id, sum(CASE WHEN measure = 'ISSUED' THEN value ELSE -value END)
FROM (
    SELECT asset_id, measure, value FROM participants_figure
    WHERE asset_id = ANY($1::uuid[]) AND rule_id IS NULL AND day IS NULL
    UNION ALL
    SELECT asset_id, measure, value FROM participants_figuredelta
    WHERE asset_id = ANY($1::uuid[])
) AS figure
GROUP BY asset_id
""",
    keeps_plan=False,
)
