"""The queue of pending events: claimed by participant, loaded in turns, finished or put off.

`put_off` is for unexpected errors; what somebody asks to try again is for `retry`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.models.functions import Now

from participants.events import outcome
from participants.events.apply import Occurrence
from participants.events.outcome import Outcome
from participants.exceptions import NotEnrolled
from participants.models import Event, EventStatus
from participants.reports import deltas
from programs.exceptions import ProgramInactive
from programs.kernel import exact_json
from programs.kernel.database import Statement, id_list, run

TURNS = 8  # events of one participant that are taken together while others wait
MOST_BYTES = 4_000_000  # of events in memory at once
MOST_COUNTED = 10_000
REFUSALS: Final = {ProgramInactive.code: ProgramInactive, NotEnrolled.code: NotEnrolled}
MOST_RETRIES = 5  # after 2, 4, 8, 16 and 32 seconds


@dataclass(frozen=True, slots=True)
class Pending:
    """An event that waits to be processed. `data` is JSON; `refused` is the code of REFUSALS by which no rule may run.

    Where only the rules that failed run again, `only` names them, and `outcome` is the JSON of what came of the others.
    """

    id: UUID
    participant_id: UUID
    program_id: UUID
    event_timestamp: datetime
    data: str
    attempts: int
    next_attempt_at: datetime | None
    only: list[UUID] | None = None
    outcome: str | None = None
    refused: str | None = None

    def occurrence(self) -> Occurrence:
        """Parse the data, only when the event's turn has come: a megabyte of JSON takes its time."""
        data = exact_json.loads_stored(self.data)
        if self.only is None:
            return Occurrence(self.id, self.event_timestamp, data)
        # Where the stored outcome was cut, the tracks are evaluated as by the next event.
        set_tracks = outcome.set_tracks(self._before.rule_evaluations)
        only = frozenset(self.only)
        return Occurrence(self.id, self.event_timestamp, data, only, set_tracks)

    def ended(self, result: Outcome) -> Outcome:
        """What the event is to store after this run."""
        return result if self.only is None else outcome.merged(self._before, result, self.only)

    def given_up(self, error: BaseException, attempts: int) -> Outcome:
        """What the event is to store after its last attempt."""
        message = (
            f"It failed {attempts} times unexpectedly ({type(error).__name__}); the log says more."
        )
        if self.only is None:
            return outcome.unexpected(message)
        return outcome.still_failed(self._before, self.only, message)

    @property
    def _before(self) -> Outcome:
        stored = exact_json.loads_stored(self.outcome or "{}")
        return outcome.read(EventStatus.COMPLETED, stored)


@dataclass(frozen=True, slots=True)
class Walked:
    """How a claim went through the queue of one program: whom it met, in the order of their ids."""

    program_id: UUID
    participant_ids: list[UUID]
    is_at_end: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """Participants that this transaction has locked, each with the place of the program for which they were met first."""

    locked: dict[UUID, int]
    walked: list[Walked]


class Backlog(NamedTuple):
    """Pending events; where there are MOST_COUNTED there may be more, and `age` is that of the oldest one counted."""

    events: int
    age: timedelta


def waiting_programs() -> list[UUID]:
    """The programs that have pending events."""
    return [program_id for (program_id,) in run(_WAITING_PROGRAMS, [], at=())]


def claim(places: Sequence[tuple[UUID, UUID]], most: int) -> Claim:
    """Lock participants with about `most` pending events. In a transaction.

    `places` are programs in the order in which they have their turns, each with the participant after whom to go on.
    """
    programs, afters = zip(*places, strict=True)
    rows = run(_CLAIM, [id_list(programs), id_list(afters), most], at=())
    locked: dict[UUID, int] = {}
    met: list[list[UUID]] = [[] for _ in places]
    last = 0
    for place, participant_id, is_met, is_locked in rows:
        last = place
        if is_met:
            met[place].append(participant_id)
        if is_locked:
            locked.setdefault(participant_id, place)
    walked = [
        Walked(program_id, met[place], is_at_end=place < last)
        for place, program_id in enumerate(programs[: last + 1])
    ]
    return Claim(locked, walked)


def load(participants: Mapping[UUID, int], most: int) -> list[Pending]:
    """The first pending events of each of these participants, at most `most` of each, place by place and in turns.

    A statement after the lock: only a fresh snapshot shows which events the last holder of the lock has processed.
    """
    places = ",".join(map(str, participants.values()))
    parameters = [id_list(participants), f"{{{places}}}", most]
    return [Pending(*row) for row in run(_LOAD, parameters, at=participants)]


def due_in(event_id: UUID, participant_id: UUID) -> float | None:
    """In how many seconds the participant's pending events can be processed, or None where this event was processed."""
    rows = run(_DUE_IN, [participant_id, event_id], at=participant_id)
    return float(rows[0][0]) if rows else None


def backlog() -> Backlog:
    """How much is waiting, counted up to MOST_COUNTED, so that it costs the same however long the queue is."""
    ((events, oldest, moment),) = run(_BACKLOG, [MOST_COUNTED], at=())
    age = moment - oldest if oldest else timedelta()
    return Backlog(events, max(age, timedelta()))


def finish(outcomes: Sequence[tuple[Pending, Outcome]], moment: datetime) -> None:
    """Write down the outcomes of these events, whose participants are locked."""
    events, results = zip(*outcomes, strict=True)
    participant_ids = [event.participant_id for event in events]
    statuses = "\n".join(result.status for result in results)
    # A line for each, since JSON has no line ends: inside one JSON document they would be parsed twice.
    stored = [outcome.stored(result) for result in results]
    documents = b"\n".join(document for document, _ in stored).decode()
    counted = deltas.of_events(
        deltas.Counted(
            event.program_id,
            event.event_timestamp,
            result.status == EventStatus.FAILED,
            bool(result.failed_rules),
            evaluations,
        )
        for (event, result), (_, evaluations) in zip(outcomes, stored, strict=True)
    )
    failed = "\n".join(
        id_list(result.failed_rules) if result.failed_rules else "" for result in results
    )
    event_ids = id_list(event.id for event in events)
    parameters = [moment, id_list(participant_ids), event_ids, statuses, documents, failed, counted]
    run(_FINISH, parameters, at=participant_ids)


def put_off(event: Pending, error: BaseException) -> bool:
    """Retry the event later or, after the last retry, give up, and return whether it gave up. Its participant is locked.

    The event is FAILED then or, where others of its rules have had their effect, COMPLETED without those that failed.
    """
    attempts = event.attempts + 1
    values: dict[str, Any] = {"attempts": attempts}
    gives_up = attempts > MOST_RETRIES
    if gives_up:
        result = event.given_up(error, attempts)
        values |= {
            "status": result.status,
            "next_attempt_at": None,
            "processed_at": Now(),
            "outcome": exact_json.loads(outcome.dumps(result)),
            "only_failed_rules": False,
        }
    else:
        values["next_attempt_at"] = Now() + timedelta(seconds=2**attempts)
    Event.objects.filter(participant=event.participant_id, pk=event.id).update(**values)
    if gives_up:
        deltas.add_events([(event.id, event.participant_id)])
    return gives_up


# In the order of the index of pending events, so that it is that index which is read.
_BACKLOG = Statement("""
    SELECT count(*), min(created_at), statement_timestamp()
    FROM (
        SELECT created_at FROM participants_event
        WHERE status = 'PENDING'
        ORDER BY participant_id, sequence
        LIMIT $1
    ) AS waiting
""")

_DUE_IN = Statement("""
    SELECT greatest(coalesce(extract(epoch FROM first.next_attempt_at - statement_timestamp()), 0), 0)::float8
    FROM (
        SELECT next_attempt_at FROM participants_event
        WHERE participant_id = $1 AND status = 'PENDING'
        ORDER BY participant_id, sequence
        LIMIT 1
    ) AS first
    WHERE EXISTS (SELECT FROM participants_event WHERE participant_id = $1 AND id = $2 AND status = 'PENDING')
""")

# From program to program along the index of pending events; by its whole order, so that no other index is read.
_WAITING_PROGRAMS = Statement("""
    WITH RECURSIVE walk AS (
        (
            SELECT program_id FROM participants_event
            WHERE status = 'PENDING'
            ORDER BY program_id, participant_id, sequence
            LIMIT 1
        )
        UNION ALL
        SELECT (
            SELECT program_id FROM participants_event
            WHERE status = 'PENDING' AND program_id > walk.program_id
            ORDER BY program_id, participant_id, sequence
            LIMIT 1
        )
        FROM walk WHERE program_id IS NOT NULL
    )
    SELECT program_id FROM walk WHERE program_id IS NOT NULL
""")

# The next participant with pending events in the program, how many of those would be taken at once (of thousands, only
# TURNS are looked at), and whether the first of them is due: an event that waits for its retry holds up the later ones.
_NEXT_PARTICIPANT = f"""
    SELECT first.participant_id,
        CASE WHEN first.next_attempt_at <= statement_timestamp() IS NOT FALSE THEN (
            SELECT count(*) FROM (
                SELECT FROM participants_event
                WHERE status = 'PENDING' AND program_id = input.programs[walk.place + 1]
                    AND participant_id = first.participant_id
                ORDER BY program_id, participant_id, sequence
                LIMIT {TURNS}
            ) AS taken
        ) END AS due
    FROM (
        SELECT participant_id, next_attempt_at FROM participants_event
        WHERE status = 'PENDING' AND program_id = input.programs[walk.place + 1] AND participant_id > walk.participant_id
        ORDER BY program_id, participant_id, sequence
        LIMIT 1
    ) AS first
    OFFSET 0 -- or the planner would count twice
"""

# A loose index scan: from participant to participant along the index of pending events, which is as long as the queue and
# not as the history, until enough events are found; at the end of one program's queue it goes on to the next program. Who
# waits for a retry counts as one event, so that thousands of them are passed over in several claims. A locked participant
# is being processed by somebody else.
_CLAIM = Statement(f"""
WITH RECURSIVE input (programs, afters, most) AS (SELECT $1::uuid[], $2::uuid[], $3::int),
walk (place, participant_id, is_met, due, total) AS (
    SELECT 0, input.afters[1], false, NULL::bigint, 0::bigint FROM input
    UNION ALL
    SELECT CASE WHEN next.participant_id IS NULL THEN walk.place + 1 ELSE walk.place END,
        coalesce(next.participant_id, input.afters[walk.place + 2]),
        next.participant_id IS NOT NULL,
        next.due,
        walk.total + CASE WHEN next.participant_id IS NULL THEN 0 ELSE coalesce(next.due, 1) END
    FROM walk CROSS JOIN input LEFT JOIN LATERAL ({_NEXT_PARTICIPANT}) AS next ON true
    WHERE walk.total < input.most AND walk.place < cardinality(input.programs)
),
seen AS MATERIALIZED (SELECT * FROM walk)
SELECT seen.place, seen.participant_id, seen.is_met, participant.id IS NOT NULL
FROM seen LEFT JOIN LATERAL (
    SELECT id FROM participants_participant
    WHERE id = seen.participant_id AND seen.is_met AND seen.due IS NOT NULL
    FOR NO KEY UPDATE SKIP LOCKED
) AS participant ON true
ORDER BY seen.place, seen.is_met, seen.participant_id
""")

# Place by place; and in turns: the first event of each participant, then the second of each. What would take more than
# MOST_BYTES is left for the next batch.
_LOAD = Statement(
    f"""
WITH input (participant_ids, places, most) AS (SELECT $1::uuid[], $2::int[], $3::int),
queued AS (
    SELECT event.*, claimed.place
    FROM input CROSS JOIN LATERAL unnest(input.participant_ids, input.places) AS claimed (id, place)
    CROSS JOIN LATERAL (
        SELECT *, row_number() OVER (ORDER BY sequence) AS turn
        FROM participants_event
        WHERE participant_id = claimed.id AND status = 'PENDING'
        ORDER BY participant_id, sequence
        LIMIT input.most
    ) AS event
),
sized AS (
    SELECT queued.*, sum(bytes) OVER (ORDER BY place, turn, participant_id) - bytes AS bytes_before
    FROM queued CROSS JOIN LATERAL (
        SELECT pg_column_size(data) + coalesce(pg_column_size(outcome), 0)
    ) AS measured (bytes)
)
SELECT id, participant_id, program_id, event_timestamp, data::text, attempts, next_attempt_at,
    CASE WHEN only_failed_rules THEN failed_rule_ids END, CASE WHEN only_failed_rules THEN outcome::text END,
    CASE
        WHEN (SELECT status FROM programs_program AS program WHERE program.id = sized.program_id) <> 'ACTIVE'
        THEN '{ProgramInactive.code}'
        WHEN (
            SELECT status FROM participants_enrollment AS enrollment
            WHERE enrollment.participant_id = sized.participant_id AND enrollment.program_id = sized.program_id
        ) IS DISTINCT FROM 'ACTIVE'
        THEN '{NotEnrolled.code}'
    END
FROM sized
WHERE bytes_before < {MOST_BYTES}
ORDER BY place, turn, participant_id
""",
    binary=True,
)

_FINISH = Statement(
    f"""
WITH input AS (
    SELECT $1::timestamptz AS moment, finished.*
    FROM unnest(
        $2::uuid[], $3::uuid[],
        string_to_array($4, E'\\n'), string_to_array($5, E'\\n'), string_to_array($6, E'\\n', '')
    ) AS finished (participant_id, id, status, outcome, failed_rule_ids)
),
counted AS ({deltas.INSERT.format(rows="$7")})
UPDATE participants_event AS event
SET status = input.status, outcome = input.outcome::jsonb, next_attempt_at = NULL, processed_at = input.moment,
    failed_rule_ids = input.failed_rule_ids::uuid[], only_failed_rules = false
FROM input
WHERE event.participant_id = input.participant_id AND event.id = input.id
""",
    keeps_plan=False,
)
