"""The memory that bodies take in this process: what is more than BODY_MEMORY at once is refused before it is made.

A body becomes many times as large once it is read: `[],` is three bytes, and a list takes 64. What a body will take is
estimated from above; small bodies are not counted, since no more of them are read at once than there are threads.
"""

import threading
from typing import Final

from django.conf import settings
from django.core.signals import request_finished
from rest_framework.exceptions import APIException

from config.api.errors import PayloadTooLarge

NOT_COUNTED: Final = 64_000  # bytes of a body
# Measured as resident memory, with batches of empty lists and objects, decimals, short strings and long ones.
RAW: Final = (
    5  # for each byte: its pieces, the whole, the text, and what is written for the database
)
BYTES_OF_VALUE: Final = 130  # for each value, at most

_held: dict[int, int] = {}  # by thread: it has one call at a time
_lock = threading.Lock()


class NoRoom(APIException):
    """Other bodies take the memory."""

    status_code = 503
    default_detail = (
        "Other calls with large bodies take the memory for bodies. Try again in a moment."
    )
    wait = 1


def hold_raw(size: int) -> None:
    """Hold what a body of this many bytes takes while it is read. Raises NoRoom."""
    if size > NOT_COUNTED:
        _hold(RAW * size)


def hold_parsed(body: bytes) -> None:
    """Hold what this body takes once it is parsed, to the end of the call. Raises NoRoom, and PayloadTooLarge for too many values."""
    if len(body) > NOT_COUNTED:
        values = body.count(b",") + body.count(b"[") + body.count(b"{")
        _hold(RAW * len(body) + BYTES_OF_VALUE * values)


def _hold(size: int) -> None:
    if size > settings.BODY_MEMORY:
        raise PayloadTooLarge("The body has too many values. Send it in parts.")
    thread = threading.get_ident()
    with _lock:
        if sum(_held.values()) - _held.get(thread, 0) + size > settings.BODY_MEMORY:
            raise NoRoom
        _held[thread] = size  # it has one body, and this is all that the body takes


def held() -> int:
    """Bytes that are held by all calls together."""
    with _lock:
        return sum(_held.values())


def release(**_: object) -> None:
    _held.pop(threading.get_ident(), None)


request_finished.connect(release)
