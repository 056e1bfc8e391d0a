"""Figures that no sum of days gives: who was active, and who stands where. They are counted now and then, and have an age."""

import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Max
from django.db.models.functions import Now

from participants.models import WINDOWS, ProgramReport
from participants.state.standing import STANDS_ON
from programs.kernel.database import Statement, run
from programs.models import Program

OFTEN: Final = timedelta(minutes=5)
SHARE: Final = 0.02  # of the time, at most, that counting takes


def refresh_due() -> Iterator[int]:
    """Count who is active and who stands where, unless that was done a moment ago; yields how many programs it was.

    The longer counting takes, the more seldom it is done.
    """
    last = ProgramReport.objects.aggregate(at=Max("refreshed_at"), took=Max("refresh_seconds"))
    rest = max(OFTEN, timedelta(seconds=(last["took"] or 0) / SHARE))
    recent = ProgramReport.objects.filter(refreshed_at__gt=Now() - rest)
    if not recent.exists():
        yield refresh()


def refresh() -> int:
    """Count who is active and who stands where, in every program; return how many programs there are."""
    begin = time.monotonic()
    active = {
        program_id: dict(zip(map(str, WINDOWS), counts, strict=True))
        for program_id, *counts in run(_ACTIVE, [], at=())
    }
    enrolled = dict(run(_ENROLLED, [], at=()))
    levels: defaultdict[UUID, dict[str, dict[str, int]]] = defaultdict(dict)
    for program_id, track_id, level, count in run(_LEVELS, [], at=()):
        levels[program_id].setdefault(str(track_id), {})[level] = count
    seconds = time.monotonic() - begin
    program_ids = list(Program.objects.values_list("pk", flat=True))
    ProgramReport.objects.bulk_create(
        [ProgramReport(program_id=program_id, time_zone="") for program_id in program_ids],
        ignore_conflicts=True,
    )
    for program_id in program_ids:
        figures: dict[str, Any] = {
            "enrolled": enrolled.get(program_id, 0),
            "active": active.get(program_id, {}),
            "levels": levels.get(program_id, {}),
        }
        ProgramReport.objects.filter(pk=program_id).update(
            **figures, refreshed_at=Now(), refresh_seconds=seconds
        )
    return len(program_ids)


# By the time of the event, so that an import of years makes nobody active.
_ACTIVE = Statement(
    f"""
SELECT program_id, {", ".join(f"count(*) FILTER (WHERE last > statement_timestamp() - interval '{days} days')" for days in WINDOWS)}
FROM (
    SELECT program_id, participant_id, max(event_timestamp) AS last FROM participants_event
    WHERE event_timestamp > statement_timestamp() - interval '{max(WINDOWS)} days' AND event_timestamp <= statement_timestamp()
    GROUP BY program_id, participant_id
) AS seen
GROUP BY program_id
""",
    keeps_plan=False,
)

_ENROLLED = Statement(
    "SELECT program_id, count(*) FROM participants_enrollment WHERE status = 'ACTIVE' GROUP BY program_id",
    keeps_plan=False,
)

# Standings that are alike are counted first, so that where they stand is asked once for each kind.
_LEVELS = Statement(
    f"""
WITH standing AS (
    SELECT track.program_id, standing.track_id, standing.level, standing.earned_level, standing.pinned,
        CASE WHEN expires_at > statement_timestamp() THEN 'infinity' WHEN expires_at <= statement_timestamp() THEN '-infinity' END::timestamptz AS expires_at,
        count(*) AS participants
    FROM participants_tierstanding AS standing
    JOIN programs_tiertrack AS track ON track.id = standing.track_id AND track.deleted_at IS NULL
    JOIN participants_enrollment AS enrollment ON enrollment.participant_id = standing.participant_id
        AND enrollment.program_id = track.program_id AND enrollment.status = 'ACTIVE'
    GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT standing.program_id, standing.track_id, level.key, sum(standing.participants)::bigint
FROM standing CROSS JOIN LATERAL ({STANDS_ON.format(moment="statement_timestamp()")}) AS level
GROUP BY standing.program_id, standing.track_id, level.key
""",
    keeps_plan=False,
)
