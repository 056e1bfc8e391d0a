"""The body of a request as gunicorn hands it over: announced and read when it is asked for, and within a time."""

import socket
import threading
import time
from typing import Any, ClassVar, Final

from django.conf import settings
from django.core.exceptions import BadRequest
from gunicorn.http.body import Body

QUICK_SECONDS: Final = 0.25  # of waiting that every body may take
QUICK_SECONDS_WHEN_FULL: Final = 0.02  # while as many as may wait longer do


class SlowBody(BadRequest):
    """A body that is not read to its end, since it arrives too slowly."""

    status: ClassVar[int]
    headers: ClassVar[dict[str, str]] = {}


class BodyTooSlow(SlowBody):
    status = 408


class TooManySlowBodies(SlowBody):
    """As many threads as may wait for bodies do."""

    status = 503
    headers = {"Retry-After": "1"}


class WaitingRoom:
    """Places for threads that wait for a slow body."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._lock = threading.Lock()

    @property
    def patience(self) -> float:
        """Seconds that a thread may wait outside."""
        return QUICK_SECONDS if self._free else QUICK_SECONDS_WHEN_FULL

    def enter(self) -> None:
        with self._lock:
            if not self._free:
                raise TooManySlowBodies(
                    "Too many bodies are being sent slowly. Try again in a moment."
                )
            self._free -= 1

    def leave(self) -> None:
        with self._lock:
            self._free += 1


class RequestBody(Body):  # type: ignore[misc]
    """`wsgi.input` of a request that has a body. `done` must be called at the end of the request."""

    def __init__(self, request: Any, connection: socket.socket, room: WaitingRoom) -> None:
        super().__init__(request.body.reader)
        self._request = request
        self._connection = connection
        self._timed = TimedSocket(connection, room)
        # gunicorn would ask for the body before anybody knows whether it is wanted.
        self._is_expected = request._expected_100_continue
        request._expected_100_continue = False
        self._has_begun = False

    def _read_reader(self, size: int) -> bytes:
        if not self._has_begun:
            self._begin()
        data: bytes = super()._read_reader(size)
        return data

    def _begin(self) -> None:
        self._has_begun = True
        self._timed.begin()
        self._request.unreader.sock = self._timed
        if self._is_expected:
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def close_unless_read(self) -> None:
        """Let the answer say that the connection closes, where the rest of the body would come before the next request."""
        left = getattr(self.reader, "length", None)
        # A body in chunks has no length; its parser goes at its end.
        is_read = self.reader.parser is None if left is None else left == 0
        if self.failed or not is_read:
            self._request.force_close()

    def done(self) -> None:
        self._request.unreader.sock = self._connection
        self._timed.end()


class TimedSocket:
    """What a body is read from: it ends a body that takes too long, and lets few of them wait."""

    def __init__(self, connection: socket.socket, room: WaitingRoom) -> None:
        self._connection = connection
        self._room = room
        self._is_inside = False

    def begin(self) -> None:
        self._began = time.monotonic()

    def end(self) -> None:
        if self._is_inside:
            self._is_inside = False
            self._room.leave()

    def recv(self, size: int) -> bytes:
        spent = time.monotonic() - self._began
        if spent < settings.BODY_SECONDS:
            longest = settings.BODY_SECONDS if self._is_inside else self._room.patience
            self._connection.settimeout(max(longest - spent, 0))
            try:
                return self._connection.recv(size)
            except (TimeoutError, BlockingIOError):
                pass
            if not self._is_inside:
                self._room.enter()
                self._is_inside = True
                return self.recv(size)
        raise BodyTooSlow(f"The body took more than {settings.BODY_SECONDS} s to arrive.")
