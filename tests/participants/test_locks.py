"""Once a call has waited for a participant's lock for a second, no other call of its process queues behind it."""

import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection, connections
from rest_framework.test import APIClient

from participants.models import Participant
from programs.kernel import database
from tests.config.api.test_rights import calls
from tests.participants.api.tiers import make_track
from tests.participants.events.workers import soon
from tests.participants.ledger_world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)
SOMEBODY = -1  # a thread that there is not


@pytest.fixture
def world() -> World:
    world = make_world("ana", "bo")
    make_track(world.program)
    return world


@pytest.fixture
def waiting() -> Iterator[dict[int, database.Addresses]]:
    yield database.waiting
    database.waiting.pop(SOMEBODY, None)
    assert database.waiting == {}


def id_of(external_id: str) -> UUID:
    return Participant.objects.get(external_id=external_id).pk


def bodies(world: World) -> dict[str, dict[str, Any]]:
    """What each call that locks a participant takes."""
    event = {
        "program_id": str(world.program.pk),
        "external_id": "ana",
        "idempotency_key": "k",
        "event_timestamp": "2026-01-15T10:30:00Z",
        "event_data": {},
    }
    movement = {
        "program_id": str(world.program.pk),
        "asset_id": str(world.asset.pk),
        "amount": "1",
        "description": "A test.",
    }
    status = {"status": "ACTIVE"}
    return {
        "EventViewSet.create": event,
        "EventBatchViewSet.create": {"events": [event]},
        "ParticipantViewSet.create": {"external_id": "ana"},
        "ParticipantViewSet.partial_update": {"email": "ana@example.com"},
        "BatchViewSet.create": {"participants": [{"external_id": "ana"}]},
        "StatusViewSet.partial_update": status,
        "TagViewSet.add": {},
        "TagViewSet.remove": {},
        "TagViewSet.replace": {"tags": ["vip"]},
        "AttributeViewSet.set": {"value": "premium"},
        "AttributeViewSet.remove": {},
        "AttributeViewSet.merge": {"attributes": {"plan": "premium"}},
        "CounterViewSet.set": {"value": "1"},
        "CounterViewSet.remove": {},
        "TierViewSet.set": {"level": "gold"},
        "TierViewSet.remove": {},
        "EnrollmentViewSet.update": status,
        "EnrollmentViewSet.destroy": {},
        "BalanceViewSet.adjust": {**movement, "type": "CREDIT"},
        "BalanceViewSet.hold": movement,
        "BalanceViewSet.release": movement,
        "BalanceViewSet.forfeit": movement,
    }


@pytest.mark.parametrize("by_id", [True, False])
def test_each_call_that_locks_is_refused_and_no_other_is(
    api: APIClient, world: World, waiting: dict[int, database.Addresses], by_id: bool
) -> None:
    taken = bodies(world)
    seen = set()

    def send(name: str, method: str, path: str) -> Any:
        path = path.replace(str(UUID(int=7)), str(world.program.pk))
        if "/tiers" in path and name != "TierViewSet.list":
            path += f"?program_id={world.program.pk}"
        return getattr(api, method)(path, **({"data": taken[name]} if name in taken else {}))

    for name, method, path in calls():
        if name not in taken and "external:ana" not in path:
            continue
        waiting[SOMEBODY] = [id_of("ana")] if by_id else ["ana", "new"]
        refused = send(name, method, path)
        if name not in taken:
            assert method in ("get", "head"), f"{name} needs a body here."
            assert refused.status_code != 503, name
            continue
        seen.add(name)
        assert (refused.status_code, refused.headers.get("Retry-After")) == (503, "1"), name

        waiting[SOMEBODY] = [id_of("bo"), "new"]
        assert send(name, method, path).status_code != 503, name
    assert seen == taken.keys()


def test_a_call_waits_on_and_the_others_are_refused_until_it_is_free(
    api: APIClient,
    world: World,
    waiting: dict[int, database.Addresses],
    outsider: "psycopg.Connection[object]",
) -> None:
    path = f"/v1/participants/{id_of('ana')}"
    api.get(path)  # the use of the key is written
    outsider.execute("SELECT FROM participants_participant WHERE external_id = 'ana' FOR UPDATE")
    statuses: dict[str, int] = {}

    def patch(value: str) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '300ms'")
            answer = api.patch(path, {"attributes": {value: value}})
            statuses[value] = answer.status_code
        finally:
            connections.close_all()

    threads = [threading.Thread(target=patch, args=[value]) for value in "abc"]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    # Only who came first waits on.
    assert soon(lambda: len(statuses) == 2, 3)
    assert set(statuses.values()) == {503}
    assert len(waiting) == 1

    began = time.monotonic()
    assert api.post("/v1/participants", {"external_id": "ana"}).status_code == 503
    assert api.post("/v1/participants", {"external_id": "bo"}).status_code == 200
    assert api.get(path).status_code == 200
    assert time.monotonic() - began < 0.3

    outsider.rollback()
    for thread in threads:
        thread.join(5)
    assert sorted(statuses.values()) == [200, 503, 503]
    assert api.post("/v1/participants", {"external_id": "ana"}).status_code == 200


def test_a_new_external_id_that_somebody_else_is_creating(
    api: APIClient,
    waiting: dict[int, database.Addresses],
    outsider: "psycopg.Connection[object]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "LONGEST_WAIT", 0.5)
    api.get("/v1/participants")
    api.post("/v1/participants", {"external_id": "ana"})
    columns = [str(field.column) for field in Participant._meta.fields]
    copied = [
        {"id": "gen_random_uuid()", "external_id": "'new'"}.get(each, each) for each in columns
    ]
    outsider.execute(
        f"INSERT INTO participants_participant ({', '.join(columns)}) "
        f"SELECT {', '.join(copied)} FROM participants_participant".encode()
    )
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")

    began = time.monotonic()
    refused = api.post("/v1/participants", {"external_id": "new"})

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert 0.5 < time.monotonic() - began < 1.5
    assert waiting == {}
    outsider.rollback()
    assert api.post("/v1/participants", {"external_id": "new"}).status_code == 201
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout")
