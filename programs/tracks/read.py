from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import msgspec

from programs.exceptions import ChangeSince, ProgramNotFound, TierTrackNotFound
from programs.kernel import exact_json, instants
from programs.models import Program, TierTrack, TierTrackVersion
from programs.models.tiers import TierTrackQuerySet
from programs.versions import MOST_VERSIONS


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


def changes_since(track: TierTrack, version: int) -> Iterator[ChangeSince]:
    """Yield what the newest versions after this one changed of the track, the newest first."""
    kept = TierTrackVersion.objects.filter(track=track, version__gte=version)
    for later, earlier in pairwise(kept.order_by("-version")[: MOST_VERSIONS + 1]):
        for name in ("display_name", "levels"):
            old, new = earlier.snapshot[name], later.snapshot[name]
            if spelling(old) != spelling(new):
                yield {
                    "version": later.version,
                    "field": name,
                    "old": old,
                    "new": new,
                    "changed_by": later.changed_by,
                    "changed_at": instants.written(later.changed_at),
                }


def spelling(snapshot: Any) -> bytes:
    """Write a snapshot with sorted keys, to compare two: jsonb keeps no order, and to Python 1 equals True and 1.5 equals 1.50."""
    return exact_json.dumps(msgspec.to_builtins(snapshot, builtin_types=(Decimal,), order="sorted"))
