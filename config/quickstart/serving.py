"""gunicorn and the workers as quickstart runs them: on a port reserved from the start, and always stopped with it."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread

from django.conf import settings

from config.quickstart import embedded

PATIENCE = 60  # seconds for the server to become ready
RESTART_AFTER = 1.0  # seconds, or a worker that cannot start would be started without end


class CannotServe(Exception):
    """The port is not available, or the server did not start or ended by itself; the message says which."""


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Reserve the port before there is a server, so that a port in use is reported at once.

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
    """Return the URL for clients on this machine."""
    return f"http://{_name_of(host)}:{port}"


@contextmanager
def server(listener: socket.socket, host: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run gunicorn, configured as in production. It ends with the block, and with this process if that is killed."""
    # Serving at a host implies that its name is allowed.
    hosts = ",".join([*settings.ALLOWED_HOSTS, _name_of(host)])
    with _lifeline() as lifeline:
        process = _started(
            "-m",
            *("gunicorn", "-c", "python:config.gunicorn", "--bind", f"fd://{listener.fileno()}"),
            # Or Ctrl-C would wait half a minute for a connection that a browser has opened in advance.
            *("--graceful-timeout", "2"),
            environment={"ALLOWED_HOSTS": hosts, "QUICKSTART_LIFELINE": str(lifeline)},
            descriptors=[listener.fileno(), lifeline],
        )
        listener.close()
        with _ending(process):
            yield process


@contextmanager
def worker(command: str, say: Callable[[str], None]) -> Iterator[None]:
    """Run a process of this command, and another one if it ends by itself, and `say` so.

    It ends with the block, after its current batch or step, and with this process if that is killed.
    """
    with _lifeline() as lifeline:
        line = ("manage.py", command, "--lifeline", str(lifeline))
        kept = _Kept(lambda: _started(*line, descriptors=[lifeline]), say)
        try:
            yield
        finally:
            kept.stop()


class _Kept:
    """A process that is started again when it ends by itself."""

    def __init__(self, start: Callable[[], subprocess.Popen[bytes]], say: Callable[[str], None]):
        self._start, self._say = start, say
        self._process = start()
        self._lock = Lock()
        self._stopping = Event()
        self._watcher = Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _watch(self) -> None:
        while True:
            code = self._process.wait()
            self._stopping.wait(RESTART_AFTER)
            with self._lock:  # or `stop` could miss the new process
                if self._stopping.is_set():
                    return
                self._say(f"The worker ended by itself, with {code}. Another one is started.")
                self._process = self._start()

    def stop(self) -> None:
        with self._lock:
            self._stopping.set()
            self._process.terminate()
        self._watcher.join()


def _started(
    *arguments: str, descriptors: Sequence[int], environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    registration = embedded.registration_fd()
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=settings.BASE_DIR,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        pass_fds=[*descriptors, *([] if registration is None else [registration])],
        process_group=0,  # a terminal's Ctrl-C reaches only this process, which stops the child once
    )


@contextmanager
def _lifeline() -> Iterator[int]:
    """Open a descriptor for a child to read from: it reaches its end with this process, even if that is killed."""
    theirs, ours = os.pipe()
    try:
        yield theirs
    finally:
        os.close(theirs)
        os.close(ours)


@contextmanager
def _ending(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def stop_on_signals(process: subprocess.Popen[bytes]) -> list[int]:
    """Let Ctrl-C and SIGTERM end the server. The returned list will contain the signals received."""
    received: list[int] = []

    def stop(number: int, _: object) -> None:
        received.append(number)
        process.terminate()

    # Even if a shell ignores them, as shells do for background processes.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return received


def is_ready(process: subprocess.Popen[bytes], url: str) -> bool:
    """Wait until the server is ready. False if it ended first or takes longer than a minute."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError, http.client.HTTPException):
            # Not urllib, which would use a proxy from the environment.
            client = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
            client.request("GET", "/readyz", headers={"Connection": "close"})
            if client.getresponse().status == http.HTTPStatus.OK:
                return True
        time.sleep(0.1)
    return False


def _name_of(host: str) -> str:
    """Return the host as written in a URL and in ALLOWED_HOSTS."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"[{name}]" if ":" in name else name
