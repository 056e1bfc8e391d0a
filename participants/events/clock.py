"""How long this thread has computed by itself: without waiting, the rest of a busy machine, and garbage collection.

A collection walks through all that the process holds, compiled rules too, and would be charged to whichever event runs.
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
    """Seconds, of which only differences within one thread have a meaning."""
    return time.thread_time() - _collections.lasted


def _on_collection(phase: str, info: dict[str, Any]) -> None:
    if info["generation"] < 2:
        return  # a few thousand objects at most
    if phase == "start":
        _collections.began = time.thread_time()
    else:
        _collections.lasted += time.thread_time() - _collections.began


gc.callbacks.append(_on_collection)
