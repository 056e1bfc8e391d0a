"""Processing within the call that sent an event, for a client who wants to see what came of it."""

import logging
import time
from threading import BoundedSemaphore
from uuid import UUID

from django.conf import settings

from participants.events import process
from participants.models import Event, EventStatus

logger = logging.getLogger(__name__)

LONGEST = 10  # seconds
_PAUSE = 0.02

# Half of a server's threads may wait at once; the others go on answering.
_slots = BoundedSemaphore(settings.WAITING_CALLS)


def wait_for(event_id: UUID, participant_id: UUID, seconds: float) -> bool:
    """Work off the participant's events up to this one, or let somebody else do it; whether it was processed in time.

    False at once where too many calls wait already.
    """
    if not _slots.acquire(blocking=False):
        return False
    try:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if _is_processed(event_id):
                return True
            if not _work_off(participant_id):
                # Somebody else is at it, or an event waits to be tried again.
                time.sleep(min(_PAUSE, left))
        return _is_processed(event_id)
    except _Left:
        return False
    finally:
        _slots.release()


def _is_processed(event_id: UUID) -> bool:
    return Event.objects.filter(pk=event_id).exclude(status=EventStatus.PENDING).exists()


def _work_off(participant_id: UUID) -> int:
    try:
        return process.process_now(participant_id)
    except Exception as error:
        if process.is_outage(error):
            raise
        # The worker will meet it too, and put it off: nobody's wait is to decide that it has failed.
        logger.exception("Events of the participant %s are left to the worker.", participant_id)
        raise _Left from error


class _Left(Exception):
    pass
