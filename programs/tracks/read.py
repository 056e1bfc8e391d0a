from uuid import UUID

from django.db.models import Prefetch

from programs.exceptions import ProgramNotFound, TierTrackNotFound
from programs.models import Program, TierLevel, TierTrack
from programs.models.tiers import TierTrackQuerySet

_LEVELS = Prefetch("levels", TierLevel.objects.order_by("rank"))


def current(program_id: UUID) -> TierTrackQuerySet:
    """Return the program's tracks that are not deleted, with their levels in one more query. Raises ProgramNotFound."""
    if not Program.objects.filter(pk=program_id).exists():
        raise ProgramNotFound
    return TierTrack.objects.current().filter(program=program_id).prefetch_related(_LEVELS)


def found(program_id: UUID, key: str) -> TierTrack:
    """Return one track of the program. Raises ProgramNotFound, TierTrackNotFound."""
    track = current(program_id).filter(key=key).first()
    if track is None:
        raise TierTrackNotFound
    return track


def whole(track_id: UUID) -> TierTrack:
    """Return the track as stored, deleted or not, with its levels."""
    return TierTrack.objects.prefetch_related(_LEVELS).get(pk=track_id)
