"""Laurel as processes of its own, web server and workers, which a test can kill; on a database of any kind."""

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from django.db import connection
from environ import Env

from config.quickstart import embedded

PATIENCE = 60  # seconds
TIMEOUT = 20  # seconds, of a client


@dataclass
class Laurel:
    """A web server and two workers as processes of their own, on a database of any kind."""

    url: str
    key: str = ""
    port: int = 0
    processes: int = 2
    web: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)  # further ones of its environment

    def started(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=embedded.PROJECT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that all of it can be killed, and nothing else
        )

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=embedded.PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": self.url,
            "SECRET_KEY": "only-for-tests-" + "x" * 40,
            "HTTPS": "False",
            "WEB_CONCURRENCY": str(self.processes),
            "LOG_LEVEL": "CRITICAL",
            **self.variables,
        }

    def serve(self) -> None:
        bind = f"127.0.0.1:{self.port}"
        self.web = self.started("-m", "gunicorn", "-c", "python:config.gunicorn", "-b", bind)

    def work(self) -> None:
        self.workers.append(self.started("manage.py", "process_events"))

    def kill_something(self, chance: random.Random) -> None:
        """Kill the server, one of its processes or a worker, and start what is gone again."""
        assert self.web is not None
        what = chance.choice(["web", "one of web", "worker", "worker"])
        if what == "web":
            kill_all_of(self.web)
            self.serve()
        elif what == "one of web":
            children = Path(f"/proc/{self.web.pid}/task/{self.web.pid}/children")
            pids = children.read_text().split() if children.exists() else []
            if pids:
                with suppress(ProcessLookupError):
                    os.kill(int(chance.choice(pids)), signal.SIGKILL)
        else:
            kill_all_of(self.workers.pop(chance.randrange(len(self.workers))))
            self.work()

    def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any, Any]:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            sent = None if body is None else json.dumps(body)
            client.request(
                method,
                path,
                sent,
                {"X-API-Key": self.key, "Content-Type": "application/json", **headers},
            )
            response = client.getresponse()
            content = response.read()
            return response.status, response.headers, json.loads(content) if content else None
        finally:
            client.close()

    def is_ready(self) -> bool:
        with suppress(OSError, http.client.HTTPException, ValueError):
            return self.call("GET", "/readyz")[0] == 200
        return False

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        with connected(self.url) as database:
            return database.execute(sql.encode()).fetchall()

    def end(self) -> None:
        for process in [*self.workers, *([self.web] if self.web else [])]:
            kill_all_of(process)


def kill_all_of(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def soon(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.1)
    return condition()


def connected(url: str, **instead: Any) -> "psycopg.Connection[tuple[Any, ...]]":
    """A connection to this database that commits each statement."""
    of = Env.db_url_config(url)
    account = {"user": of["USER"], "password": of["PASSWORD"], "port": of["PORT"]}
    given = {name: value for name, value in account.items() if value} | instead
    return psycopg.connect(**{"host": of["HOST"], "dbname": of["NAME"], **given}, autocommit=True)


@contextmanager
def running(laurel: Laurel) -> Iterator[tuple[str, str]]:
    """All of it, with a program that credits what an event says and counts it; yields their ids."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        laurel.port = free.getsockname()[1]
    try:
        laurel.serve()
        laurel.work()
        laurel.work()
        assert soon(laurel.is_ready)
        program = laurel.call("POST", "/v1/programs", {"name": "Club"})[2]["id"]
        asset = {"name": "Points", "symbol": "PTS", "scale": 2, "program_id": program}
        asset_id = laurel.call("POST", "/v1/assets", asset)[2]["id"]
        actions = [
            {"type": "CREDIT", "asset_id": asset_id, "amount": "event.amount"},
            {"type": "COUNTER", "key": "n", "value": "1"},
        ]
        rule = {"program_id": program, "name": "R", "condition": "true", "actions": actions}
        assert laurel.call("POST", "/v1/rules", rule)[0] == 201
        yield program, asset_id
    finally:
        laurel.end()


def url_of_the_tests() -> str:
    of = connection.settings_dict
    password = f":{quote(of['PASSWORD'], safe='')}" if of["PASSWORD"] else ""
    account = f"{quote(of['USER'], safe='')}{password}@" if of["USER"] else ""
    port = f":{of['PORT']}" if of["PORT"] else ""
    host = of["HOST"]
    # A folder with a socket stands where a path would, as in config.quickstart.embedded.
    place = f"/{quote(host)}" if host.startswith("/") else f"{host}{port}"
    return f"postgres://{account}{place}/{of['NAME']}"
