from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import F
from django.test import Client, override_settings

from participants.events import queue
from participants.models import Event
from tests.participants.events.workers import happen
from tests.participants.ledger_world import make_world


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
