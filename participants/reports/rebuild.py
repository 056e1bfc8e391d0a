"""Rebuilding: everything that a program's figures count becomes deltas anew, which are folded as all others."""

from collections.abc import Iterator
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from participants.models import Figure, ProgramReport
from participants.models.figures import MEASURE_SQL, SLOT_SQL
from participants.reports.deltas import EVENTS_SQL
from participants.reports.fold import fold_program
from programs.kernel.database import Statement, retried, run
from programs.models import Program


def rebuild_changed() -> Iterator[int]:
    """Rebuild the programs that have no report yet, or another time zone than it; yields how many deltas were folded."""
    same = Q(report__time_zone=F("time_zone"))
    for program_id in Program.objects.exclude(same).order_by("id").values_list("pk", flat=True):
        yield from rebuild(program_id)


def rebuild(program_id: UUID) -> Iterator[int]:
    """Count the program's figures anew, from its journal, events and enrollments, while others go on writing.

    Killed before the end, its figures are right all the same: what is not folded yet is read with them.
    """
    _begin_anew(program_id)
    yield 0
    yield from fold_program(program_id)


@retried
def _begin_anew(program_id: UUID) -> None:
    with transaction.atomic():
        reports = ProgramReport.objects.filter(pk=program_id)
        ProgramReport.objects.bulk_create(
            [ProgramReport(program_id=program_id, time_zone="")], ignore_conflicts=True
        )
        # Whoever folds has this lock.
        list(reports.select_for_update(no_key=True))
        Figure.objects.filter(program_id=program_id).delete()
        # One statement, so that it takes away the very deltas of what it counts.
        run(_COUNT_ANEW, [program_id], at=())
        zone = Program.objects.values_list("time_zone", flat=True).get(pk=program_id)
        reports.update(time_zone=zone)


_COUNT_ANEW = Statement(
    f"""
WITH taken AS (DELETE FROM participants_figuredelta WHERE program_id = $1)
INSERT INTO participants_figuredelta (program_id, rule_id, asset_id, slot, measure, value)
SELECT $1, rule_id, asset_id, slot, measure, sum(value)
FROM (
    SELECT rule_id, asset_id, {SLOT_SQL.format(moment="coalesce(effective_at, created_at)")} AS slot,
        {MEASURE_SQL} AS measure, amount AS value
    FROM participants_journalentry WHERE program_id = $1
    UNION ALL
    SELECT rule_id, NULL, slot, measure, 1 FROM ({EVENTS_SQL} AND event.program_id = $1) AS event
    UNION ALL
    SELECT NULL, NULL, {SLOT_SQL.format(moment="created_at")}, 'ENROLLED', 1
    FROM participants_enrollment WHERE program_id = $1
) AS counted
WHERE measure IS NOT NULL
GROUP BY rule_id, asset_id, slot, measure
""",
    keeps_plan=False,
)
