"""How long this thread has computed by itself: neither waiting counts, nor a busy machine, nor the garbage collector.

A collection walks through all that the process holds, compiled rules too, and falls on whichever event has its turn.
"""

import gc
import threading
import time
from typing import Any


class _Collections(threading.local):
    began: float = 0.0
    lasted: float = 0.0


_collections = _Collections()


def own_time() -> float:
    """Seconds, of which only differences within one thread mean something."""
    return time.thread_time() - _collections.lasted


def _note(phase: str, about: dict[str, Any]) -> None:
    if about["generation"] < 2:
        return  # a few thousand objects at most
    if phase == "start":
        _collections.began = time.thread_time()
    else:
        _collections.lasted += time.thread_time() - _collections.began


gc.callbacks.append(_note)
