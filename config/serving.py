"""gunicorn as quickstart runs it: on a port held from the beginning, and never left behind."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings

from config import embedded

PATIENCE = 60  # seconds until the server has to answer


class CannotServe(Exception):
    """The port cannot be had, or the server did not start or ended by itself; the message says which."""


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Take the port before there is a server, so that one which is taken is known at once.

    Raises CannotServe.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise CannotServe(f"Cannot serve at {host}, port {port}: {error}") from error
    with listener:
        yield listener


def url_of(host: str, port: int) -> str:
    """Where a client on this machine finds it."""
    return f"http://{_name_of(host)}:{port}"


@contextmanager
def server(listener: socket.socket, host: str) -> Iterator[subprocess.Popen[bytes]]:
    """gunicorn, configured as in production. It ends with the block, and with us if we are killed."""
    theirs, ours = os.pipe()
    registration = embedded.registration_fd()
    inherited = [listener.fileno(), theirs, *([] if registration is None else [registration])]
    environment = {
        # Whoever chose to serve at a host expects answers under its name.
        "ALLOWED_HOSTS": ",".join([*settings.ALLOWED_HOSTS, _name_of(host)]),
        "QUICKSTART_LIFELINE": str(theirs),
    }
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn"]
    # Or Ctrl-C would wait half a minute for the connection that a browser opened in advance.
    options = ["--bind", f"fd://{listener.fileno()}", "--graceful-timeout", "2"]
    process = subprocess.Popen(
        [*gunicorn, *options],
        cwd=settings.BASE_DIR,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        pass_fds=inherited,
        process_group=0,  # a terminal's Ctrl-C is for us, who stop it once
    )
    os.close(theirs)
    listener.close()
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
        os.close(ours)


def stop_on_signals(process: subprocess.Popen[bytes]) -> list[int]:
    """Let Ctrl-C and SIGTERM end the server; the list that this returns will hold those that came."""
    received: list[int] = []

    def stop(number: int, _: object) -> None:
        received.append(number)
        process.terminate()

    # Even where a shell has set them to be ignored, as it does for what runs in the background.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return received


def is_ready(process: subprocess.Popen[bytes], url: str) -> bool:
    """Wait until the server can work; False if it ended first or takes longer than a minute."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError, http.client.HTTPException):
            # Not urllib, which would ask the proxy that the environment may name.
            client = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
            client.request("GET", "/readyz", headers={"Connection": "close"})
            if client.getresponse().status == http.HTTPStatus.OK:
                return True
        time.sleep(0.1)
    return False


def _name_of(host: str) -> str:
    """The host as it stands in a URL and in ALLOWED_HOSTS."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"[{name}]" if ":" in name else name
