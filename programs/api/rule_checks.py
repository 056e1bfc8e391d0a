"""How much of a process's time one key's checks of rules may take, so that they leave time for other calls.

A check compiles, which is Python's own work: no other thread of the process runs meanwhile. A rule of fifty long actions
takes seconds.
"""

import functools
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from programs.models import ApiKey

SHARE: Final = 0.5  # of the time of a process
BURST: Final = 5.0  # seconds of checking that may come at once
LONG_BODY: Final = 8_000  # bytes; of longer ones a key has one checked at a time
MAX_CALLERS: Final = 1_000


class TooManyChecks(APIException):
    status_code = 429
    default_detail = (
        "Your checks of rules take too much time at once. Send them one after another, and rarer."
    )

    def __init__(self, wait: float) -> None:
        super().__init__()
        self.wait = max(1, math.ceil(wait))


@dataclass(slots=True)
class _Account:
    spent: float = 0.0  # seconds of processor time, less what has been allowed since
    at: float = 0.0
    is_checking: bool = False  # a long body


class Checks:
    """An account for each caller. Of too many callers, the one that came longest ago is forgotten."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[Hashable, _Account] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, caller: Hashable, *, is_long: bool) -> Iterator[None]:
        """Check within the block, and charge the caller for its time. Raises TooManyChecks."""
        account = self._begun(caller, is_long)
        began = time.thread_time()
        try:
            yield
        finally:
            with self._lock:
                account.spent += time.thread_time() - began
                if is_long:
                    account.is_checking = False

    def _begun(self, caller: Hashable, is_long: bool) -> _Account:
        with self._lock:
            account = self._accounts.setdefault(caller, _Account())
            self._accounts.move_to_end(caller)
            if len(self._accounts) > MAX_CALLERS:
                self._accounts.popitem(last=False)
            now = time.monotonic()
            account.spent = max(0.0, account.spent - (now - account.at) * SHARE)
            account.at = now
            if account.spent > BURST:
                raise TooManyChecks((account.spent - BURST) / SHARE)
            if is_long and account.is_checking:
                raise TooManyChecks(1)
            account.is_checking |= is_long
            return account


_checks = Checks()


def checks_rules(call: Callable[..., Response]) -> Callable[..., Response]:
    """Decorate a call of a view that checks rules: its time is bounded for each key."""

    @functools.wraps(call)
    def bounded(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        caller = request.auth.pk if isinstance(request.auth, ApiKey) else ("user", request.user.pk)
        request.data  # noqa: B018 (read first: waiting for it is no checking)
        is_long = int(request.META.get("CONTENT_LENGTH") or 0) > LONG_BODY
        with _checks.turn(caller, is_long=is_long):
            return call(view, request, *args, **kwargs)

    return bounded
