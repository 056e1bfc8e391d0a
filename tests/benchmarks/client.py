"""A client that costs little beside the server it measures: sockets that stay open, and one thread for all of them."""

import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.benchmarks.measure import Round

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


class Connection:
    """One HTTP/1.1 connection, for one request at a time."""

    def __init__(self, address: Address) -> None:
        self.socket = socket.create_connection(address, timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.sent_at = 0.0

    def ask(self, request: bytes) -> Answer:
        self.send(request)
        while (answer := self.receive()) is None:
            pass
        return answer

    def send(self, request: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> Answer | None:
        """Read what is there; None while the answer is not whole."""
        part = self.socket.recv(1_048_576)
        if not part:
            raise ConnectionError("The server closed the connection.")
        self.received += part
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end or len(body) < _content_length(head):
            return None
        self.received = b""
        return Answer(int(head[9:12]), body)


def request(path: str, body: bytes, *, key: str) -> bytes:
    """A POST as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(path: str, *, key: str) -> bytes:
    """A GET as it goes over the wire."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {key}\r\n\r\n".encode()


def connect(address: Address, *, count: int, workers: int) -> list[Connection]:
    """Open connections, as many to each of the server's processes: left to chance, one may get all of them."""
    which = b"GET /benchmarks/worker HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    connections: list[Connection] = []
    held: Counter[bytes] = Counter()
    # Open until the end, or their process would have room for the next.
    spare: list[Connection] = []
    while len(connections) < count:
        connection = Connection(address)
        answer = connection.ask(which)
        if answer.status != 200:
            raise ConnectionError(f"The server answers {answer.status} to its simplest call.")
        worker = answer.body
        chosen = connections if held[worker] * workers < count else spare
        chosen.append(connection)
        held[worker] += chosen is connections
    for connection in spare:
        connection.socket.close()
    return connections


def drive(
    connections: Sequence[Connection],
    requests: Sequence[Iterator[bytes]],
    seconds: float,
    *,
    people: int = 1,
    expected: bytes = b"",
) -> Round:
    """Ask on all connections at once, each its own requests and the next when the last is answered.

    A call that does not answer 200, 201 or 202, or whose answer lacks `expected`, counts as an error; `people` is how many
    participants a call is about.
    """
    selector = selectors.DefaultSelector()
    latencies: list[float] = []
    errors = 0
    cpu_before = time.process_time()
    begin = time.perf_counter()
    for connection, source in zip(connections, requests, strict=True):
        selector.register(connection.socket, selectors.EVENT_READ, (connection, source))
        connection.send(next(source))
    while selector.get_map():
        for ready, _ in selector.select():
            connection, source = ready.data
            if (answer := connection.receive()) is None:
                continue
            now = time.perf_counter()
            latencies.append(now - connection.sent_at)
            errors += answer.status not in (200, 201, 202) or expected not in answer.body
            if now - begin < seconds:
                connection.send(next(source))
            else:
                selector.unregister(connection.socket)
    lasted = time.perf_counter() - begin
    selector.close()
    client_cpu = (time.process_time() - cpu_before) / lasted
    return Round(lasted, latencies, errors, people, client_cpu)


def _content_length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0] or 0)
