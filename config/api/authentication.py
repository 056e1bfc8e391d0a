"""Who is calling: a client application by its API key. (Staff come by DRF's own session authentication.)"""

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from config.api.throttling import count_call
from programs.api_keys import KeyRing
from programs.models import ApiKey

key_ring = KeyRing()


class ApiKeyAuthentication(BaseAuthentication):
    """`X-API-Key: <key>` or `Authorization: Bearer <key>`; the key becomes `request.auth`.

    Without either header it stands aside, so that a staff session may speak. A key that is malformed, unknown,
    expired or revoked is refused, with one answer for all four: which of them it was is nobody's business.
    """

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        key = presented_key(request._request)
        if key is None:
            return None
        row = key_ring.find(key)
        if row is None:
            raise AuthenticationFailed("This API key is not valid.")
        count_call(request._request, row.id)
        return AnonymousUser(), row

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="laurel", X-API-Key realm="laurel"'


def presented_key(request: HttpRequest) -> str | None:
    """The key that a call brings, good or bad; None for a call that brings none."""
    if key := request.META.get("HTTP_X_API_KEY"):
        return str(key)
    scheme, _, key = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return (key.strip() or None) if scheme.lower() == "bearer" else None


def client_address(request: HttpRequest) -> str:
    """Where a sign-in comes from: behind a proxy what the proxy itself added to X-Forwarded-For, the last entry.

    Were it the proxy's own address, ten wrong guesses by anybody would lock everybody out.
    """
    forwarded: str = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if settings.BEHIND_PROXY and forwarded:
        return forwarded.rpartition(",")[2].strip()
    return str(request.META.get("REMOTE_ADDR", ""))
