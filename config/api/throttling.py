"""Rate limit of each API key: a fixed window, counted by each process separately."""

import functools
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module by way of the settings

_SECONDS = {"second": 1, "minute": 60, "hour": 3600}


@dataclass(frozen=True, slots=True)
class Window:
    """The calls that a key has left until `resets_at` (unix seconds); below zero after one too many."""

    limit: int
    remaining: int
    resets_at: int


_windows: dict[UUID, Window] = {}
_lock = threading.Lock()


def count_call(request: HttpRequest, key_id: UUID) -> None:
    """Count a call against the key's limit, before any other check: refused calls count too."""
    rate = _parsed(settings.RATE_LIMIT)
    if rate is None:
        return
    limit, seconds = rate
    now = time.time()
    with _lock:
        window = _windows.get(key_id)
        if window is None or window.limit != limit or now >= window.resets_at:
            window = Window(limit, limit, (int(now) // seconds + 1) * seconds)
        window = Window(limit, max(window.remaining - 1, -1), window.resets_at)
        _windows[key_id] = window
    request.rate_limit_window = window  # type: ignore[attr-defined]


def rate_limit_headers(request: HttpRequest) -> dict[str, str]:
    """Return the X-RateLimit headers of an answer; none if no key was counted."""
    window: Window | None = getattr(request, "rate_limit_window", None)
    if window is None:
        return {}
    return {
        "X-RateLimit-Limit": str(window.limit),
        "X-RateLimit-Remaining": str(max(window.remaining, 0)),
        "X-RateLimit-Reset": str(window.resets_at),
    }


class ApiKeyThrottle(BaseThrottle):
    """Throttle of a key's calls beyond RATE_LIMIT; staff sessions are not counted."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        self.window: Window | None = getattr(request._request, "rate_limit_window", None)
        return self.window is None or self.window.remaining >= 0

    def wait(self) -> float | None:
        return max(self.window.resets_at - time.time(), 1) if self.window else None


@functools.cache
def _parsed(text: str) -> tuple[int, int] | None:
    """Parse RATE_LIMIT ("6000/minute") into calls and seconds; None if it is empty, which means no limit."""
    if not text:
        return None
    calls, _, unit = text.partition("/")
    if not calls.isdecimal() or int(calls) == 0 or unit not in _SECONDS:
        raise ImproperlyConfigured(
            f"RATE_LIMIT is {text!r}; write it like 6000/minute (or second, hour), or leave it empty."
        )
    return int(calls), _SECONDS[unit]
