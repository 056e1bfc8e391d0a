"""No call reads a body before it knows who sends it."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from config.wsgi import application
from tests.config.api.test_rights import calls

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("connection_stays_open")]
KEYS = {"none": {}, "wrong": {"HTTP_X_API_KEY": "lrl_wrong"}}
LENGTHS = {"whole": {"CONTENT_LENGTH": "1000"}, "chunks": {"HTTP_TRANSFER_ENCODING": "chunked"}}
TYPES = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"]


class Untouched:
    """A body that must not be read."""

    def _read(self, *_: Any) -> bytes:
        raise AssertionError("The body was read.")

    read = readline = readlines = __next__ = _read

    def __iter__(self) -> Iterator[bytes]:
        return self


def writes() -> list[tuple[str, str]]:
    found = [(method.upper(), path) for _, method, path in calls() if method not in ("get", "head")]
    # An id that nobody has, and one that is no id.
    return [*found, ("POST", f"/v1/rules/{UUID(int=1)}"), ("POST", "/v1")]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("key", KEYS)
def test_no_write_reads_the_body_of_a_stranger(key: str, length: str) -> None:
    assert len(writes()) > 30
    for method, path in writes():
        for content_type in TYPES:
            for accept in ("*/*", "text/html"):
                status, body = answer(
                    {
                        "REQUEST_METHOD": method,
                        "PATH_INFO": path,
                        "CONTENT_TYPE": content_type,
                        "HTTP_ACCEPT": accept,
                        **LENGTHS[length],
                        **KEYS[key],
                    }
                )
                assert status == "401 Unauthorized", (method, path, content_type, status)
                if accept == "*/*":
                    assert json.loads(body)["code"] == "unauthorized"


def answer(request: dict[str, str]) -> tuple[str, bytes]:
    statuses: list[str] = []
    environ = {
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "REMOTE_ADDR": "127.0.0.1",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": None,
        "wsgi.input": Untouched(),
        "wsgi.input_terminated": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **request,
    }
    parts: Any = application(environ, lambda status, _headers, *_: statuses.append(status))
    try:
        return statuses[0], b"".join(parts)
    finally:
        parts.close()
