"""What tests of movements at the same moment look at."""

import threading
from collections.abc import Callable

from django.db import connections

from participants.ledger import verify


def faults() -> list[str]:
    return [str(fault) for fault in verify.faults()]


def with_own_connection(call: Callable[[], object]) -> None:
    def run() -> None:
        try:
            call()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "It waits for a lock."
