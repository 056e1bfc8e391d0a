"""PostgreSQL beyond the ORM: prepared statements, retries, outages and violated constraints."""

import functools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, ParamSpec, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
import uuid_utils.compat
from django.db import (
    DEFAULT_DB_ALIAS,
    IntegrityError,
    OperationalError,
    connection,
    connections,
)
from psycopg import errors

uuid7 = uuid_utils.compat.uuid7

# A UUIDv7 (RFC 9562, 5.7) made by the database, for rows whose number only the statement knows. The twelve bits after
# the milliseconds are a fraction of a millisecond (method 3), so that the rows of one participant sort as they were written.
# `moment` must name a column: PostgreSQL evaluates what depends on no row only once. It has uuidv7() from version 18 on.
UUID7_SQL = """(
    SELECT encode(set_byte(set_byte(
            overlay(uuid_send(gen_random_uuid()) PLACING substring(int8send(micros / 1000) FROM 3) FROM 1 FOR 6),
            6, 112 | (fraction >> 8)), 7, fraction & 255), 'hex')::uuid
    FROM (SELECT (extract(epoch FROM {moment}) * 1000000)::bigint) AS clock (micros),
        LATERAL (SELECT (mod(micros, 1000) * 4096 / 1000)::int) AS rest (fraction)
)"""

Addresses = UUID | str | Collection[UUID | str]

P = ParamSpec("P")
R = TypeVar("R")


class _Prepared(psycopg.RawCursor[Any]):
    """Cursor whose plans are kept, but renewed after 8, 16, 32 .. uses: the best plan for an empty table is a full scan.

    PostgreSQL would keep such a plan until the next autovacuum, while each use takes longer than the one before.
    """

    _uses: ClassVar[WeakKeyDictionary[psycopg.Connection[Any], Counter[str]]] = WeakKeyDictionary()

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        uses = self._uses.get(self.connection)
        if uses is None:
            uses = self._uses[self.connection] = Counter()
        count = uses[query] = uses[query] + 1
        if count >= 8 and count & (count - 1) == 0:
            super().execute("DISCARD PLANS", prepare=False)
        return super().execute(query, params, **options)


class _PlannedAnew(psycopg.RawCursor[Any]):
    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        return super().execute(query, params, **{**options, "prepare": False})


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement about participants, with PostgreSQL's own placeholders ($1, $2).

    `keeps_plan` is for those that run all day over few rows: parsed and planned once per connection (`prepare_threshold`
    in the settings). Others are planned each time: over many rows, a plan that was made while the tables were small reads
    them whole, and would be kept while they grow. Lists and searches, whose best plan depends on their values, are for the
    ORM, which shows the planner the values.

    `binary` brings rows in PostgreSQL's binary format, for reading very many: times and numbers cost a tenth. jsonb has
    to be cast to text then.
    """

    sql: str
    keeps_plan: bool = True
    binary: bool = False


class LockTimeout(OperationalError):
    """Somebody else has kept these participants' rows for as long as `lock_timeout`."""

    def __init__(self, at: Addresses) -> None:
        self.at = at
        super().__init__("Somebody else keeps a lock.")


def run(statement: Statement, parameters: Sequence[Any], *, at: Addresses) -> list[tuple[Any, ...]]:
    """Run a statement about one participant or several, each named by id or external_id; all of its rows.

    The only door to SQL of ours about participants. `at` says whose rows the statement touches: one PostgreSQL does not
    need to know, a distributed one would choose the node by it. One that may wait for their locks goes through
    `participants.locks.run`. Raises LockTimeout.
    """
    database = connections[DEFAULT_DB_ALIAS]  # itself: each look through Django's proxy costs
    database.ensure_connection()
    with database.wrap_database_errors:
        cursor = (_Prepared if statement.keeps_plan else _PlannedAnew)(database.connection)
        if statement.binary:
            cursor.format = psycopg.pq.Format.BINARY
    # Django's own cursor around it: errors are Django's, and query counting sees it.
    make = database.make_debug_cursor if database.queries_logged else database.make_cursor
    with make(cursor) as django_cursor:  # type: ignore[arg-type]
        try:
            django_cursor.execute(statement.sql, parameters)
        except OperationalError as error:
            if isinstance(error.__cause__, errors.LockNotAvailable):
                raise LockTimeout(at) from error.__cause__
            raise
        # Not `description`, which would describe every column to us for a tenth of the call's time.
        return django_cursor.fetchall() if django_cursor.pgresult.nfields else []


def id_list(ids: Iterable[UUID]) -> str:
    """The ids as a parameter `$1::uuid[]`. psycopg looks at each for what would have to be quoted."""
    return f"{{{','.join(map(str, ids))}}}"


LONGEST_WAIT = 10.0  # seconds that a verb waits for locks before it gives up
_VICTIM = errors.DeadlockDetected | errors.SerializationFailure

# Whose rows those threads of this process wait for that have met `lock_timeout` and wait on; who came first stands first.
waiting: dict[int, Addresses] = {}


def retried(verb: Callable[P, R]) -> Callable[P, R]:
    """Run the verb again when PostgreSQL chose it as the victim of a deadlock or a serialization failure, or ended its wait
    for a lock, which it may wait for again.

    Only the outermost call retries: inside somebody's transaction the locks are still held and it would fail again.
    """

    @functools.wraps(verb)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        began, gave_way = time.monotonic(), 0
        try:
            while True:
                try:
                    return verb(*args, **kwargs)
                except OperationalError as error:
                    if connection.in_atomic_block:
                        raise
                    if isinstance(error.__cause__, errors.LockNotAvailable):
                        if time.monotonic() - began > LONGEST_WAIT:
                            raise
                        if isinstance(error, LockTimeout):
                            waiting.setdefault(threading.get_ident(), error.at)
                    elif isinstance(error.__cause__, _VICTIM) and gave_way < 4:
                        gave_way += 1
                        time.sleep(random.uniform(0, 0.02 * 2**gave_way))  # noqa: S311 (no secret)
                    else:
                        raise
        finally:
            if waiting and not connection.in_atomic_block:
                waiting.pop(threading.get_ident(), None)

    return wrapper


# SQLSTATEs of a connection or a server that cannot do it now: the connection is lost, the server only reads (a standby, or
# one that is about to become one), it is out of resources, an operator stops it, or its machine fails.
_OUTAGES = ("08", "25006", "53", "57P", "58")
_ROLLBACKS = ("40",)


def is_outage(error: BaseException | None) -> bool:
    """Whether this connection, or this server, cannot do it now. Close the connection: another one may find a server that can."""
    cause = _cause(error)
    if cause is None:
        return False
    # What psycopg itself says of a connection, such as that it is closed.
    if cause.sqlstate is None:
        return isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
    return cause.sqlstate.startswith(_OUTAGES) or _is_lost()


def is_transient(error: BaseException | None) -> bool:
    """Whether the same call may succeed later as it is: an outage, or a transaction that had to give way to another one."""
    cause = _cause(error)
    state = (cause.sqlstate if cause else None) or ""
    return state.startswith(_ROLLBACKS) or is_outage(error)


def _cause(error: BaseException | None) -> psycopg.Error | None:
    """The error of psycopg behind an error of Django."""
    cause = error.__cause__ if error is not None and error.__cause__ is not None else error
    return cause if isinstance(cause, psycopg.Error) else None


def _is_lost() -> bool:
    return connection.connection is None or connection.connection.closed


def violated(error: IntegrityError) -> str | None:
    """The name of the constraint that a row did not meet."""
    cause = error.__cause__
    return cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None
