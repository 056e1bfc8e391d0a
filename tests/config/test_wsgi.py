from io import BytesIO

import pytest
from django.test import RequestFactory

from config.wsgi import application

pytestmark = pytest.mark.usefixtures("connection_stays_open")


def call(body: bytes, key: str) -> str:
    """POST the body in chunks, as a server hands it over: no length, and an input that ends by itself."""
    environ = RequestFactory().post("/v1/participants", content_type="application/json").environ
    del environ["CONTENT_LENGTH"]
    environ |= {
        "HTTP_TRANSFER_ENCODING": "chunked",
        "HTTP_X_API_KEY": key,
        "wsgi.input": BytesIO(body),
        "wsgi.input_terminated": True,
    }
    statuses: list[str] = []
    b"".join(application(environ, lambda status, headers: statuses.append(status)))
    return statuses[0]


def test_a_body_in_chunks_is_read(key: str) -> None:
    assert call(b'{"external_id": "ana"}', key) == "201 Created"


def test_a_body_in_chunks_has_the_same_limit(key: str) -> None:
    for size in (2_000_000, 11_000_000):
        assert call(b"x" * size, key).startswith("413 ")
