"""Signing in to the pages of the API, and the forms on them."""

import html
import re
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Permission, User
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response


TOKEN = "t" * 32


def signed_in(*permissions: str, is_staff: bool = True) -> Client:
    """The browser of somebody with these permissions ("view_participant"), who is signed in."""
    user = User.objects.create_user("rosa", password="a long secret", is_staff=is_staff)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client(
        headers={"Accept": "text/html", "X-CSRFToken": TOKEN},
        enforce_csrf_checks=True,
        raise_request_exception=False,
    )
    client.cookies["csrftoken"] = TOKEN
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def submit(client: Client, method: str, path: str, form: dict[str, Any]) -> "Response":
    """What the page's form sends: all of its inputs, also those that are empty."""
    body = encode_multipart(BOUNDARY, form)
    return client.generic(method, path, body, content_type=MULTIPART_CONTENT)


def text_of(response: "Response") -> str:
    assert response["Content-Type"] == "text/html; charset=utf-8"
    return html.unescape(response.content.decode())


def form_of(method: str, text: str) -> str:
    """The HTML form for this method; an empty text where the page has none."""
    found = re.search(
        rf'<form [^>]*method="{method}" enctype="multipart.*?</form>', text, re.DOTALL
    )
    return found.group() if found else ""
