"""A hint that wakes idle workers when events arrive. Nothing depends on it, since they look by themselves too."""

import time

from django.db import connection

CHANNEL = "laurel_events"
INTERVAL = 0.05  # seconds; commits with a NOTIFY wait for each other, so not every commit has one

_last = 0.0


def hint_if_due() -> None:
    """Give the hint, unless this process has given one just now. Inside a transaction it takes effect at the commit."""
    global _last  # two threads at once may give two hints, which does no harm
    now = time.monotonic()
    if now - _last >= INTERVAL:
        _last = now
        hint()


def hint() -> None:
    """Give the hint now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
