"""Bodies that no form of ours sends."""

import re
from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from participants.models import Participant
from tests.config.api.browsable_pages import signed_in, submit, text_of

if TYPE_CHECKING:
    pass


ANA = "/v1/participants/external:ana"


def _multipart(name: str, value: object) -> tuple[bytes, str]:
    return encode_multipart(BOUNDARY, {"external_id": "bob", name: value}), MULTIPART_CONTENT


LARGE = "x" * 2_000_000


GARBLED = (
    b'--edge\r\nContent-Disposition: form-data; name="photo"; filename="photo.png"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\nx\r\n--edge--"
)


URLENCODED = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (f"display_name={LARGE}", URLENCODED, 413),
        (*_multipart("display_name", LARGE), 413),
        (*_multipart("photo", SimpleUploadedFile("photo.png", LARGE.encode())), 413),
        ("&".join(f"n{i}=1" for i in range(2_000)), URLENCODED, 400),
        ("display_name", "text/plain", 415),
        (GARBLED, "multipart/form-data; boundary=edge", 400),
        (b"--something", "multipart/form-data", 400),
        ("display_name=a%00b", URLENCODED, 400),
        (*_multipart("display_name", "a\0b"), 400),
        (*_multipart("tags", '["a\\u0000b"]'), 400),
        (*_multipart("tags", SimpleUploadedFile("tags.json", b"[]")), 400),
        (*_multipart("photo", SimpleUploadedFile("photo.png", b"png")), 400),
        (*_multipart("nonsense", "1"), 400),
    ],
    ids=[
        "large",
        "large part",
        "large file",
        "many",
        "text",
        "garbled",
        "no boundary",
        "NUL",
        "NUL in a part",
        "NUL in JSON",
        "file for a field",
        "file",
        "unknown field",
    ],
)
def test_a_body_that_no_form_sends_is_refused(
    boss: Client,
    participant: Participant,
    method: str,
    body: str | bytes,
    content_type: str,
    status: int,
) -> None:
    path = "/v1/participants" if method == "POST" else ANA

    response = boss.generic(method, path, body, content_type=content_type)

    assert response.status_code == status
    participant.refresh_from_db()
    assert participant.display_name == ""
    assert Participant.objects.count() == 1


def test_a_session_needs_the_token_of_its_forms_and_a_key_does_not(key: str) -> None:
    client = signed_in("view_participant", "add_participant")
    token = re.search(r'"csrfToken": "(\w+)"', text_of(client.get("/v1/participants")))
    assert token
    del client.defaults["HTTP_X_CSRFTOKEN"]
    bob = {"external_id": "bob"}

    without = submit(client, "POST", "/v1/participants", bob)
    in_the_form = submit(
        client, "POST", "/v1/participants", bob | {"csrfmiddlewaretoken": token[1]}
    )
    in_the_header = client.post(
        "/v1/participants",
        {"external_id": "eva"},
        content_type="application/json",
        headers={"X-CSRFToken": token[1]},
    )
    by_key = client.post(
        "/v1/participants",
        {"external_id": "joe"},
        content_type="application/json",
        headers={"X-API-Key": key},
    )

    statuses = [answer.status_code for answer in (without, in_the_form, in_the_header, by_key)]
    assert statuses == [403, 201, 201, 201]
