"""Middleware of every request: its id, rate-limit headers, and encoded slashes in its path."""

import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

import structlog
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

from config.api import errors
from config.api.throttling import rate_limit_headers
from programs.kernel.database import uuid7

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_ORIGIN = re.compile("^https?://[^/]*")
_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)


class ApiMiddleware:
    """Middleware that gives each request an id, the caller's own if it is well-formed, in its answer and its log lines."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = request.META.get("HTTP_X_REQUEST_ID", "")
        if not _SANE_REQUEST_ID.fullmatch(request_id):
            request_id = str(uuid7())
        request.request_id = request_id  # type: ignore[attr-defined]
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self._response(request)
        response.headers["X-Request-ID"] = request_id
        if request.path.startswith("/v1"):
            # A shared cache knows that Authorization makes an answer private; X-API-Key tells it nothing.
            response.headers.setdefault("Cache-Control", "no-store")
        for name, value in rate_limit_headers(request).items():
            response.headers[name] = value
        return response

    def _response(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info:
            return errors.bad_request(request, BadRequest("NUL in the path"))
        _keep_encoded_slashes(request)
        return self.get_response(request)


def _keep_encoded_slashes(request: HttpRequest) -> None:
    """Let `external:a%2Fstatus` name the participant `a/status`, and not the status of `a`.

    WSGI decodes a path before anybody can split it. Where the server also hands over the path as it was sent, a slash
    that came encoded becomes NUL until the URL converters turn it back; no id can hold a NUL of its own.
    """
    sent = str(request.META.get("RAW_URI") or request.META.get("REQUEST_URI") or "")
    path = _ORIGIN.sub("", sent.partition("?")[0]).removeprefix(request.META.get("SCRIPT_NAME", ""))
    if path.startswith("/v1/") and _ENCODED_SLASH.search(path):
        path = _ENCODED_SLASH.sub("%00", path)
        request.path_info = unquote_to_bytes(path).decode(errors="replace")
