"""What events add to the figures of their programs: counted in memory where they are processed, or from what is stored."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from participants.models import EventStatus, Measure
from participants.models.figures import SLOT_SQL
from participants.reports.days import slot_of
from programs.kernel import exact_json, instants
from programs.kernel.database import Statement, id_list, run

# `rows` is JSON of rows without an asset, as `of_events` makes it.
INSERT = """
    INSERT INTO participants_figuredelta (program_id, rule_id, slot, measure, value)
    SELECT * FROM jsonb_to_recordset({rows}::jsonb) AS row (
        program_id uuid, rule_id uuid, slot timestamptz, measure text, value numeric
    )
"""

# The measures that an event counts in, as long as it is processed. What a failed event's rules did was taken back.
EVENTS_SQL = f"""
    SELECT event.program_id, counted.rule_id, {SLOT_SQL.format(moment="event.event_timestamp")} AS slot, counted.measure
    FROM participants_event AS event
    CROSS JOIN LATERAL (
        SELECT NULL::uuid, 'EVENTS'
        UNION ALL
        SELECT NULL, 'FAILED_EVENTS' WHERE event.status = 'FAILED'
        UNION ALL
        SELECT NULL, 'RULE_ERRORS' WHERE event.failed_rule_ids IS NOT NULL
        UNION ALL
        SELECT (each ->> 'rule_id')::uuid, CASE each ->> 'outcome' WHEN 'matched' THEN 'MATCHES' ELSE 'RULE_FAILURES' END
        FROM jsonb_array_elements(event.outcome -> 'rule_evaluations') AS each
        WHERE each ->> 'outcome' = 'failed' OR each ->> 'outcome' = 'matched' AND event.status = 'COMPLETED'
    ) AS counted (rule_id, measure)
    WHERE event.status <> 'PENDING'
"""


MATCHED, FAILED = "matched", "failed"  # of an outcome's rules, as it is stored
# Of the program by measure; and by rule, how often it matched and how often it failed.
_Counts = tuple[Counter[str], Counter[str], Counter[str]]


def _new_counts() -> _Counts:
    return Counter(), Counter(), Counter()


class Counted(NamedTuple):
    """An event that was processed, with each rule's id and outcome."""

    program_id: UUID
    event_timestamp: datetime
    status: EventStatus
    has_rule_errors: bool
    rules: Iterable[tuple[str, str]]


def of_events(events: Iterable[Counted]) -> str:
    """What these events add, as rows for INSERT. It is what EVENTS_SQL finds in them once they are stored."""
    # Ids and members of enumerations are slow to hash, so an event asks once by id, and measures are plain text here.
    groups: defaultdict[tuple[UUID, datetime], _Counts] = defaultdict(_new_counts)
    for program_id, moment, status, has_rule_errors, rules in events:
        of_program, matches, failures = groups[program_id, slot_of(moment)]
        is_failed = status == EventStatus.FAILED
        of_program["EVENTS"] += 1
        if is_failed:
            of_program["FAILED_EVENTS"] += 1
        elif has_rule_errors:
            of_program["RULE_ERRORS"] += 1
        for rule_id, result in rules:
            if result == FAILED:
                failures[rule_id] += 1
            elif result == MATCHED and not is_failed:
                matches[rule_id] += 1
    rows = [
        {
            "program_id": program_id,
            "rule_id": rule_id,
            "slot": instants.written(slot),
            "measure": measure,
            "value": count,
        }
        for (program_id, slot), (of_program, matches, failures) in groups.items()
        for rule_id, measure, count in (
            *((None, measure, count) for measure, count in of_program.items()),
            *((rule_id, Measure.MATCHES, count) for rule_id, count in matches.items()),
            *((rule_id, Measure.RULE_FAILURES, count) for rule_id, count in failures.items()),
        )
    ]
    return exact_json.dumps(rows).decode()


def add_events(events: Sequence[tuple[UUID, UUID]]) -> None:
    """Count these events (event, participant), which were processed and are locked, in the figures."""
    _change(events, 1)


def take_events(events: Sequence[tuple[UUID, UUID]]) -> None:
    """Take these events out of the figures, before they are pending again."""
    _change(events, -1)


def _change(events: Sequence[tuple[UUID, UUID]], sign: int) -> None:
    event_ids, participant_ids = zip(*events, strict=True)
    run(_CHANGE, [sign, id_list(event_ids), id_list(participant_ids)], at=participant_ids)


_CHANGE = Statement(
    f"""
INSERT INTO participants_figuredelta (program_id, rule_id, slot, measure, value)
SELECT program_id, rule_id, slot, measure, $1::int * count(*)
FROM ({EVENTS_SQL} AND event.id = ANY($2::uuid[]) AND event.participant_id = ANY($3::uuid[])) AS counted
GROUP BY program_id, rule_id, slot, measure
""",
    keeps_plan=False,
)
