"""A server that only reads for a while, as in a failover: everything says so, and goes on by itself."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from psycopg import sql
from rest_framework.test import APIClient

from participants.models import Event
from tests.participants.events.workers import happen, working
from tests.participants.ledger_world import make_world

pytestmark = pytest.mark.django_db(transaction=True)
SOON = 2.0  # seconds after its end until all is well again


@contextmanager
def elsewhere() -> Iterator[psycopg.Connection[object]]:
    """A connection to another database of the same server."""
    parameters = connection.get_connection_params() | {"dbname": "postgres"}
    for name in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(name, None)
    with psycopg.connect(**parameters, autocommit=True) as other:
        yield other


@contextmanager
def a_failover() -> Iterator[None]:
    """Every connection is cut; new ones may only read until the end, and stay like that afterwards."""
    name = connection.settings_dict["NAME"]
    alter = sql.SQL("ALTER DATABASE {} ").format(sql.Identifier(name))
    with elsewhere() as other:
        try:
            other.execute(alter + sql.SQL("SET default_transaction_read_only = on"))
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            yield
        finally:
            other.execute(alter + sql.SQL("RESET default_transaction_read_only"))


def test_a_failover_is_told_and_survived(api: APIClient, client: Client) -> None:
    client.force_login(User.objects.create_superuser("alex"))
    api.raise_request_exception = client.raise_request_exception = False
    world = make_world("ana")
    with working() as ended:
        with a_failover():
            api.get("/readyz")  # meets the cut connection
            for _ in range(2):
                refused = api.post("/v1/participants", {"external_id": "bo"})
                assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
                assert refused.headers["Retry-After"] == "1"
                page = client.post("/admin/auth/group/add/", {"name": "Clerks"})
                assert (page.status_code, page.headers["Retry-After"]) == (503, "1")
                assert b"Try again in a moment" in page.content
                probe = api.get("/readyz")
                assert probe.status_code == 503
                assert probe.json()["message"] == "The database cannot be written to."
            time.sleep(0.5)  # the worker meets it too

        assert api.get("/readyz").status_code == 200
        assert api.post("/v1/participants", {"external_id": "bo"}).status_code == 201
        assert client.post("/admin/auth/group/add/", {"name": "Clerks"}).status_code == 302
        event = happen(world)
        until = time.monotonic() + SOON
        while Event.objects.pending().filter(pk=event.pk).exists():
            assert time.monotonic() < until
            time.sleep(0.02)
    assert ended == []
