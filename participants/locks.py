"""Waiting for participants: where each transaction takes their locks, and who may wait for one that is held for long.

A server ends each wait for a lock after a second (`config/gunicorn.py`). The call that has waited so long begins again and
goes on waiting (`retried`), and stands in `waiting` meanwhile. Every other call of this process for the same participant
is refused, or a few of them would hold all threads. This stands on the kernel's door, which knows who waits, since only
here it is known that an id and an external_id are one participant.
"""

import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection
from django.db.models import Q
from psycopg.pq import TransactionStatus

from participants.models import Participant
from programs.kernel import database
from programs.kernel.database import Addresses, Statement, id_list, waiting


class ParticipantBusy(OperationalError):
    """Another call has waited for this participant for a second, and is still waiting."""


def run(statement: Statement, parameters: Sequence[Any], *, at: Addresses) -> list[tuple[Any, ...]]:
    """Run a statement that may wait for these participants' locks. Raises ParticipantBusy and LockTimeout."""
    if waiting:
        _refuse_to_queue(at)
    return database.run(statement, parameters, at=at)


# What was locked is read again above the lock, so that the moment comes after the wait for it. It never goes backwards
# for a participant, even where the server's clock was set back.
_LOCK = """
SELECT id, greatest(clock_timestamp(), updated_at + interval '1 microsecond')
FROM (
    SELECT id, updated_at FROM participants_participant WHERE {column} = ANY($1::{kind}[]) ORDER BY id FOR NO KEY UPDATE
) AS locked
"""
_BY_ID = Statement(_LOCK.format(column="id", kind="uuid"))
_BY_EXTERNAL_ID = Statement(_LOCK.format(column="external_id", kind="text"))


def lock(participants: Sequence[UUID | str]) -> list[tuple[UUID, datetime]]:
    """Lock those of these participants that exist to the end of the transaction, in the order of their ids.

    Each id with the database's time, after the lock was taken.
    """
    ids = [each for each in participants if isinstance(each, UUID)]
    if ids:
        rows = run(_BY_ID, [id_list(ids)], at=participants)
    else:
        rows = run(_BY_EXTERNAL_ID, [list(participants)], at=participants)
    return [(participant_id, moment) for participant_id, moment in rows]


def _refuse_to_queue(at: Addresses) -> None:
    # In a transaction that has begun it may be us for whom the others wait.
    if connection.connection is not None and (
        connection.connection.info.transaction_status != TransactionStatus.IDLE
    ):
        return
    own = threading.get_ident()
    for thread, theirs in list(waiting.items()):
        if thread == own:
            return  # those behind us wait for the same, or for others
        if _are_same(at, theirs):
            raise ParticipantBusy("Another call has been waiting for this participant.")


def _are_same(some: Addresses, others: Addresses) -> bool:
    """Whether any participant is among both."""
    (ids, names), (other_ids, other_names) = _parted(some), _parted(others)
    if ids & other_ids or names & other_names:
        return True
    crossed = Q(pk__in=ids, external_id__in=other_names) | Q(
        pk__in=other_ids, external_id__in=names
    )
    return Participant.objects.filter(crossed).exists()


def _parted(addresses: Addresses) -> tuple[set[UUID], set[str]]:
    each = {addresses} if isinstance(addresses, str | UUID) else set(addresses)
    ids = {address for address in each if isinstance(address, UUID)}
    return ids, {address for address in each if isinstance(address, str)}
