import socket
import time
from datetime import timedelta
from http.client import HTTPConnection
from threading import Thread

import pytest
from django.core.management import CommandError, call_command
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import F
from django.test import Client, override_settings
from psycopg import Connection

from participants.events import queue
from participants.models import Event
from programs.api_keys import issue
from programs.models import Scope
from tests.conftest import TESTER
from tests.participants.events.workers import happen
from tests.participants.ledger_world import make_world
from tests.processes import Laurel, soon, url_of_the_tests


@override_settings(ALLOWED_HOSTS=["laurel.example"])
def test_a_probe_may_come_to_an_address(db: None, client: Client) -> None:
    for path in ("/healthz", "/readyz"):
        assert client.get(path, headers={"Host": "10.0.0.5"}).status_code == 200


def test_health_needs_no_key(db: None, client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {
        "status": "ok",
        "queue": {"pending_events": 0, "is_complete": True, "oldest_seconds": 0},
    }


def test_health_says_when_a_migration_is_missing(db: None, client: Client) -> None:
    MigrationRecorder.Migration.objects.filter(app="participants").delete()

    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_a_long_queue_is_told_and_is_no_reason_to_leave_the_balancer(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MOST_COUNTED", 3)
    monkeypatch.setattr("config.api.health.BACKLOG_KEPT_FOR", -1)
    world = make_world("ana")
    for waiting in (1, 2, 3, 3):
        happen(world, "ana")
        answer = client.get("/readyz")

        assert answer.status_code == 200
        assert answer.json()["queue"]["pending_events"] == waiting
        assert answer.json()["queue"]["is_complete"] == (waiting < 3)


def test_a_monitor_hears_of_a_queue_that_waits_too_long(
    db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    world = make_world("ana")
    happen(world)
    call_command("check_queue")
    assert capsys.readouterr().out.startswith("1 pending events")

    Event.objects.update(created_at=F("created_at") - timedelta(seconds=301))

    with pytest.raises(CommandError, match="At most 300 s"):
        call_command("check_queue")
    call_command("check_queue", max_age="6m")
    with pytest.raises(CommandError, match="Give a duration"):
        call_command("check_queue", max_age="soon")


@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_a_probe_is_answered_while_every_thread_waits(outsider: "Connection[object]") -> None:
    _, key = issue(name="tests", scopes=Scope.values, by=TESTER)
    laurel = Laurel(url_of_the_tests(), key, processes=1)
    people = [f"p{n}" for n in range(8)]
    make_world(*people)
    statuses: list[int] = []

    def upsert(who: str) -> None:
        body = {"external_id": who, "tags": ["vip"]}
        statuses.append(laurel.call("POST", "/v1/participants", body)[0])

    with socket.create_server(("127.0.0.1", 0)) as free:
        laurel.port = free.getsockname()[1]
    try:
        laurel.serve()
        assert soon(laurel.is_ready)
        kept_alive = HTTPConnection("127.0.0.1", laurel.port, timeout=5)
        outsider.execute("LOCK TABLE participants_participant IN EXCLUSIVE MODE")
        threads = [Thread(target=upsert, args=[who]) for who in people]
        for thread in threads:
            thread.start()
        time.sleep(0.5)

        for _ in range(20):
            began = time.monotonic()
            kept_alive.request("GET", "/healthz")
            assert kept_alive.getresponse().read() == b'{"status": "ok"}'
            assert laurel.call("HEAD", "/healthz")[0] == 200
            assert time.monotonic() - began < 0.5
        assert statuses == []

        outsider.rollback()
        for thread in threads:
            thread.join(10)
        assert statuses == [200] * len(people)
        kept_alive.request("GET", "/v1/openapi.json")
        assert kept_alive.getresponse().status == 200
    finally:
        laurel.end()
