"""Tiers: the level that a participant holds on a track, set by hand, read, and put back once it has expired."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet
from django.db.models.functions import Now

from participants.causes import Cause
from participants.exceptions import NotEnrolled, ParticipantInactive
from participants.models import Enrollment, EnrollmentStatus, TierStanding
from participants.state import persons
from participants.state.person import Person, has_expired
from participants.state.rights import ALL_RIGHTS, Rights
from programs.exceptions import ProgramInactive, ProgramNotFound, TierTrackNotFound
from programs.kernel.actors import Actor
from programs.kernel.cleaning import Errors, instant_of, members_of, refuse_unknown, text_of
from programs.kernel.database import retried
from programs.kernel.exceptions import FieldError, ValidationFailed
from programs.models import Program, ProgramStatus, TierLevel, TierTrack

EXPIRED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Tier:
    """Where a participant stands on a track; `level` is None at the base."""

    track: TierTrack
    level: TierLevel | None = None
    acquired_at: datetime | None = None
    expires_at: datetime | None = None

    @property
    def level_key(self) -> str:
        return self.level.key if self.level else ""

    @property
    def rank(self) -> int:
        return self.level.rank if self.level else 0

    @property
    def benefits(self) -> Any:
        return self.level.benefits if self.level else []


@dataclass(frozen=True, slots=True)
class TierChange:
    level: str
    expires_at: datetime | None = None


def clean_tier(body: object) -> TierChange:
    """Read a body `{"level", "expires_at"?}`. Raises ValidationFailed."""
    errors = Errors()
    members = members_of(body, errors)
    level = text_of(members.pop("level", None), errors, "level", longest=64)
    expires_at = None
    if members.get("expires_at") is not None:
        expires_at = instant_of(members["expires_at"], errors, "expires_at")
    members.pop("expires_at", None)
    refuse_unknown(members, errors)
    errors.raise_if_any()
    return TierChange(level, expires_at)


@retried
def set_tier(
    of: str | UUID,
    key: str,
    program_id: UUID,
    change: TierChange,
    *,
    by: Actor,
    rights: Rights = ALL_RIGHTS,
) -> Tier:
    """Put a participant on a level of the program's track with this key.

    Who is on that level already keeps when they acquired it. Raises ParticipantNotFound, ProgramNotFound,
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
        if _level(track, change.level) is None:
            message = "The track has no such level."
            raise ValidationFailed([FieldError("level", "unknown", message)])
        rights.check(exists=bool(_level_of(person, track)), what="tiers")
        _put(person, track, change, moment, by)
        standing = person.standings[track.pk]
        level = _level(track, standing.level)
        return Tier(track, level, standing.acquired_at, standing.expires_at)


@retried
def clear_tier(of: str | UUID, key: str, program_id: UUID, *, by: Actor) -> None:
    """Put a participant back to the base of a track. Raises what set_tier raises."""
    with transaction.atomic():
        person, moment = persons.opened(of)
        track = _writable(person, key, program_id)
        _put(person, track, TierChange(""), moment, by)


def _put(person: Person, track: TierTrack, change: TierChange, moment: datetime, by: Actor) -> None:
    person.set_level(
        track.pk,
        track.key,
        change.level,
        old_level=_level_of(person, track),
        at=moment,
        cause=Cause(by, program_id=track.program_id),
        expires_at=change.expires_at,
    )
    persons.write([person], moment)


def expire_due(*, by: Actor) -> Iterator[int]:
    """Remove standings that have expired, in batches; yields how many participants' each batch has handled.

    They have not counted since the moment they expired; this writes it down. It is safe to run twice at once, and to kill.
    """
    while True:
        expired = _expire(by)
        if not expired:
            return
        yield expired


@retried
def _expire(by: Actor) -> int:
    due = TierStanding.objects.filter(expires_at__lte=Now()).order_by("expires_at", "pk")
    with transaction.atomic():
        found = list(due.values_list("participant", flat=True)[:EXPIRED_AT_ONCE])
        if not found:
            return 0
        # Loaded once they are locked: whoever had the lock before may have set another level.
        holders, moment = persons.opened_each(found)
        tracks = TierTrack.objects.in_bulk(
            [track_id for person in holders for track_id in person.lapsed]
        )
        for person in holders:
            for track_id in list(person.lapsed):
                track = tracks[track_id]
                cause = Cause(by, program_id=track.program_id)
                person.end_lapsed(track_id, track.key, cause)
        persons.write(holders, moment)
        return len(found)


def tiers_of(participant_id: UUID, program_id: UUID | None = None) -> list[Tier]:
    """Where a participant stands on each track of the programs they are or were enrolled in, the first one first.

    Of one program where it is given. Two statements, however many tracks there are.
    """
    tracks = _tracks(Q(program__enrollments__participant=participant_id), participant_id)
    if program_id:
        tracks = tracks.filter(program=program_id)
    return [_of(track) for track in tracks.order_by("program__enrollments__id", "id")]


def tier_of(participant_id: UUID, key: str, program_id: UUID) -> Tier:
    """Where a participant stands on the program's track with this key. Raises TierTrackNotFound."""
    track = _tracks(Q(key=key, program=program_id), participant_id).first()
    if track is None:
        raise TierTrackNotFound
    return _of(track)


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
    mine = TierStanding.objects.filter(participant=participant_id).annotate(moment=Now())
    tracks = TierTrack.objects.current().filter(condition)
    return tracks.prefetch_related("levels", Prefetch("standings", mine, to_attr="mine"))


def _of(track: TierTrack) -> Tier:
    standing = next(iter(track.mine), None)  # type: ignore[attr-defined]
    if standing is None or has_expired(standing.expires_at, standing.moment):
        return Tier(track)
    level = _level(track, standing.level)
    return Tier(track, level, standing.acquired_at, standing.expires_at) if level else Tier(track)


def _level(track: TierTrack, key: str) -> TierLevel | None:
    return next((level for level in track.levels.all() if level.key == key), None)


def _level_of(person: Person, track: TierTrack) -> str:
    """Where they stand; "" for the base, and where the track no longer has the level that is stored."""
    held = person.standings.get(track.pk)
    return held.level if held and _level(track, held.level) else ""


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
