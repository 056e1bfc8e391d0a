"""Clients that send slowly, much or nothing, against gunicorn alone and behind nginx."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django.plugin import DjangoDbBlocker

from config.quickstart import embedded
from programs.api_keys import issue
from programs.models import Scope
from tests.conftest import TESTER
from tests.processes import Laurel, kill_all_of, soon, url_of_the_tests

pytestmark = [pytest.mark.once, pytest.mark.django_db]

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
MANY = 64
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
NO_KEY = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def laurel(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Laurel]:
    """One process with four threads, whose bodies have two seconds."""
    with django_db_blocker.unblock():
        _, key = issue(name="tests", scopes=Scope.values, by=TESTER)
        variables = {"BODY_SECONDS": "2", "BEHIND_PROXY": "True"}
        laurel = Laurel(url_of_the_tests(), key, free_port(), processes=1, variables=variables)
        try:
            laurel.serve()
            assert soon(laurel.is_ready)
            yield laurel
        finally:
            laurel.end()
            call_command("flush", verbosity=0, interactive=False)


def certificate(folder: Path) -> None:
    """Make a certificate that vouches for itself, of a name that the test gives."""
    made: list[str | Path] = [
        "-out",
        folder / "certificate.pem",
        "-keyout",
        folder / "certificate.key",
    ]
    of = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = [
        "-subj",
        "/CN=loyalty.example.com",
        "-addext",
        "subjectAltName=DNS:loyalty.example.com",
    ]
    command: list[str | Path] = ["openssl", "req", "-x509", *of, *names, *made]
    subprocess.run(command, check=True, capture_output=True)


def secured(client: socket.socket, folder: Path) -> ssl.SSLSocket:
    trusting = ssl.create_default_context(cafile=folder / "certificate.pem")
    return trusting.wrap_socket(client, server_hostname="loyalty.example.com")


@contextmanager
def nginx(behind: int, folder: Path, *, https: bool = False) -> Iterator[int]:
    """The project's nginx before this port, with a tenth of its patience; yields its port for HTTP, or for HTTPS."""
    assert NGINX is not None
    port = free_port()
    certificate(folder)
    text = (embedded.PROJECT / "config/proxy/nginx.conf").read_text()
    paths = "".join(
        f"{name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    plain, secure = (free_port(), port) if https else (port, free_port())
    text = (
        text.replace("listen 80;", f"listen 127.0.0.1:{plain};")
        .replace("listen 443 ssl;", f"listen 127.0.0.1:{secure} ssl;")
        .replace("/etc/ssl/certs/loyalty.example.com.pem", f"{folder}/certificate.pem")
        .replace("/etc/ssl/private/loyalty.example.com.key", f"{folder}/certificate.key")
        .replace("127.0.0.1:8000", f"127.0.0.1:{behind}")
        .replace("_timeout 10s", "_timeout 1s")
        .replace("http {", f"http {{ {paths}", 1)
    )
    user = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(f"{user} daemon off; pid {folder}/pid;\n{text}")
    command: list[str | Path] = [
        NGINX,
        "-p",
        folder,
        "-c",
        folder / "nginx.conf",
        "-e",
        folder / "error.log",
    ]
    process = subprocess.Popen(command, start_new_session=True)

    def is_listening() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    try:
        assert soon(is_listening, 10), (folder / "error.log").read_text()
        yield port
    finally:
        kill_all_of(process)


@pytest.fixture
def proxy(laurel: Laurel, tmp_path: Path) -> Iterator[Laurel]:
    """The same Laurel as clients see it through nginx."""
    with nginx(laurel.port, tmp_path) as port:
        yield Laurel(laurel.url, laurel.key, port)


def connection(laurel: Laurel, sent: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", laurel.port), timeout=15)
    client.sendall(sent)
    return client


def answer(client: socket.socket) -> bytes:
    """All that comes until the server hangs up."""
    received = b""
    with suppress(ConnectionResetError):
        while data := client.recv(65_536):
            received += data
    return received


def one_answer(client: socket.socket) -> bytes:
    """The next answer, whole, of a connection that stays open."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += client.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += client.recv(65_536)
    return head + b"\r\n\r\n" + body


def with_key(laurel: Laurel, path: str = "/v1/events") -> bytes:
    key = f"X-API-Key: {laurel.key}\r\n".encode()
    return NO_KEY.replace(b"/v1/events", path.encode()) + key


def assert_others_are_answered(laurel: Laurel) -> None:
    """A call while somebody else is slow."""
    for _ in range(3):
        began = time.monotonic()
        assert laurel.call("GET", "/v1/programs")[0] == 200
        assert time.monotonic() - began < 6  # half a minute, if each held a thread for its time


def test_threads_are_not_held_by_slow_clients(laurel: Laurel) -> None:
    beginnings = {
        "nothing": b"",
        "a head": NO_KEY,
        "a head behind a request": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" + NO_KEY,
        "a head after blank lines": b"\r\n\r\n" + NO_KEY,
        "a body without a key": NO_KEY + b"Content-Length: 1000\r\n\r\n{",
        "chunks without a key": NO_KEY + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
        "a body": with_key(laurel) + b"Content-Length: 1000\r\n\r\n{",
    }
    for beginning in beginnings.values():
        with ExitStack() as stack:
            clients = [stack.enter_context(connection(laurel, beginning)) for _ in range(MANY)]
            time.sleep(0.2)
            for client in clients:
                with suppress(OSError):
                    client.sendall(b"X")
            assert_others_are_answered(laurel)


def test_no_body_is_read_without_a_key(laurel: Laurel) -> None:
    wrong_key = b"X-API-Key: lrl_wrong\r\n"
    for more in (b"Content-Length: 5000000\r\n", b"Transfer-Encoding: chunked\r\n"):
        for key in (b"", wrong_key):
            with connection(laurel, NO_KEY + key + more + b"\r\n") as client:
                received = answer(client)
            assert received.startswith(b"HTTP/1.1 401 ")
            assert b"\r\nConnection: close\r\n" in received

    with connection(
        laurel, NO_KEY + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    ) as client:
        assert answer(client).startswith(b"HTTP/1.1 401 ")


def test_a_stranger_who_drips_chunks_is_refused_at_once(laurel: Laurel) -> None:
    began = time.monotonic()
    with connection(laurel, NO_KEY + b"Transfer-Encoding: chunked\r\n\r\n") as client:
        client.settimeout(0.1)
        received = b""
        while not received and time.monotonic() - began < 10:
            with suppress(OSError):
                client.sendall(b"1\r\n \r\n")
            with suppress(TimeoutError):
                received = client.recv(65_536)

    assert received.startswith(b"HTTP/1.1 401 ")
    assert time.monotonic() - began < 1.5  # a body has two seconds


def test_a_body_is_asked_for_once_it_is_wanted(laurel: Laurel) -> None:
    body = b'{"external_id": "ana"}'
    head = with_key(laurel, "/v1/participants") + b"Expect: 100-continue\r\n"

    with connection(laurel, head + f"Content-Length: {len(body)}\r\n\r\n".encode()) as client:
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert one_answer(client).startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 201 "))
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_a_body_in_chunks_is_read(laurel: Laurel) -> None:
    head = with_key(laurel, "/v1/participants") + b"Transfer-Encoding: chunked\r\n\r\n"
    with connection(laurel, head + b'5\r\n{"ext\r\n11\r\nernal_id": "ana"}\r\n0\r\n\r\n') as client:
        assert one_answer(client).startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 201 "))
        client.sendall(head + b"1E8480\r\n" + b" " * 2_000_000 + b"\r\n0\r\n\r\n")
        assert answer(client).startswith(b"HTTP/1.1 413 ")


def test_a_slow_body_ends(laurel: Laurel) -> None:
    began = time.monotonic()
    with connection(laurel, with_key(laurel) + b"Content-Length: 100\r\n\r\n") as client:
        client.settimeout(0.2)
        received = b""
        while not received and time.monotonic() - began < 10:
            client.sendall(b" ")
            with suppress(TimeoutError):
                received = client.recv(65_536)

        client.settimeout(5)
        received += answer(client)

    assert received.startswith(b"HTTP/1.1 408 ")
    assert b"\r\nConnection: close\r\n" in received
    assert b'"code":"request_timeout"' in received
    assert 1.5 < time.monotonic() - began < 4


@needs_nginx
def test_nginx_keeps_slow_clients_and_floods_away(proxy: Laurel, laurel: Laurel) -> None:
    dripped = [b"", NO_KEY, with_key(proxy) + b"Content-Length: 1000\r\n\r\n{"]
    with ExitStack() as stack:
        for beginning in dripped:
            for _ in range(MANY // 2):
                stack.enter_context(connection(proxy, beginning))
        assert_others_are_answered(proxy)
        slow = stack.enter_context(connection(proxy, NO_KEY))
        assert b" 200 " not in answer(slow)

    whole = with_key(proxy) + b"Content-Length: 1000\r\n\r\n{"
    with ExitStack() as stack:
        flood = [stack.enter_context(connection(proxy, whole)) for _ in range(110)]
        refused = answer(flood[-1])
        assert refused.startswith(b"HTTP/1.1 429 ")
        assert b'"code":"too_many_requests"' in refused
        assert laurel.call("GET", "/v1/programs")[0] == 200


@needs_nginx
def test_nginx_hands_over_what_was_sent(proxy: Laurel) -> None:
    too_large = with_key(proxy) + b"Content-Length: 11000000\r\n\r\n"
    with connection(proxy, too_large) as client:
        received = one_answer(client)
    assert received.startswith(b"HTTP/1.1 413 ")
    assert json.loads(received.partition(b"\r\n\r\n")[2])["code"] == "payload_too_large"

    assert proxy.call("POST", "/v1/participants", {"external_id": "a/status"})[0] == 201
    status, _, participant = proxy.call("GET", "/v1/participants/external:a%2Fstatus")
    assert (status, participant["external_id"]) == (200, "a/status")

    head = with_key(proxy, "/v1/participants") + b"Transfer-Encoding: chunked\r\n\r\n"
    with connection(proxy, head + b'16\r\n{"external_id": "ana"}\r\n0\r\n\r\n') as client:
        assert one_answer(client).startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 201 "))


@needs_nginx
def test_nginx_ends_https(laurel: Laurel, tmp_path: Path) -> None:
    body = b'{"external_id": "tls"}'
    head = with_key(laurel, "/v1/participants") + f"Content-Length: {len(body)}\r\n\r\n".encode()
    with (
        nginx(laurel.port, tmp_path, https=True) as port,
        socket.create_connection(("127.0.0.1", port), timeout=15) as plain,
        secured(plain, tmp_path) as client,
    ):
        assert client.version() in ("TLSv1.2", "TLSv1.3")
        client.sendall(head + body)
        assert one_answer(client).startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 201 "))
        client.sendall(NO_KEY + b"Content-Length: 2\r\n\r\n{}")
        assert one_answer(client).startswith(b"HTTP/1.1 401 ")


@needs_nginx
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nginx_tells_how_a_call_came(tmp_path: Path, scheme: str) -> None:
    call = b"GET /v1/participants/external:a%2Fstatus?limit=1 HTTP/1.1\r\nHost: loyalty.example.com:8443\r\n"
    claims = b"X-Forwarded-Proto: ftp\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as behind:
        behind.settimeout(10)
        with (
            nginx(behind.getsockname()[1], tmp_path, https=scheme == "https") as port,
            socket.create_connection(("127.0.0.1", port)) as plain,
            secured(plain, tmp_path) if scheme == "https" else plain as client,
        ):
            client.sendall(call + claims)
            with behind.accept()[0] as received:
                lines = received.recv(65_536).split(b"\r\n")

    assert lines[0] == b"GET /v1/participants/external:a%2Fstatus?limit=1 HTTP/1.1"
    assert b"Host: loyalty.example.com:8443" in lines
    assert [line for line in lines if line.startswith(b"X-Forwarded-")] == [
        f"X-Forwarded-Proto: {scheme}".encode(),
        b"X-Forwarded-For: 192.0.2.1, 127.0.0.1",
    ]
