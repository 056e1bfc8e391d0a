"""`Prefer: wait`: processing inside the request that sent an event, for clients who want to see the outcome."""

import logging
import time
from threading import BoundedSemaphore
from uuid import UUID

from django.conf import settings

from participants.events import process, queue
from programs.kernel.database import is_transient

logger = logging.getLogger(__name__)

LONGEST = 10  # seconds
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.2

# At most half of a server's threads wait at once; the others go on answering.
_slots = BoundedSemaphore(settings.WAITING_CALLS)


class _LeftToTheWorker(Exception):
    """An event failed unexpectedly."""


def wait_for(event_id: UUID, participant_id: UUID, seconds: float) -> bool:
    """Process the participant's events up to this one, or let a worker do it; return whether it was processed in time.

    False at once where too many requests wait already.
    """
    if not _slots.acquire(blocking=False):
        return False
    try:
        return _wait(event_id, participant_id, until=time.monotonic() + seconds)
    except _LeftToTheWorker:
        return False
    finally:
        _slots.release()


def _wait(event_id: UUID, participant_id: UUID, *, until: float) -> bool:
    pause = _FIRST_PAUSE
    while (due_in := queue.due_in(event_id, participant_id)) is not None:
        left = until - time.monotonic()
        if left <= 0:
            return False
        if due_in == 0 and _process(participant_id):
            continue
        # Somebody else has the lock, or the participant's first event waits for its retry; until then there is nothing to do.
        time.sleep(min(max(pause, due_in), left))
        pause = min(2 * pause, _LONGEST_PAUSE)
    return True


def _process(participant_id: UUID) -> int:
    try:
        return process.process_now(participant_id)
    except Exception as error:
        if is_transient(error):
            raise
        # The worker will meet the same failure and put the event off: that is not for a request to decide.
        logger.exception("Events of participant %s are left to the worker.", participant_id)
        raise _LeftToTheWorker from error
