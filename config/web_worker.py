"""gunicorn's threaded worker, whose threads are for calls: who sends slowly waits outside, and probes have a thread.

An idle connection, headers that are still arriving and a client that does not hang up take no thread; a body that is
still arriving does, within the bounds of `config.request_body`.
"""

import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from selectors import EVENT_READ
from typing import Any, Final

from gunicorn.workers.gthread import TConn, ThreadWorker

from config.request_body import RequestBody, WaitingRoom

HEAD_SECONDS: Final = 10.0  # for a request's headers
USUAL_HEAD_BYTES: Final = 4_096
MAX_HEAD_BYTES: Final = 32_768
ANSWER_SECONDS: Final = 30.0  # for a client to take an answer
LINGER_SECONDS: Final = 2.0  # for a client to stop sending and hang up
MAX_LINGER_BYTES: Final = 10_000_000

_END: Final = b"\r\n\r\n"
_REFUSAL: Final = b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_SLOW: Final = _REFUSAL % b"408 Request Timeout"
_TOO_LARGE: Final = _REFUSAL % b"431 Request Header Fields Too Large"


class WebWorker(ThreadWorker):  # type: ignore[misc]
    """Worker that looks at what a connection has sent before the connection queues for a thread.

    While calls have every thread, a probe of /healthz goes another way.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calls = 0
        self.probes = ThreadPoolExecutor(1)
        self.slow_bodies = WaitingRoom(max(1, self.cfg.threads // 2))
        # Until when a connection may go on sending headers, or is given to hang up.
        self.sending: dict[TConn, float] = {}
        self.leaving: dict[TConn, float] = {}
        self.next_look = 0.0

    def enqueue_req(self, conn: TConn) -> None:
        conn.sock.setblocking(False)
        ahead = _read_ahead(conn)
        sent = _peek(conn.sock, USUAL_HEAD_BYTES)
        if sent and _has_end(ahead + sent):
            self._submit(conn, ahead + sent)
            return
        sent = _peek(conn.sock, MAX_HEAD_BYTES)
        head = ahead + (sent or b"")
        if _has_end(head):
            self._submit(conn, head)
        elif sent == b"":
            self._drop(conn)
        elif len(head) >= MAX_HEAD_BYTES:
            self._refuse(conn, _TOO_LARGE)
        else:
            self._wait_for_more(conn, len(sent or b""))

    def _submit(self, conn: TConn, head: bytes) -> None:
        if self.sending.pop(conn, None):
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        conn.data_ready = True
        pool = self.tpool
        if self.calls >= self.cfg.threads and _is_probe(head):
            pool = self.probes
        self.calls += 1
        pool.submit(self.handle, conn).add_done_callback(
            lambda future: self.method_queue.defer(self.finish_request, conn, future)
        )

    def _wait_for_more(self, conn: TConn, size: int) -> None:
        """Come back once there is more to be read than these bytes, or the client has hung up."""
        self.sending.setdefault(conn, time.monotonic() + HEAD_SECONDS)
        conn.has_begun = size > 0
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size + 1)
        self.poller.register(conn.sock, EVENT_READ, partial(self._on_more, conn, size))

    def _on_more(self, conn: TConn, size: int, _: socket.socket) -> None:
        self.poller.unregister(conn.sock)
        if len(_peek(conn.sock, size + 1) or b"") > size:
            self.enqueue_req(conn)
        else:
            self._drop(conn)

    def handle_request(self, req: Any, conn: TConn) -> bool:
        conn.sock.settimeout(ANSWER_SECONDS)
        if getattr(req.body.reader, "length", None) == 0:
            req._expected_100_continue = False
            return self._answer(req, conn)
        req.body = body = RequestBody(req, conn.sock, self.slow_bodies)
        try:
            return self._answer(req, conn)
        finally:
            body.done()

    def _answer(self, req: Any, conn: TConn) -> bool:
        try:
            return bool(super().handle_request(req, conn))
        except TimeoutError:
            return False  # the client did not take the answer

    def finish_request(self, conn: TConn, future: "Future[Any]") -> None:
        self.calls -= 1
        if future.cancelled() or future.exception() or future.result():
            super().finish_request(conn, future)
        else:
            self._linger(conn)

    def _refuse(self, conn: TConn, answer: bytes) -> None:
        self.sending.pop(conn, None)
        try:
            conn.sock.send(answer)
        except OSError:
            self._drop(conn)
        else:
            self._linger(conn)

    def _linger(self, conn: TConn) -> None:
        """Close once the client has: if it is still sending, it might not get to see its answer otherwise.

        gunicorn would wait for it here, where all connections are accepted.
        """
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
            self.poller.register(conn.sock, EVENT_READ, partial(self._on_leaving, conn))
        except (OSError, ValueError, KeyError):
            self._drop(conn)
        else:
            conn.unread = 0
            self.leaving[conn] = time.monotonic() + LINGER_SECONDS

    def _on_leaving(self, conn: TConn, _: socket.socket) -> None:
        try:
            size = len(conn.sock.recv(65_536))
        except BlockingIOError:
            return
        except OSError:
            size = 0
        conn.unread += size
        if not size or conn.unread > MAX_LINGER_BYTES:
            self.poller.unregister(conn.sock)
            self._drop(conn)

    def murder_pending(self) -> None:
        super().murder_pending()
        now = time.monotonic()
        if now < self.next_look:
            return
        self.next_look = now + 0.5
        for conn in [conn for conn, until in self.sending.items() if until < now]:
            self.poller.unregister(conn.sock)
            if conn.has_begun:
                self._refuse(conn, _TOO_SLOW)
            else:
                self._drop(conn)
        for conn in [conn for conn, until in self.leaving.items() if until < now]:
            self.poller.unregister(conn.sock)
            self._drop(conn)

    def _drop(self, conn: TConn) -> None:
        self.sending.pop(conn, None)
        self.leaving.pop(conn, None)
        self.nr_conns -= 1
        conn.close()


def _peek(connection: socket.socket, size: int) -> bytes | None:
    """What the connection has sent, left where it is; None if that is nothing yet, b"" if it has been closed."""
    try:
        return connection.recv(size, socket.MSG_PEEK)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _has_end(head: bytes) -> bool:
    return _END in head.lstrip(b"\r\n")


def _read_ahead(conn: TConn) -> bytes:
    """What came together with the request before, and is no longer in the socket."""
    return b"" if conn.parser is None else conn.parser.unreader.buf.getvalue()


def _is_probe(head: bytes) -> bool:
    return head.startswith((b"GET /healthz ", b"HEAD /healthz "))
