"""gunicorn's threaded worker, with a thread for /healthz that calls cannot take."""

import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker


class ProbedWorker(ThreadWorker):  # type: ignore[misc]
    """While a call has every thread, a request is looked at before it queues for one, and a probe goes another way.

    Otherwise it costs a comparison. What has not sent anything yet waits where idle connections wait.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calls = 0
        self.probes = ThreadPoolExecutor(1)

    def enqueue_req(self, conn: TConn) -> None:
        if self.calls < self.cfg.threads or _has_read_ahead(conn):
            self._submit(conn, self.tpool)
            return
        head = _head(conn.sock)
        if head is None:
            self._wait_for_more(conn)
        else:
            self._submit(conn, self.probes if _is_probe(head) else self.tpool)

    def _submit(self, conn: TConn, pool: ThreadPoolExecutor) -> None:
        self.calls += 1
        pool.submit(self.handle, conn).add_done_callback(
            lambda future: self.method_queue.defer(self.finish_request, conn, future)
        )

    def finish_request(self, conn: TConn, future: "Future[Any]") -> None:
        self.calls -= 1
        super().finish_request(conn, future)

    def _wait_for_more(self, conn: TConn) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))


def _has_read_ahead(conn: TConn) -> bool:
    """Whether the request came together with the one before it, and is no longer in the socket."""
    return conn.parser is not None and bool(conn.parser.unreader.buf.getvalue())


def _head(connection: socket.socket) -> bytes | None:
    """What the connection has sent, left where it is; None if that is nothing yet."""
    try:
        return connection.recv(4096, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _is_probe(head: bytes) -> bool:
    # Whole, or somebody who sends slowly would take the thread.
    return head.startswith((b"GET /healthz ", b"HEAD /healthz ")) and head.endswith(b"\r\n\r\n")
