"""Events that are sent and worked off, and what makes that fail."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import connection, connections
from django.db.models import F
from django.utils import timezone

from participants.events import process
from participants.events.ingest import ingest, ingest_each
from participants.events.request import NewEvent
from participants.events.worker import Worker
from participants.ledger import verify
from participants.models import Event
from programs import rulebook
from programs.models import Rule
from tests.conftest import TESTER
from tests.participants.ledger_world import World


def add_rule(world: World, *actions: dict[str, Any], condition: str = "true", **rest: Any) -> Rule:
    body = {
        "program_id": str(world.program.pk),
        "name": rest.pop("name", "R"),
        "condition": condition,
        "actions": list(actions),
        **rest,
    }
    return rulebook.create(rulebook.clean_new(body), by=TESTER)


def credit(world: World, amount: str, **rest: Any) -> dict[str, Any]:
    return {"type": "CREDIT", "asset_id": str(world.asset.pk), "amount": amount, **rest}


def set_attribute(key: str, expression: str) -> dict[str, Any]:
    return {"type": "SET_ATTRIBUTE", "key": key, "expression": expression}


def an_event(world: World, of: str, key: str, **data: Any) -> NewEvent:
    return NewEvent(world.program.pk, of, key, timezone.now(), data)


def happen(world: World, of: str = "ana", key: str | None = None, **data: Any) -> Event:
    key = key or f"k{Event.objects.count()}"
    return Event.objects.get(pk=ingest(an_event(world, of, key, **data), by=TESTER).id)


def send(events: list[NewEvent]) -> None:
    for first in range(0, len(events), 1000):
        ingest_each(events[first : first + 1000], by=TESTER)


def work_off() -> int:
    return sum(process.drain())


def statuses(**conditions: Any) -> dict[str, int]:
    return dict(Counter(Event.objects.filter(**conditions).values_list("status", flat=True)))


def faults() -> list[str]:
    return [str(fault) for fault in verify.faults()]


@contextmanager
def working(count: int = 1) -> Iterator[list[str]]:
    """Workers, each in a thread; yields what has ended one of them."""
    workers = [Worker(by=TESTER) for _ in range(count)]
    ended: list[str] = []

    def run(worker: Worker) -> None:
        try:
            worker.run()
        except BaseException as error:
            ended.append(repr(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[worker]) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        yield ended
    finally:
        for worker in workers:
            worker.stop()
        for thread in threads:
            thread.join(30)


def soon(condition: Callable[[], bool], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


@contextmanager
def a_trigger(table: str, when: str, does: str, *, deferred: bool = False) -> Iterator[None]:
    """Let the database raise for some rows, as a disk, an extension or a fault of ours might."""
    kind = "CONSTRAINT TRIGGER" if deferred else "TRIGGER"
    timing = "AFTER INSERT" if deferred else "BEFORE INSERT OR UPDATE OR DELETE"
    suffix = "DEFERRABLE INITIALLY DEFERRED" if deferred else ""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION trip() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN IF {when} THEN {does}; END IF; RETURN coalesce(NEW, OLD); END $$"
        )
        cursor.execute(
            f"CREATE {kind} trip {timing} ON {table} {suffix} FOR EACH ROW EXECUTE FUNCTION trip()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER trip ON {table}")
            cursor.execute("DROP FUNCTION trip()")


def a_bad_rule(world: World) -> Rule:
    """What trips BAD_HISTORY, where the event asks for it."""
    return add_rule(world, set_attribute("bad", "true"), condition="event.bad == true", name="Bad")


def let_time_pass() -> None:
    Event.objects.update(next_attempt_at=F("next_attempt_at") - timedelta(seconds=60))
