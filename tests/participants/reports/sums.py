"""Figures as the figures' tests expect them: summed in plain Python, and read from what is folded and what is not."""

from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from participants.models import (
    ActionType,
    Enrollment,
    Event,
    EventStatus,
    Figure,
    FigureDelta,
    JournalEntry,
    Measure,
)
from participants.reports.days import day_of
from programs.models import Program

# Of a rule or none, an asset or none, on a day.
Key = tuple[UUID | None, UUID | None, date, str]
Sums = dict[Key, Decimal]

_OF_ACTION = {
    ActionType.CREDIT: Measure.ISSUED,
    ActionType.DEBIT: Measure.SPENT,
    ActionType.FORFEIT: Measure.FORFEITED,
}


def summed(program: Program) -> Sums:
    """What the program's rows give, row by row: of each rule, and of the whole program."""
    sums: Counter[Any] = Counter()
    zone = ZoneInfo(program.time_zone)

    def add(rule_id: UUID | None, asset_id: UUID | None, moment: Any, measure: str, n: Any) -> None:
        day = moment.astimezone(zone).date()
        for each in {None, rule_id}:
            sums[each, asset_id, day, measure] += n

    for entry in JournalEntry.objects.filter(program=program):
        if measure := _OF_ACTION.get(entry.action_type):
            add(entry.rule_id, entry.asset_id, entry.happened_at, measure, entry.amount)
    for event in Event.objects.filter(program=program).exclude(status=EventStatus.PENDING):
        when = event.event_timestamp
        add(None, None, when, Measure.EVENTS, 1)
        if event.status == EventStatus.FAILED:
            add(None, None, when, Measure.FAILED_EVENTS, 1)
        if event.failed_rule_ids:
            add(None, None, when, Measure.RULE_ERRORS, 1)
        for each in (event.outcome or {})["rule_evaluations"]:
            if each["outcome"] == "failed":
                add(UUID(each["rule_id"]), None, when, Measure.RULE_FAILURES, 1)
            elif each["outcome"] == "matched" and event.status == EventStatus.COMPLETED:
                add(UUID(each["rule_id"]), None, when, Measure.MATCHES, 1)
    for enrollment in Enrollment.objects.filter(program=program):
        add(None, None, enrollment.created_at, Measure.ENROLLED, 1)
    return {key: Decimal(value) for key, value in sums.items()}


def counted(program: Program) -> Sums:
    """What the figures and deltas of the program say."""
    sums: defaultdict[Key, Decimal] = defaultdict(Decimal)
    zone = ZoneInfo(program.time_zone)
    for figure in Figure.objects.filter(program_id=program.pk, day__isnull=False):
        assert figure.day
        sums[figure.rule_id, figure.asset_id, figure.day, figure.measure] += figure.value
    for delta in FigureDelta.objects.filter(program_id=program.pk):
        for rule_id in {None, delta.rule_id}:
            key = (rule_id, delta.asset_id, day_of(delta.slot, zone), delta.measure)
            sums[key] += delta.value
    return {key: value for key, value in sums.items() if value}


def at_all_times(program: Program) -> dict[tuple[UUID | None, str], Decimal]:
    """What is folded of the program at all times."""
    rows = Figure.objects.filter(program_id=program.pk, day=None)
    return {(row.asset_id, row.measure): row.value for row in rows}
