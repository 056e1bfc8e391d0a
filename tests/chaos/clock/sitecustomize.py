"""What Python runs first in the processes of a chaos: it moves their clock by what the file CLOCK says, also while they run.

All of Python's clock is moved (time-machine), and the one that the makers of ids read; the monotonic one goes on, as it
does where a machine's clock is set. PostgreSQL, whose time counts, is another process. (libfaketime would move all of libc's,
but breaks Python's `sleep` where the monotonic clock is to be left alone.)
"""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from uuid import UUID

import time_machine
import uuid_utils.compat

_file = Path(os.environ["CLOCK"])
_clock = time_machine.travel(datetime.now(UTC), tick=True).start()
_make_uuid7 = uuid_utils.compat.uuid7
_offset = 0


def _uuid7(*, nanoseconds: int | None = None) -> UUID:
    return _make_uuid7(nanoseconds=nanoseconds or time.time_ns())


def _follow() -> None:
    global _offset
    while True:
        offset = int(_file.read_text() or _offset)
        _clock.shift(offset - _offset)
        _offset = offset
        time.sleep(0.2)


def _start() -> None:
    Thread(target=_follow, daemon=True).start()


uuid_utils.compat.uuid7 = _uuid7
os.register_at_fork(after_in_child=_start)
_start()
