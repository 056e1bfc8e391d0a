"""Middleware that holds keys and writes to HTTPS, where the server has it."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse

from config.api import errors
from config.api.authentication import key_ring, presented_key
from programs import api_keys

logger = logging.getLogger(__name__)

SAFE = frozenset(["GET", "HEAD", "OPTIONS", "TRACE"])
MESSAGE = (
    "Use https. A key that was sent over plain http could be read on the way: have it rotated."
)
NO_HEADER = (
    "The proxy before this server does not say whether the call came over https: it must set the header "
    "X-Forwarded-Proto (see BEHIND_PROXY)."
)


class HttpsMiddleware:
    """Refuses plain HTTP with a key or an unsafe method.

    Django's redirect would be too late for the key, and many clients follow it with a GET: the caller would see 200 and the
    event would be lost. Other plain HTTP is left to that redirect.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not settings.HTTPS or request.is_secure():
            return self.get_response(request)
        key = presented_key(request)
        if key is None and request.method in SAFE:
            return self.get_response(request)
        proto = request.META.get("HTTP_X_FORWARDED_PROTO")
        if settings.BEHIND_PROXY and proto is None:
            return errors.https_required(request, NO_HEADER)
        # Behind a proxy that sends anything other than "http", nobody knows how the key came.
        if key is not None and (not settings.BEHIND_PROXY or proto == "http"):
            _note_exposure(key)
        return errors.https_required(request, MESSAGE)


def _note_exposure(key: str) -> None:
    try:
        row = key_ring.find(key)
        if row is not None:
            api_keys.note_exposure(row)
    except (DatabaseError, InterfaceError) as error:
        logger.error("A key came over plain HTTP, and could not be marked.", exc_info=error)
