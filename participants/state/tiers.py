"""Tiers: the level that a participant holds on a track, set by hand or by rules, and for a while or for good."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from participants.exceptions import NotEnrolled, ParticipantInactive
from participants.models import (
    Enrollment,
    EnrollmentStatus,
    Operation,
    Participant,
    ParticipantStatus,
    StateChange,
    StateType,
    TierStanding,
)
from participants.state.people import locked, recorded
from programs.kernel.actors import Actor
from programs.kernel.cleaning import Errors, instant_of, members_of, refuse_unknown, text_of
from programs.kernel.database import retried
from programs.kernel.exceptions import (
    FieldError,
    ProgramInactive,
    ProgramNotFound,
    TierTrackNotFound,
    ValidationFailed,
)
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
        if expires_at and expires_at <= timezone.now():
            errors.add("expires_at", "past", "Give a time to come.")
    members.pop("expires_at", None)
    refuse_unknown(members, errors)
    errors.raise_if_any()
    return TierChange(level, expires_at)


@retried
def set_tier(of: str | UUID, key: str, program_id: UUID, change: TierChange, *, by: Actor) -> Tier:
    """Put a participant on a level of the program's track with this key.

    Who is on that level already keeps when they acquired it. Raises ParticipantNotFound, ProgramNotFound,
    TierTrackNotFound, ParticipantInactive, ProgramInactive, NotEnrolled, and ValidationFailed for a level that the track
    does not have.
    """
    with transaction.atomic():
        participant_id, track = _writable(of, key, program_id)
        level = track.levels.filter(key=change.level).first()
        if level is None:
            message = "The track has no such level."
            raise ValidationFailed([FieldError("level", "unknown", message)])
        now = timezone.now()
        standing = TierStanding.objects.filter(participant=participant_id, track=track).first()
        old = _standing_at(standing, track, now)
        if standing is None:
            standing = TierStanding(participant_id=participant_id, track=track)
        if old.level != level:
            standing.acquired_at = now
        standing.level, standing.expires_at = level.key, change.expires_at
        standing.save()
        if (old.level, old.expires_at) != (level, change.expires_at):
            _record(participant_id, track, old.level, level, by, now)
        return Tier(track, level, standing.acquired_at, standing.expires_at)


@retried
def clear_tier(of: str | UUID, key: str, program_id: UUID, *, by: Actor) -> None:
    """Put a participant back to the base of a track. Raises what set_tier raises."""
    with transaction.atomic():
        participant_id, track = _writable(of, key, program_id)
        standing = TierStanding.objects.filter(participant=participant_id, track=track).first()
        if standing is None:
            return
        now = timezone.now()
        old = _standing_at(standing, track, now)
        standing.delete()
        if old.level:
            _record(participant_id, track, old.level, None, by, now)


def expire_due(*, by: Actor) -> Iterator[int]:
    """Put back to the base whose level has expired, in batches; yields how many each has put back.

    They read as the base since the moment it expired; this writes it down. Safe to run twice at once, and to kill.
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
        people = Participant.objects.filter(pk__in=found).order_by("pk")
        locked = list(people.select_for_update(no_key=True).values_list("pk", flat=True))
        # Looked for again: whoever had them locked may have set another level.
        standings = list(due.filter(participant__in=locked).select_related("track"))
        now = timezone.now()
        StateChange.objects.bulk_create(
            StateChange(
                participant_id=standing.participant_id,
                state_type=StateType.TIER,
                key=standing.track.key,
                operation=Operation.REMOVE,
                old_value=standing.level,
                changed_by=str(by),
                changed_at=now,
                program_id=standing.track.program_id,
            )
            for standing in standings
        )
        TierStanding.objects.filter(pk__in=[standing.pk for standing in standings]).delete()
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
    mine = Prefetch(
        "standings", TierStanding.objects.filter(participant=participant_id), to_attr="mine"
    )
    return TierTrack.objects.current().filter(condition).prefetch_related("levels", mine)


def _of(track: TierTrack) -> Tier:
    standing = next(iter(track.mine), None)  # type: ignore[attr-defined]
    return _standing_at(standing, track, timezone.now())


def _standing_at(standing: TierStanding | None, track: TierTrack, moment: datetime) -> Tier:
    if standing is None or (standing.expires_at and standing.expires_at <= moment):
        return Tier(track)
    level = next((each for each in track.levels.all() if each.key == standing.level), None)
    if level is None:
        return Tier(track)
    return Tier(track, level, standing.acquired_at, standing.expires_at)


def _writable(of: str | UUID, key: str, program_id: UUID) -> tuple[UUID, TierTrack]:
    participant_id = locked(of)
    program = Program.objects.filter(pk=program_id).first()
    if program is None:
        raise ProgramNotFound
    track = TierTrack.objects.current().filter(program=program, key=key).first()
    if track is None:
        raise TierTrackNotFound
    if not Participant.objects.filter(pk=participant_id, status=ParticipantStatus.ACTIVE).exists():
        raise ParticipantInactive
    if program.status != ProgramStatus.ACTIVE:
        raise ProgramInactive
    enrolled = Enrollment.objects.filter(
        participant=participant_id, program=program, status=EnrollmentStatus.ACTIVE
    )
    if not enrolled.exists():
        raise NotEnrolled
    return participant_id, track


def _record(
    participant_id: UUID,
    track: TierTrack,
    old: TierLevel | None,
    new: TierLevel | None,
    by: Actor,
    at: datetime,
) -> None:
    operation = (
        Operation.ADD if old is None else Operation.REMOVE if new is None else Operation.CHANGE
    )
    values = (old and old.key, new and new.key)
    recorded(
        participant_id,
        StateType.TIER,
        track.key,
        operation,
        values,
        by=by,
        at=at,
        program_id=track.program_id,
    )
