"""Connections that die while value moves."""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from participants import ledger
from participants.models import ActionType, JournalEntry, Maturity, Participant
from tests.conftest import TESTER
from tests.participants.ledger.races import faults, with_own_connection
from tests.participants.ledger_world import make_world
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def killed(before: str, *, after: bool = False) -> Callable[..., Any]:
    """A wrapper of execute that has the connection ended by the server before, or after, the statement with this text."""

    def wrapper(execute: Any, sql: str, *rest: Any) -> Any:
        if before not in sql:
            return execute(sql, *rest)
        if after:
            execute(sql, *rest)
        _terminate(connection.connection.info.backend_pid)
        return execute("SELECT 1", *rest) if after else execute(sql, *rest)

    return wrapper


def _terminate(backend: int) -> None:
    def end() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [backend])
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [backend])
            while cursor.fetchone() != (0,):
                threading.Event().wait(0.01)
                cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [backend])

    with_own_connection(end)


@pytest.mark.parametrize("amount", ["4", None])  # without the lock, and with it
@pytest.mark.parametrize("after", [False, True])
def test_a_call_whose_connection_dies_leaves_nothing_half_done_and_can_be_repeated(
    amount: str | None, after: bool
) -> None:
    world = make_world()
    world.credit("10")
    hold = partial(world.move, ActionType.HOLD, amount, idempotency_key="k")

    with (
        connection.execute_wrapper(killed("INTO participants_journalentry", after=after)),
        pytest.raises(OperationalError),
    ):
        hold()
    connection.close()

    # Without a transaction around it the statement is whole by itself; only its answer was lost.
    was_written = after and amount is not None
    assert JournalEntry.objects.count() == 1 + was_written
    assert faults() == []
    repeated = hold()
    assert hold() == repeated
    assert JournalEntry.objects.count() == 2
    assert world.balance() == (("6", "4", "0") if amount else ("0", "10", "0"))
    assert faults() == []


def test_a_call_that_is_killed_while_it_waits_has_done_nothing() -> None:
    world = make_world()
    world.credit("10")
    backend: list[int] = []
    is_ready, refused = threading.Event(), []

    def wait() -> None:
        connection.ensure_connection()
        backend.append(connection.connection.info.backend_pid)
        is_ready.set()
        try:
            world.debit("4", idempotency_key="k")
        except OperationalError as error:
            refused.append(error)

    def kill() -> None:
        with transaction.atomic():
            Participant.objects.select_for_update(no_key=True).get()
            is_ready.wait()
            threading.Event().wait(0.2)
            _terminate(backend[0])

    at_once([kill, wait])

    assert len(refused) == 1
    assert world.balance() == ("10", "0", "0")
    assert world.debit("4", idempotency_key="k").available == 6
    assert faults() == []


def test_maturing_that_is_killed_half_way_is_done_by_the_next() -> None:
    world = make_world("ana", "bo")
    for who in ("ana", "bo"):
        world.credit("5", of=who, matures_at=timezone.now() + timedelta(hours=1))
    Maturity.objects.update(matures_at=timezone.now())

    with (
        connection.execute_wrapper(killed("INTO participants_journalentry", after=True)),
        pytest.raises(OperationalError),
    ):
        list(ledger.mature_due(by=TESTER))
    connection.close()

    assert JournalEntry.objects.filter(source="DEFERRED").count() == 0
    assert sum(ledger.mature_due(by=TESTER)) == 2
    assert world.balance("bo") == ("5", "0", "0")
    assert faults() == []
