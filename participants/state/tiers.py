"""Tiers: the level that a participant holds on a track, set by hand, read, and put back once an override has ended."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, FilteredRelation, Q, QuerySet
from django.db.models.functions import Now

from participants.causes import Cause
from participants.exceptions import NotEnrolled, ParticipantInactive
from participants.models import Enrollment, EnrollmentStatus, TierStanding
from participants.state import persons
from participants.state.person import Person
from participants.state.progress import Progress, progress_to
from participants.state.rights import ALL_RIGHTS, Rights
from participants.state.standing import Standing, has_expired, settled, stands_on
from programs.exceptions import ProgramInactive, ProgramNotFound, TierTrackNotFound
from programs.kernel.actors import Actor, ActorKind
from programs.kernel.cleaning import (
    Errors,
    flag_of,
    instant_of,
    members_of,
    refuse_unknown,
    text_of,
)
from programs.kernel.database import Statement, retried, run
from programs.kernel.exceptions import FieldError, ValidationFailed
from programs.models import Program, ProgramStatus, TierLevel, TierTrack

ENDED_AT_ONCE = 500

# The levels that people hold, found by jumping through an index from each to the next, and of those the ones that are gone:
# their track was deleted, or has them no more.
_GONE = Statement(
    """
WITH RECURSIVE held AS (
    (SELECT track_id, level FROM participants_tierstanding ORDER BY track_id, level LIMIT 1)
    UNION ALL
    SELECT following.* FROM held CROSS JOIN LATERAL (
        SELECT track_id, level FROM participants_tierstanding AS standing
        WHERE (standing.track_id, standing.level) > (held.track_id, held.level) ORDER BY track_id, level LIMIT 1
    ) AS following
)
SELECT held.track_id, held.level
FROM held JOIN programs_tiertrack AS track ON track.id = held.track_id
WHERE track.deleted_at IS NOT NULL OR held.level <> '' AND NOT EXISTS (
    SELECT FROM programs_tierlevel AS level WHERE level.track_id = held.track_id AND level.key = held.level
)
LIMIT 1
""",
    keeps_plan=False,
)


@dataclass(frozen=True, slots=True)
class Tier:
    """Where a participant stands on a track; `level` is None at the base.

    `standing` is what counts at the moment of reading, None where there is nothing; `progress` is for who may see counters.
    """

    track: TierTrack
    level: TierLevel | None = None
    standing: Standing | None = None
    progress: Progress | None = None

    @property
    def level_key(self) -> str:
        return self.level.key if self.level else ""

    @property
    def rank(self) -> int:
        return self.level.rank if self.level else 0

    @property
    def benefits(self) -> Any:
        return self.level.benefits if self.level else []

    @property
    def acquired_at(self) -> datetime | None:
        return self.standing.acquired_at if self.standing and self.level else None

    @property
    def expires_at(self) -> datetime | None:
        """When the override ends."""
        return self.standing.expires_at if self.standing else None

    @property
    def stored_level(self) -> str:
        """The key of the level that the override sets; without one, of the earned level."""
        return self.standing.level if self.standing else ""

    @property
    def is_pinned(self) -> bool:
        return self.standing is not None and self.standing.pinned

    @property
    def earned_level(self) -> str:
        return self.standing.earned if self.standing else ""


@dataclass(frozen=True, slots=True)
class TierChange:
    """What a call sets: a level that is earned or, with `expires_at` or `pinned`, one that overrides it."""

    level: str
    expires_at: datetime | None = None
    pinned: bool = False


def clean_tier(body: object) -> TierChange:
    """Read a body `{"level", "expires_at"?, "pinned"?}`. Raises ValidationFailed."""
    errors = Errors()
    members = members_of(body, errors)
    level = members.pop("level", None)
    level = text_of(level, errors, "level", longest=64, may_be_blank=level is not None)
    expires_at = None
    if members.get("expires_at") is not None:
        expires_at = instant_of(members["expires_at"], errors, "expires_at")
    members.pop("expires_at", None)
    pinned = flag_of(members.pop("pinned", False), errors, "pinned")
    refuse_unknown(members, errors)
    errors.raise_if_any()
    return TierChange(level, expires_at, pinned)


@retried
def set_tier(
    of: str | UUID,
    key: str,
    program_id: UUID,
    change: TierChange,
    *,
    by: Actor,
    rights: Rights = ALL_RIGHTS,
    reason: str = "",
) -> Tier:
    """Put a participant on a level of the program's track with this key, in place of any loan or pin.

    Who stands on that level already keeps when they acquired it. Raises ParticipantNotFound, ProgramNotFound,
    TierTrackNotFound, ParticipantInactive, ProgramInactive, NotEnrolled, NotAllowed where `rights` lack it, and
    ValidationFailed for a level that the track does not have or an `expires_at` that has passed.
    """
    with transaction.atomic():
        person, moment = persons.opened(of)
        # By the moment under the lock: what was still to come when the call arrived may have passed while it waited.
        if has_expired(change.expires_at, moment):
            message = "Give a time in the future."
            raise ValidationFailed([FieldError("expires_at", "past", message)])
        track = _writable(person, key, program_id)
        if change.level and track.level(change.level) is None:
            message = "The track has no such level."
            raise ValidationFailed([FieldError("level", "unknown", message)])
        held = person.standings.get(track.pk)
        rights.check(exists=held is not None and _is_current(held, track, moment), what="tiers")
        person.set_level(
            track,
            change.level,
            at=moment,
            cause=Cause(by, program_id=program_id, reason=reason),
            expires_at=change.expires_at,
            pinned=change.pinned,
        )
        persons.write([person], moment)
        standing = person.standings.get(track.pk)
        return _tier(track, standing, moment, person.counters_at(moment))


@retried
def clear_tier(of: str | UUID, key: str, program_id: UUID, *, by: Actor) -> None:
    """Put a participant back to the base of a track, with nothing earned, lent or pinned. Raises what set_tier raises."""
    with transaction.atomic():
        person, moment = persons.opened(of)
        track = _writable(person, key, program_id)
        person.clear_level(track, at=moment, cause=Cause(by, program_id=program_id))
        persons.write([person], moment)


def expire_due(*, by: Actor) -> Iterator[int]:
    """End loans and pins whose time has come, and levels that are gone, in batches; yields how many participants' each
    batch has handled.

    They have not counted since; this writes it down. It is safe to run twice at once, and to kill.
    """
    expired = TierStanding.objects.filter(expires_at__lte=Now()).order_by("expires_at", "pk")
    while ended := _end(expired, by):
        yield ended
    while gone := run(_GONE, [], at=()):
        [(track_id, level)] = gone
        yield _end(TierStanding.objects.filter(track=track_id, level=level), by)


@retried
def _end(due: "QuerySet[TierStanding]", by: Actor) -> int:
    with transaction.atomic():
        found = list(due.values_list("participant", flat=True)[:ENDED_AT_ONCE])
        if not found:
            return 0
        # Loaded once they are locked: whoever had the lock before may have set another level.
        holders, moment = persons.opened_each(found)
        track_ids = {track_id for person in holders for track_id in person.standings}
        tracks = TierTrack.objects.prefetch_related("levels").in_bulk(track_ids)
        for person in holders:
            for track_id in list(person.standings):
                _end_on(tracks[track_id], person, moment, by)
        persons.write(holders, moment)
        return len(found)


def _end_on(track: TierTrack, person: Person, moment: datetime, by: Actor) -> None:
    level = person.standings[track.pk].level
    if track.deleted_at or (level and track.level(level) is None):
        by = Actor(ActorKind.TIER_TRACK, f"{track.key} v{track.version}")
    cause = Cause(by, program_id=track.program_id)
    if track.deleted_at:
        person.clear_level(track, at=moment, cause=cause)
    else:
        person.settle(track, at=moment, cause=cause)


def tiers_of(
    participant_id: UUID,
    program_id: UUID | None = None,
    counters: Mapping[str, Decimal] | None = None,
) -> list[Tier]:
    """Where a participant stands on each track of the programs they are or were enrolled in, the first one first.

    Of one program where it is given; with progress where their counters are. Two statements, however many tracks there are.
    """
    tracks = _tracks(Q(program__enrollments__participant=participant_id), participant_id)
    if program_id:
        tracks = tracks.filter(program=program_id)
    return [_read(track, counters) for track in tracks.order_by("program__enrollments__id", "id")]


def tier_of(
    participant_id: UUID,
    key: str,
    program_id: UUID,
    counters: Mapping[str, Decimal] | None = None,
) -> Tier:
    """Where a participant stands on the program's track with this key. Raises TierTrackNotFound."""
    track = _tracks(Q(key=key, program=program_id), participant_id).first()
    if track is None:
        raise TierTrackNotFound
    return _read(track, counters)


def program_of(participant_id: UUID, key: str) -> UUID:
    """The program of the track with this key; of several that the one enrolled in first. Raises TierTrackNotFound."""
    tracks = TierTrack.objects.current().filter(
        key=key, program__enrollments__participant=participant_id
    )
    first = tracks.order_by("program__enrollments__id").values_list("program_id", flat=True).first()
    if first is None:
        raise TierTrackNotFound
    return first


def _tracks(condition: Q, participant_id: UUID) -> "QuerySet[TierTrack]":
    mine = FilteredRelation("standings", condition=Q(standings__participant=participant_id))
    tracks = TierTrack.objects.current().filter(condition).alias(mine=mine)
    held = {f"held_{name}": F(f"mine__{name}") for name in Standing._fields}
    tracks = tracks.select_related("program").annotate(moment=Now(), **held)
    return tracks.prefetch_related("levels")


def _read(track: TierTrack, counters: Mapping[str, Decimal] | None) -> Tier:
    row: Any = track  # annotated by `_tracks`
    values = [getattr(row, f"held_{name}") for name in Standing._fields]
    standing = None if row.held_level is None else Standing(*values)
    return _tier(track, standing, row.moment, counters)


def _tier(
    track: TierTrack,
    standing: Standing | None,
    moment: datetime,
    counters: Mapping[str, Decimal] | None,
) -> Tier:
    if standing is not None:
        standing = settled(standing, track, moment)
    level = stands_on(standing, track, moment)
    progress = None if counters is None else progress_to(track, level, counters)
    return Tier(track, level, standing, progress)


def _is_current(standing: Standing, track: TierTrack, moment: datetime) -> bool:
    now = settled(standing, track, moment)
    return bool(now.level) or now.is_override


def _writable(person: Person, key: str, program_id: UUID) -> TierTrack:
    program = Program.objects.filter(pk=program_id).first()
    if program is None:
        raise ProgramNotFound
    tracks = TierTrack.objects.current().filter(program=program, key=key)
    track = tracks.prefetch_related("levels").first()
    if track is None:
        raise TierTrackNotFound
    if not person.is_active:
        raise ParticipantInactive
    if program.status != ProgramStatus.ACTIVE:
        raise ProgramInactive
    enrolled = Enrollment.objects.filter(
        participant=person.id, program=program, status=EnrollmentStatus.ACTIVE
    )
    if not enrolled.exists():
        raise NotEnrolled
    return track
