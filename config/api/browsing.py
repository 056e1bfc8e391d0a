"""Django's middleware for browsers, skipped for client applications.

Sessions, users, messages and the content security policy take a fifth of an upsert's Python time, and do nothing for a
call with a key that gets JSON. A cookie beside a key is ignored, so that a refused key stays refused.
"""

from typing import Any

from csp import middleware as csp
from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest

from config.api.authentication import presented_key


class _ForBrowsers:
    def __call__(self, request: HttpRequest) -> Any:
        if _is_application(request):
            return self.get_response(request)  # type: ignore[attr-defined]
        return super().__call__(request)  # type: ignore[misc]


def _is_application(request: HttpRequest) -> bool:
    return (
        request.path_info.startswith("/v1")
        and presented_key(request) is not None
        # A caller who asks for a page gets one, key or not, with everything that protects pages.
        and "text/html" not in request.META.get("HTTP_ACCEPT", "")
        and "format=" not in request.META.get("QUERY_STRING", "")
    )


class SessionMiddleware(_ForBrowsers, sessions.SessionMiddleware):
    pass


class AuthenticationMiddleware(_ForBrowsers, auth.AuthenticationMiddleware):
    pass


class MessageMiddleware(_ForBrowsers, messages.MessageMiddleware):
    pass


class CSPMiddleware(_ForBrowsers, csp.CSPMiddleware):
    pass
