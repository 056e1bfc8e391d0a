"""Workers and the database stopped, again and again: each event is done once, and nothing is lost. tests/chaos kills the rest.

SURVIVE_SECONDS says how long; a minute is worth its time before a release.
"""

import http.client
import os
import random
import re
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from config.quickstart import embedded
from participants.events.retry import retry
from participants.exceptions import NotRetryable
from participants.models import Event, JournalEntry
from programs import rulebook
from programs.models import Scope
from tests.conftest import TESTER
from tests.participants.events.workers import (
    add_rule,
    an_event,
    credit,
    faults,
    send,
    work_off,
)
from tests.participants.ledger_world import make_world
from tests.processes import PATIENCE, Laurel, kill_all_of, running, soon, url_of_the_tests

pytestmark = pytest.mark.slow

SECONDS = float(os.environ.get("SURVIVE_SECONDS", "8"))
EVENTS = 1000
CLIENTS = 4
PEOPLE = 40


@dataclass
class Client:
    """An application that repeats each call until it is answered. What it heard beside that is noted."""

    laurel: Laurel
    program: str
    number: int
    acknowledged: dict[str, str] = field(default_factory=dict)
    amounts: list[Decimal] = field(default_factory=list)
    refused: list[tuple[int, str | None]] = field(default_factory=list)
    dropped: int = 0

    def run(self) -> None:
        chance = random.Random(self.number)
        pause = SECONDS / (EVENTS / CLIENTS)
        for n in range(EVENTS // CLIENTS):
            key = f"{self.number}-{n}"
            amount = Decimal(chance.randint(1, 500)) / 100
            body = {
                "program_id": self.program,
                "external_id": f"p{chance.randrange(PEOPLE)}",
                "idempotency_key": key,
                "event_timestamp": "2026-01-15T10:30:00Z",
                "event_data": {"amount": 0},
            }
            body["event_data"] = {"amount": float(amount)}
            headers = {"Prefer": "wait=1"} if chance.random() < 0.1 else {}
            self.acknowledged[key] = self.answer(body, headers)["id"]
            self.amounts.append(amount)
            time.sleep(pause * chance.random())

    def answer(self, body: dict[str, Any], headers: dict[str, str]) -> dict[str, str]:
        while True:
            try:
                status, told, answer = self.laurel.call("POST", "/v1/events", body, **headers)
            except (OSError, http.client.HTTPException, ValueError):
                self.dropped += 1
            else:
                if status in (200, 202):
                    return dict(answer)
                self.refused.append((status, told.get("Retry-After")))
            time.sleep(0.05)


def sent_through(
    laurel: Laurel, program: str, havoc: Callable[[random.Random], None]
) -> list[Client]:
    clients = [Client(laurel, program, n) for n in range(CLIENTS)]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    chance = random.Random()
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        time.sleep(chance.uniform(0.2, 1.5))
        havoc(chance)
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    return clients


def everything_is_done_once(laurel: Laurel, clients: list[Client]) -> None:
    acknowledged = {event_id for client in clients for event_id in client.acknowledged.values()}
    total = sum(amount for client in clients for amount in client.amounts)
    assert len(acknowledged) == EVENTS

    count = "SELECT status, count(*) FROM participants_event GROUP BY status"
    assert soon(lambda: laurel.rows(count) == [("COMPLETED", EVENTS)]), laurel.rows(count)
    assert {str(row[0]) for row in laurel.rows("SELECT id FROM participants_event")} == acknowledged
    assert laurel.rows("SELECT sum(available), sum(held) FROM participants_balance") == [(total, 0)]
    assert laurel.rows(
        "SELECT count(*), count(DISTINCT event_id) FROM participants_journalentry"
    ) == [(EVENTS, EVENTS)]
    assert laurel.rows("SELECT sum(value) FROM participants_counter") == [(EVENTS,)]
    assert laurel.rows("SELECT max(attempts) FROM participants_event") == [(0,)]
    assert laurel.rows("SELECT count(*) FROM participants_participant") == [(PEOPLE,)]
    laurel.command("verify_ledger")


@pytest.mark.django_db(transaction=True)
def test_rules_that_are_retried_by_two_while_workers_are_killed_pay_once() -> None:
    people = [f"p{n}" for n in range(PEOPLE)]
    world = make_world(*people)
    add_rule(world, credit(world, "1"))
    bonus = add_rule(world, credit(world, "event.bonus"))
    send([an_event(world, who, f"{n}-{who}") for n in range(10) for who in people])
    work_off()
    total = PEOPLE * 10
    assert Event.objects.with_rule_errors().count() == total
    actions = [credit(world, "10")]
    rulebook.change(bonus.pk, rulebook.clean_change({"actions": actions}), by=TESTER)
    event_ids = list(Event.objects.values_list("pk", flat=True))
    laurel, chance, taken = Laurel(url_of_the_tests()), random.Random(), Counter[UUID]()

    def retry_all() -> None:
        try:
            for event_id in event_ids:
                with suppress(NotRetryable):
                    retry(event_id, by=TESTER)
                    taken[event_id] += 1
                time.sleep(SECONDS / 4 / total)
        finally:
            connection.close()

    threads = [threading.Thread(target=retry_all) for _ in range(2)]
    try:
        for _ in range(2):
            laurel.work()
        for thread in threads:
            thread.start()
        until = time.monotonic() + SECONDS / 2
        while time.monotonic() < until:
            time.sleep(chance.uniform(1, 2))  # a worker takes a second to start
            kill_all_of(laurel.workers.pop(0))
            laurel.work()
        for thread in threads:
            thread.join(PATIENCE)
        assert soon(lambda: not Event.objects.exclude(status="COMPLETED").exists())
    finally:
        laurel.end()

    assert taken == dict.fromkeys(event_ids, 1)
    assert not Event.objects.with_rule_errors().exists()
    assert {world.balance(who) for who in people} == {("110", "0", "0")}
    assert JournalEntry.objects.filter(rule_id=bonus.pk).count() == total
    assert faults() == []


@dataclass
class Database:
    """A PostgreSQL of the test's own, out of the wheel."""

    project: Path

    @property
    def server(self) -> embedded._Server:
        return embedded._Server.of(self.project)

    def stop(self, how: signal.Signals) -> None:
        postmaster = int((self.server.data / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, how)
        assert soon(lambda: not self.server.answers())

    def start(self) -> None:
        self.server.ensure_running()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[tuple[Database, str]]:
    project = tmp_path / "project"
    project.mkdir()
    try:
        url = embedded.start(project)
    except embedded.EmbeddedDatabaseError as error:
        pytest.skip(str(error))
    made = Database(project)
    yield made, url
    embedded._leave(embedded._home(project), os.getpid())
    if os.geteuid() == 0:
        shutil.rmtree(embedded._home(project), ignore_errors=True)


def test_stopping_the_database_loses_no_event_and_everything_comes_back_by_itself(
    database: tuple[Database, str],
) -> None:
    postgres, url = database
    laurel = Laurel(url)
    laurel.command("migrate")
    printed = laurel.command(
        "create_api_key", "tests", *(f"--scope={each}" for each in Scope.values)
    )
    found = re.search(r"lrl_\w+", printed)
    assert found, printed
    laurel.key = found[0]
    stops: Counter[str] = Counter()

    def stop_and_start(chance: random.Random) -> None:
        # Fast, as an upgrade does it, or at once, as a crash does: it recovers from its log then.
        how = chance.choice([signal.SIGINT, signal.SIGQUIT])
        postgres.stop(how)
        stops[how.name] += 1
        time.sleep(chance.uniform(0.3, 1.5))
        postgres.start()

    with running(laurel) as (program, _):
        assert laurel.web is not None
        began = [laurel.web.pid, *(worker.pid for worker in laurel.workers)]
        clients = sent_through(laurel, program, stop_and_start)
        everything_is_done_once(laurel, clients)

        # Nothing has ended on the way.
        assert all(process.poll() is None for process in [laurel.web, *laurel.workers])
        assert [laurel.web.pid, *(worker.pid for worker in laurel.workers)] == began
    assert sum(stops.values()) >= 2
    refused = Counter(each for client in clients for each in client.refused)
    assert set(refused) == {(503, "1")}
    assert sum(client.dropped for client in clients) == 0
