"""What somebody outside locks holds up a call for a stated time, and then the call is refused and loses nothing."""

import psycopg
import pytest
from django.db import connection
from rest_framework.test import APIClient

from config import gunicorn
from participants.models import Event, Participant
from programs.kernel import database
from programs.models import Program

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("table", ["programs_program", "participants_participant"])
def test_a_row_that_somebody_holds_ends_the_call_and_not_the_server(
    api: APIClient,
    program: Program,
    participant: Participant,
    outsider: "psycopg.Connection[object]",
    table: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "LONGEST_WAIT", 0.3)
    event = {"program_id": str(program.pk), "external_id": "ana", "idempotency_key": "k"}
    event |= {"event_timestamp": "2026-01-15T10:30:00Z", "event_data": {}}  # type: ignore[dict-item]
    api.get("/v1/programs")  # the use of the key is written
    outsider.execute(f"SELECT FROM {table} FOR UPDATE")
    with connection.cursor() as cursor:
        # PostgreSQL counts it for the checks at COMMIT, too, which `statement_timeout` does not cover.
        cursor.execute("SET lock_timeout = '200ms'")

    refused = api.post("/v1/events", event)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert not Event.objects.exists()

    outsider.rollback()
    assert api.post("/v1/events", event).status_code == 202
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout")


def test_the_server_sets_both_limits() -> None:
    [options] = gunicorn.raw_env
    assert "statement_timeout=15s" in options
    assert "lock_timeout=1s" in options
