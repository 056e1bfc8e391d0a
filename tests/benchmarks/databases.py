"""The databases of a run: made for it, dropped after it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import connection, connections
from psycopg import sql

MAINTENANCE = "postgres"  # the database to be in while another is made or dropped
SETTINGS = (
    "server_version",
    "shared_buffers",
    "effective_cache_size",
    "work_mem",
    "max_wal_size",
    "wal_level",
    "wal_compression",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "checkpoint_timeout",
    "checkpoint_completion_target",
    "random_page_cost",
    "max_connections",
    "autovacuum",
    "jit",
)


def connect(database: str) -> psycopg.Connection[Any]:
    """A connection beside Django's, with the parameters of Django's."""
    parameters = {**connection.get_connection_params(), "dbname": database}
    return psycopg.Connection.connect(**parameters, autocommit=True)


@contextmanager
def made() -> Iterator[str]:
    """Make the database that the settings name, and migrate it."""
    database = str(connection.settings_dict["NAME"])
    _drop(database)  # what a killed run left behind
    _execute("CREATE DATABASE {}", database)
    try:
        call_command("migrate", verbosity=0)
        yield database
    finally:
        connections.close_all()
        _drop(database)


@contextmanager
def copied(database: str, *, to: str) -> Iterator[str]:
    """Make a copy, with all that the database holds now; nobody may be using it."""
    connections.close_all()
    _drop(to)
    _execute("CREATE DATABASE {} TEMPLATE {}", to, database)
    try:
        yield to
    finally:
        _drop(to)


def settle(*databases: str) -> None:
    """Do now what the server would else do in the midst of a measurement."""
    for database in databases:
        with connect(database) as session:
            session.execute("VACUUM ANALYZE")
            with suppress(psycopg.errors.InsufficientPrivilege):
                session.execute("CHECKPOINT")


def server_settings() -> dict[str, str]:
    with connect(MAINTENANCE) as session:
        wanted = "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name"
        return dict(session.execute(wanted, [[*SETTINGS]]).fetchall())


def _drop(database: str) -> None:
    _execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", database)


def _execute(statement: str, *names: str) -> None:
    with connect(MAINTENANCE) as session:
        session.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
