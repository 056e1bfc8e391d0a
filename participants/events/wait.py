"""`Prefer: wait`: processing inside the request that sent an event, for clients who want to see the outcome."""

import logging
import time
from threading import BoundedSemaphore
from uuid import UUID

from django.conf import settings

from participants.events import process
from participants.models import Event
from programs.kernel.database import is_transient

logger = logging.getLogger(__name__)

LONGEST = 10  # seconds
_PAUSE = 0.02

# At most half of a server's threads wait at once; the others go on answering.
_slots = BoundedSemaphore(settings.WAITING_CALLS)


def wait_for(event_id: UUID, participant_id: UUID, seconds: float) -> bool:
    """Process the participant's events up to this one, or let a worker do it; return whether it was processed in time.

    False at once where too many requests wait already.
    """
    if not _slots.acquire(blocking=False):
        return False
    try:
        return _wait(event_id, participant_id, until=time.monotonic() + seconds)
    finally:
        _slots.release()


def _wait(event_id: UUID, participant_id: UUID, *, until: float) -> bool:
    pending = Event.objects.pending().filter(participant=participant_id, pk=event_id)
    while pending.exists():
        left = until - time.monotonic()
        if left <= 0:
            return False
        try:
            processed = process.process_now(participant_id)
        except Exception as error:
            if is_transient(error):
                raise
            # The worker will meet the same failure and put the event off: that is not for a request to decide.
            logger.exception("Events of participant %s are left to the worker.", participant_id)
            return False
        if not processed:  # somebody else has the lock, or an event waits for its retry
            time.sleep(min(_PAUSE, left))
    return True
