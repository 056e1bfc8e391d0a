from uuid import UUID

from programs.exceptions import ProgramNotFound, TierTrackNotFound
from programs.models import Program, TierTrack
from programs.models.tiers import TierTrackQuerySet


def current(program_id: UUID) -> TierTrackQuerySet:
    """Return the program's tracks that are not deleted, with their levels in one more query. Raises ProgramNotFound."""
    if not Program.objects.filter(pk=program_id).exists():
        raise ProgramNotFound
    return TierTrack.objects.current().filter(program=program_id).with_levels()


def found(program_id: UUID, key: str) -> TierTrack:
    """Return one track of the program. Raises ProgramNotFound, TierTrackNotFound."""
    track = current(program_id).filter(key=key).first()
    if track is None:
        raise TierTrackNotFound
    return track


def whole(track_id: UUID) -> TierTrack:
    """Return the track as stored, deleted or not, with its levels."""
    return TierTrack.objects.with_levels().get(pk=track_id)
