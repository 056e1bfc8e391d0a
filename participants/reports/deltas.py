"""What events add to the figures of their programs: counted in memory where they are processed, or from what is stored."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from participants.models import Measure
from participants.models.figures import SLOT_SQL
from participants.reports.days import number_of_slot, slot_numbered
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


@dataclass(slots=True)
class _Counts:
    """What events of a program and a slot come to. Measures of rules by rule."""

    events: int = 0
    failed: int = 0
    with_errors: int = 0
    matches: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    failures: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def rows(self) -> Iterator[tuple[str | None, str, int]]:
        yield None, Measure.EVENTS, self.events
        yield None, Measure.FAILED_EVENTS, self.failed
        yield None, Measure.RULE_ERRORS, self.with_errors
        for rule_id, count in self.matches.items():
            yield rule_id, Measure.MATCHES, count
        for rule_id, count in self.failures.items():
            yield rule_id, Measure.RULE_FAILURES, count


class Counted(NamedTuple):
    """An event that was processed, with what its rules came to."""

    program_id: UUID
    event_timestamp: datetime
    is_failed: bool
    has_rule_errors: bool
    rules: Iterable[Mapping[str, Any]]  # each with `rule_id` and `outcome`


def of_events(events: Iterable[Counted]) -> str:
    """What these events add, as rows for INSERT. It is what EVENTS_SQL finds in them once they are stored."""
    # By a slot's number: moments are slow to hash.
    groups: defaultdict[tuple[UUID, int], _Counts] = defaultdict(_Counts)
    for program_id, moment, is_failed, has_rule_errors, rules in events:
        counts = groups[program_id, number_of_slot(moment)]
        counts.events += 1
        if is_failed:
            counts.failed += 1
        elif has_rule_errors:
            counts.with_errors += 1
        for rule in rules:
            result = rule["outcome"]
            if result == FAILED:
                counts.failures[rule["rule_id"]] += 1
            elif result == MATCHED and not is_failed:
                counts.matches[rule["rule_id"]] += 1
    rows = [
        {
            "program_id": program_id,
            "rule_id": rule_id,
            "slot": instants.written(slot_numbered(slot)),
            "measure": measure,
            "value": count,
        }
        for (program_id, slot), counts in groups.items()
        for rule_id, measure, count in counts.rows()
        if count
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
