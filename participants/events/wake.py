"""A hint to workers that wait: something has come in. Nothing rests on it, since they look by themselves too."""

import time

from django.db import connection

CHANNEL = "laurel_events"
INTERVAL = 0.05  # seconds; a NOTIFY in every commit would make commits wait for each other

_last = 0.0


def is_due() -> bool:
    """Whether this process should give the hint now; whoever asks then gives it."""
    global _last  # two threads at once give two hints, which harms nobody
    now = time.monotonic()
    if now - _last < INTERVAL:
        return False
    _last = now
    return True


def hint() -> None:
    """Give the hint now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
