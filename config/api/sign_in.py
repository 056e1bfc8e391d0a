"""Middleware of sign-ins: a password takes a tenth of a second and much memory to check, which must not stop the API.

django-axes counts wrong passwords of one name from one address; here they are counted whatever the name.
"""

import ipaddress
import threading
import time
from collections.abc import Callable

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import cached_property

from config.api import errors
from config.api.authentication import client_address

MOST_FAILURES = 30  # of one address within PERIOD: an office behind one address makes mistakes, too
PERIOD = 15 * 60.0  # seconds
MOST_ADDRESSES = 10_000
MOST_AT_ONCE = 2  # one that is checked, and one that waits for it
LONGEST_NAME: int = User._meta.get_field("username").max_length or 0


class SignInMiddleware:
    """Checks one sign-in at a time in a process, and none of an address that has failed too often.

    What it knows is this process's own: of several, each counts for itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.failures = Failures()
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._turn = threading.Lock()

    @cached_property
    def paths(self) -> frozenset[str]:
        return frozenset([reverse("admin:login"), reverse("rest_framework:login")])

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or request.path not in self.paths:
            return self.get_response(request)
        network = network_of(client_address(request))
        if wait := self.failures.seconds_to_wait(network):
            return _refusal(request, 429, _later(wait), wait)
        # Read before its turn comes: it may be sent slowly.
        if len(request.POST.get("username", "")) > LONGEST_NAME:
            self.failures.note(network)
            return errors.sign_in_refused(request, 400, "No username is that long.")
        if not self._places.acquire(blocking=False):
            return _refusal(request, 503, "Too many sign-ins at once. Try again in a moment.", 1)
        try:
            with self._turn:
                response = self.get_response(request)
        finally:
            self._places.release()
        if response.status_code != 302:
            self.failures.note(network)
        return response


class Failures:
    """How often each network has failed, since when. Of too many networks the one that began first is forgotten."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def seconds_to_wait(self, network: str) -> int:
        """Seconds until this network may try again; 0 for at once."""
        with self._lock:
            began, count = self._counts.get(network, (0.0, 0))
        left = began + PERIOD - time.monotonic()
        return int(left) + 1 if count >= MOST_FAILURES and left > 0 else 0

    def note(self, network: str) -> None:
        now = time.monotonic()
        with self._lock:
            began, count = self._counts.pop(network, (now, 0))
            self._counts[network] = (began, count + 1) if now - began < PERIOD else (now, 1)
            while len(self._counts) > MOST_ADDRESSES:
                del self._counts[next(iter(self._counts))]


def network_of(address: str) -> str:
    """The address, or for IPv6 the 64 bits that one subscriber has at the least."""
    try:
        if ipaddress.ip_address(address).version == 6:
            return str(ipaddress.ip_network(f"{address}/64", strict=False))
    except ValueError:
        pass  # no address at all, as over a Unix socket
    return address


def _later(seconds: int) -> str:
    minutes = -(-seconds // 60)
    when = "in a minute" if minutes == 1 else f"in {minutes} minutes"
    return f"Too many failed sign-ins from your address. Try again {when}."


def _refusal(request: HttpRequest, status: int, message: str, seconds: int) -> HttpResponse:
    response = errors.sign_in_refused(request, status, message)
    response.headers["Retry-After"] = str(seconds)
    return response
