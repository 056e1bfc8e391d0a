"""Authentication of client applications by their API key. (Staff use REST framework's session authentication.)"""

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
    """Authentication by `X-API-Key: <key>` or `Authorization: Bearer <key>`; the key becomes `request.auth`.

    Without either header it passes, so that a staff session can authenticate the request. A key that is malformed,
    unknown, expired or revoked gets the same refusal, which does not tell the caller which of the four it is.
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
    """Return the key that a call presents, valid or not, or None."""
    if key := request.META.get("HTTP_X_API_KEY"):
        return str(key)
    scheme, _, key = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return (key.strip() or None) if scheme.lower() == "bearer" else None


def client_address(request: HttpRequest) -> str:
    """Return the address of a sign-in: behind a proxy the last entry of X-Forwarded-For, which the proxy itself has added.

    With the proxy's own address, ten wrong guesses by anybody would lock everybody out.
    """
    forwarded: str = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if settings.BEHIND_PROXY and forwarded:
        return forwarded.rpartition(",")[2].strip()
    return str(request.META.get("REMOTE_ADDR", ""))
