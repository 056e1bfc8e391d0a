"""Laurel as production runs it, gunicorn and all, with the benchmarks' addresses beside its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.client import Address, Connection

PROJECT = Path(__file__).resolve().parents[2]
WORKERS = 2
THREADS = 4


@contextmanager
def running(database: str) -> Iterator[Address]:
    """Serve this database on a free port for as long as the context lasts."""
    # The server inherits the socket. Closed here, it ends with the server, and who waits for an answer is told.
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        address: Address = listener.getsockname()
        server = _start(listener.fileno(), environment(database))
    try:
        Connection(address).ask(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


def environment(database: str) -> dict[str, str]:
    """What a process of ours needs to work with this database."""
    return {
        **os.environ,
        "BENCHMARK_DATABASE": database,
        "DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings",
    }


def _start(listener: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn"),
            f"--bind=fd://{listener}",
            "--keep-alive=600",  # a connection waits while the other variants have their turn
        ],
        cwd=PROJECT,
        env=environment | {"WEB_CONCURRENCY": str(WORKERS), "WEB_THREADS": str(THREADS)},
        pass_fds=[listener],
        start_new_session=True,  # Ctrl-C is for us, who then stop it
    )
