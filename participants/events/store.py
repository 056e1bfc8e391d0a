"""Events in the database: whose wait, what they say, and what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.backends.utils import CursorWrapper
from django.db.models.functions import Now

from participants.events.apply import FAILED, MATCHED, Happening, Outcome
from participants.models import Event, EventStatus, Participant
from programs.kernel import exact_json
from programs.kernel.database import id_list, planned_cursor, prepared_cursor

RUN = 8  # events of one participant that are taken together, where there are more participants than one
MOST_BYTES = 4_000_000
_UNSTORABLE = b"\\u0000"
MAX_OUTCOME = 64_000  # bytes of JSON
MOST_RETRIES = 5  # after 2, 4, 8, 16 and 32 seconds

_EVENT = Event._meta.db_table
_PARTICIPANT = Participant._meta.db_table

# From participant to participant along the index of what waits, which is as long as the queue and not as the history: of
# each only the first few events are looked at, however many wait. Who is locked is being worked on by somebody else.
_NEXT = f"""
    SELECT first.participant_id, first.next_attempt_at <= statement_timestamp() IS NOT FALSE AS is_due, (
        SELECT count(*) FROM (
            SELECT FROM {_EVENT} WHERE status = 'PENDING' AND participant_id = first.participant_id LIMIT {RUN}
        ) AS run
    ) AS waiting
    FROM (
        SELECT participant_id, next_attempt_at FROM {_EVENT}
        WHERE status = 'PENDING' AND participant_id > {{after}} ORDER BY participant_id, sequence LIMIT 1
    ) AS first
"""
_CLAIM = f"""
WITH RECURSIVE walk AS (
    SELECT next.*, CASE WHEN is_due THEN waiting ELSE 0 END AS total FROM ({_NEXT.format(after="$1::uuid")}) AS next
    UNION ALL
    SELECT next.*, walk.total + CASE WHEN next.is_due THEN next.waiting ELSE 0 END
    FROM walk CROSS JOIN LATERAL ({_NEXT.format(after="walk.participant_id")}) AS next
    WHERE walk.total < $2
),
seen AS MATERIALIZED (SELECT * FROM walk)
SELECT seen.participant_id, participant.id IS NOT NULL, seen.total
FROM seen LEFT JOIN LATERAL (
    SELECT id FROM {_PARTICIPANT} WHERE id = seen.participant_id AND seen.is_due FOR NO KEY UPDATE SKIP LOCKED
) AS participant ON true
ORDER BY seen.participant_id
"""
# In turns: the first of each, then the second of each. No more than a few megabytes come at once.
_LOAD = f"""
SELECT id, participant_id, program_id, event_timestamp, data::text, attempts, next_attempt_at
FROM (
    SELECT event.*, sum(pg_column_size(data)) OVER (ORDER BY turn, participant_id) - pg_column_size(data) AS size_before
    FROM unnest($1::uuid[]) AS claimed (id) CROSS JOIN LATERAL (
        SELECT *, row_number() OVER (ORDER BY sequence) AS turn FROM {_EVENT}
        WHERE participant_id = claimed.id AND status = 'PENDING' ORDER BY participant_id, sequence LIMIT $2
    ) AS event
) AS event
WHERE size_before < {MOST_BYTES} ORDER BY turn, participant_id
"""
_FINISH = f"""
UPDATE {_EVENT} AS event
SET status = given.status, outcome = given.outcome::jsonb, next_attempt_at = NULL, processed_at = $1
FROM unnest($2::uuid[], string_to_array($3, E'\\n'), string_to_array($4, E'\\n'))
    AS given (id, status, outcome)
WHERE event.id = given.id
"""


@dataclass(frozen=True, slots=True)
class Pending:
    """An event that waits to be processed. `data` is JSON."""

    id: UUID
    participant_id: UUID
    program_id: UUID
    event_timestamp: datetime
    data: str
    attempts: int
    next_attempt_at: datetime | None

    def happening(self) -> Happening:
        """Read only when its turn has come: a megabyte of JSON takes its time."""
        return Happening(self.id, self.event_timestamp, exact_json.loads_stored(self.data))


@dataclass(frozen=True, slots=True)
class Claim:
    """`locked` are ours to the end of the transaction; `last` is where the walk ended, None where it came to the end."""

    locked: list[UUID]
    last: UUID | None


def claim(after: UUID, most: int) -> Claim:
    """Lock participants with about so many events that wait, from the id after this one on. In a transaction."""
    with prepared_cursor() as cursor:
        rows = _rows(cursor, _CLAIM, [after, most])
    is_at_end = not rows or rows[-1][2] < most
    locked = [participant_id for participant_id, is_locked, _ in rows if is_locked]
    return Claim(locked, None if is_at_end else rows[-1][0])


def load(participant_ids: Sequence[UUID], most: int) -> list[Pending]:
    """The first events that wait of each of these, at most so many of each, in turns.

    After the participants were locked, or an event that was just worked off is seen as waiting.
    """
    with prepared_cursor(binary=True) as cursor:
        rows = _rows(cursor, _LOAD, [id_list(participant_ids), most])
    return [Pending(*row) for row in rows]


def finish(outcomes: Sequence[tuple[UUID, Outcome]], moment: datetime) -> None:
    """Write down what became of these events."""
    ids, results = zip(*outcomes, strict=True)
    statuses = "\n".join(outcome.status for outcome in results)
    # A line each, since JSON has no line ends: as parts of one document they would be parsed twice.
    told = b"\n".join(map(stored, results)).decode()
    with planned_cursor() as cursor:
        cursor.execute(_FINISH, [moment, id_list(ids), statuses, told])


def put_off(event: Pending, error: BaseException) -> bool:
    """Let the event wait before it is tried again, or give it up, and say whether; its participant is locked."""
    attempts = event.attempts + 1
    values: dict[str, Any] = {"attempts": attempts}
    if attempts <= MOST_RETRIES:
        values["next_attempt_at"] = Now() + timedelta(seconds=2**attempts)
    else:
        failure = {
            "rule_id": None,
            "rule_name": "",
            "action": None,
            "code": "internal_error",
            "message": f"It failed {attempts} times unexpectedly ({type(error).__name__}); the log says more.",
        }
        values |= {
            "status": EventStatus.FAILED,
            "next_attempt_at": None,
            "processed_at": Now(),
            "outcome": {"rule_evaluations": [], "failure": failure},
        }
    Event.objects.filter(pk=event.id).update(**values)
    return "status" in values


def stored(outcome: Outcome) -> bytes:
    """The outcome as JSON of at most MAX_OUTCOME bytes. What is left out is counted; who matched or failed stays longest."""
    written = exact_json.dumps(_as_json(outcome, outcome.rule_evaluations))
    if _UNSTORABLE in written:
        _clean(outcome.rule_evaluations)
        _clean(outcome.failure)
        written = exact_json.dumps(_as_json(outcome, outcome.rule_evaluations))
    if len(written) <= MAX_OUTCOME:
        return written
    room = MAX_OUTCOME - len(exact_json.dumps(_as_json(outcome, []))) - 100
    kept: dict[int, dict[str, Any]] = {}
    evaluations = outcome.rule_evaluations
    telling = (MATCHED, FAILED)
    for index in sorted(
        range(len(evaluations)), key=lambda i: evaluations[i]["outcome"] not in telling
    ):
        told = evaluations[index]
        size = len(exact_json.dumps(told)) + 1
        if size > room and told["outcome"] in telling:
            told = {**told, "actions": [], "omitted_actions": len(told["actions"])}
            size = len(exact_json.dumps(told)) + 1
        if size > room:
            break
        room -= size
        kept[index] = told
    return exact_json.dumps(_as_json(outcome, [kept[index] for index in sorted(kept)]))


def _clean(told: Any) -> Any:
    """Put what can be read in the place of NUL, which a reason may quote out of a rule and PostgreSQL cannot store."""
    if isinstance(told, str):
        return told.replace("\0", "\N{SYMBOL FOR NULL}")
    if isinstance(told, dict):
        told.update({name: _clean(part) for name, part in told.items()})
    elif isinstance(told, list):
        told[:] = map(_clean, told)
    return told


def _as_json(outcome: Outcome, evaluations: list[dict[str, Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {"rule_evaluations": evaluations}
    if outcome.tier_changes:
        told["tier_changes"] = outcome.tier_changes
    if outcome.failure:
        told["failure"] = outcome.failure
    if left_out := len(outcome.rule_evaluations) - len(evaluations):
        told["omitted_rules"] = left_out
    return told


def _rows(cursor: CursorWrapper, statement: str, parameters: list[Any]) -> list[Any]:
    cursor.execute(statement, parameters)
    rows: list[Any] = cursor.fetchall()
    return rows
