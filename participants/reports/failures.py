"""Why events failed: the latest of them, grouped by cause, however many there are."""

from typing import Final, NamedTuple
from uuid import UUID

from programs.kernel.database import Statement, run

MOST: Final = 1000  # events that are looked at
MOST_CAUSES: Final = 50


class Cause(NamedTuple):
    """Why some of the latest events failed. Without a rule it has to do with none; `message` is the latest one's."""

    program_id: UUID
    rule_id: UUID | None
    code: str
    message: str
    events: int


class Causes(NamedTuple):
    """The causes, the most frequent first. Where there may be `more`, older events were not looked at."""

    causes: list[Cause]
    more: bool


def of_failed_events() -> Causes:
    return _read(_FAILED)


def of_rule_errors() -> Causes:
    """The rules that failed while the others had their effect; without codes and messages, which the events tell."""
    return _read(_RULE_ERRORS)


def _read(statement: Statement) -> Causes:
    rows = run(statement, [MOST, MOST_CAUSES], at=())
    seen = rows[0][-1] if rows else 0
    return Causes([Cause(*row[:-1]) for row in rows], seen >= MOST)


_FAILED = Statement(
    """
SELECT program_id, rule_id, code, (array_agg(message ORDER BY created_at DESC))[1], count(*) AS events,
    sum(count(*)) OVER ()
FROM (
    SELECT program_id, created_at, (failure ->> 'rule_id')::uuid AS rule_id, coalesce(failure ->> 'code', '') AS code,
        coalesce(failure ->> 'message', '') AS message
    FROM (
        SELECT program_id, created_at, outcome -> 'failure' AS failure FROM participants_event
        WHERE status = 'FAILED'
        ORDER BY created_at DESC, id DESC
        LIMIT $1
    ) AS event
) AS failed
GROUP BY program_id, rule_id, code
ORDER BY events DESC, code
LIMIT $2
""",
    keeps_plan=False,
)

_RULE_ERRORS = Statement(
    """
WITH latest AS MATERIALIZED (
    SELECT program_id, failed_rule_ids FROM participants_event
    WHERE failed_rule_ids IS NOT NULL
    ORDER BY created_at DESC, id DESC
    LIMIT $1
)
SELECT program_id, rule_id, '', '', count(*) AS events, (SELECT count(*) FROM latest)
FROM latest CROSS JOIN LATERAL unnest(failed_rule_ids) AS failed (rule_id)
GROUP BY program_id, rule_id
ORDER BY events DESC, rule_id
LIMIT $2
""",
    keeps_plan=False,
)
