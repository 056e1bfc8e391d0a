"""Folding: deltas become sums of days, in short transactions, each whole or not at all."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from django.db import transaction

from participants.models import ProgramReport
from participants.reports.days import day_of, zone_named
from programs.kernel import exact_json
from programs.kernel.actors import Actor
from programs.kernel.database import Statement, retried, run
from programs.kernel.decimals import EXACT, ZERO
from programs.models import Program

MOST: Final = 5000  # deltas in one transaction


class _Key(NamedTuple):
    rule_id: UUID | None
    day: date | None
    measure: str
    asset_id: UUID | None


def fold(*, by: Actor) -> Iterator[int]:
    """Fold the deltas of every program; yields how many each transaction has folded.

    Of two at once, each program is folded by one: the other finds its report locked and leaves it alone.
    """
    for (program_id,) in run(_PROGRAMS, [], at=()):
        yield from fold_program(program_id)


def fold_program(program_id: UUID) -> Iterator[int]:
    """Fold this program's deltas, unless somebody else does."""
    while folded := _fold(program_id):
        yield folded


@retried
def _fold(program_id: UUID) -> int:
    with transaction.atomic():
        report = _locked(program_id)
        if report is None:
            return 0
        zone = zone_named(
            report.time_zone or _zone_of(program_id)
        )  # without one it is rebuilt soon
        rows = run(_TAKE, [program_id, MOST], at=())
        sums: defaultdict[_Key, Decimal] = defaultdict(lambda: ZERO)
        for rule_id, asset_id, slot, measure, value, _ in rows:
            day = day_of(slot, zone)
            _add(sums, _Key(None, None, measure, asset_id), value)
            _add(sums, _Key(None, day, measure, asset_id), value)
            if rule_id is not None:
                _add(sums, _Key(rule_id, day, measure, asset_id), value)
        if sums:
            run(_ADD, [program_id, _rows(sums)], at=())
        return sum(row[-1] for row in rows)


def _locked(program_id: UUID) -> ProgramReport | None:
    """Lock the program's report, which is made with its first delta; None where somebody else has it."""
    locked = ProgramReport.objects.select_for_update(skip_locked=True, no_key=True)
    report = locked.filter(pk=program_id).first()
    if report is None and Program.objects.filter(pk=program_id).exists():
        ProgramReport.objects.bulk_create(
            [ProgramReport(program_id=program_id, time_zone="")], ignore_conflicts=True
        )
        report = locked.filter(pk=program_id).first()
    return report


def _zone_of(program_id: UUID) -> str:
    return Program.objects.values_list("time_zone", flat=True).get(pk=program_id)


def _add(sums: defaultdict[_Key, Decimal], key: _Key, value: Decimal) -> None:
    sums[key] = EXACT.add(sums[key], value)


def _rows(sums: Mapping[_Key, Decimal]) -> str:
    rows = [
        {**key._asdict(), "day": key.day and key.day.isoformat(), "value": f"{value:f}"}
        for key, value in sums.items()
    ]
    return exact_json.dumps(rows).decode()


# From program to program along the index of deltas.
_PROGRAMS = Statement("""
    WITH RECURSIVE walk AS (
        (SELECT program_id FROM participants_figuredelta ORDER BY program_id, slot LIMIT 1)
        UNION ALL
        SELECT (
            SELECT program_id FROM participants_figuredelta
            WHERE program_id > walk.program_id
            ORDER BY program_id, slot
            LIMIT 1
        )
        FROM walk WHERE program_id IS NOT NULL
    )
    SELECT program_id FROM walk WHERE program_id IS NOT NULL
""")

_TAKE = Statement(
    """
WITH taken AS (
    DELETE FROM participants_figuredelta WHERE id = ANY(ARRAY(
        SELECT id FROM participants_figuredelta WHERE program_id = $1 ORDER BY program_id, slot LIMIT $2
    ))
    RETURNING rule_id, asset_id, slot, measure, value
)
SELECT rule_id, asset_id, slot, measure, sum(value), count(*)
FROM taken
GROUP BY rule_id, asset_id, slot, measure
""",
    keeps_plan=False,
)

_ADD = Statement(
    """
INSERT INTO participants_figure AS figure (program_id, rule_id, day, measure, asset_id, value)
SELECT $1, row.* FROM jsonb_to_recordset($2::jsonb) AS row (
    rule_id uuid, day date, measure text, asset_id uuid, value numeric
)
ON CONFLICT (program_id, rule_id, day, measure, asset_id) DO UPDATE SET value = figure.value + EXCLUDED.value
""",
    keeps_plan=False,
)
