from dataclasses import fields
from functools import partial
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from programs.exceptions import ProgramNotFound, TierTrackNotFound
from programs.kernel.actors import Actor
from programs.kernel.database import retried, violated
from programs.kernel.exceptions import FieldError, ValidationFailed
from programs.models import Program, Rule, TierLevel, TierTrack, TierTrackVersion
from programs.rulebook.attention import check_again
from programs.rulebook.in_use import broken_rules, names_changing
from programs.rulebook.program_names import ProgramNames
from programs.tracks.bodies import Level, NewTrack, TrackChange
from programs.tracks.read import changes_since, spelling, whole
from programs.versions import refuse_stale


@retried
def create(program_id: UUID, new: NewTrack, *, by: Actor) -> TierTrack:
    """Create the track with its first version. Raises ProgramNotFound, and ValidationFailed for a key that is taken."""
    if not Program.objects.filter(pk=program_id).exists():
        raise ProgramNotFound
    track = TierTrack(program_id=program_id, key=new.key, display_name=new.display_name)
    try:
        with transaction.atomic():
            track.save(force_insert=True)
            _add_levels(track, new.levels)
            _keep_version(track, by)
            _revise_program(track)
            check_again([program_id])
    except IntegrityError as error:
        # Only the constraint can tell that another call creates the track at the same moment.
        if violated(error) != "tier_track_key_is_unique":
            raise
        taken = FieldError("key", "unique", "Another track of this program has this key.")
        raise ValidationFailed([taken]) from error
    return whole(track.pk)


@retried
def change(track_id: UUID, wanted: TrackChange, *, by: Actor) -> TierTrack:
    """Change the track and keep a version of it, unless nothing differs.

    Raises TierTrackNotFound, ChangedMeanwhile if the version that it changes is no longer the current one, and InUse for a
    level that goes although a rule names it.
    """
    with transaction.atomic(), names_changing([_program_of(track_id)], "levels"):
        track = _locked(track_id)
        refuse_stale("track", wanted.version, track.version, partial(changes_since, track))
        before = track.snapshot()
        if wanted.display_name is not None:
            track.display_name = wanted.display_name
        if wanted.levels is not None:
            _replace_levels(track, wanted.levels)
        if spelling(track.snapshot()) != spelling(before):
            track.version += 1
            track.save(update_fields=["display_name", "version", "updated_at"])
            _keep_version(track, by)
            _revise_program(track)
        return whole(track.pk)


@retried
def delete(track_id: UUID, *, by: Actor) -> None:
    """Mark the track as deleted and free its key; its row and versions stay.

    Raises TierTrackNotFound, and InUse where a rule names it.
    """
    with transaction.atomic(), names_changing([_program_of(track_id)], "track"):
        track = _locked(track_id)
        track.version += 1
        track.deleted_at = Now()
        track.save(update_fields=["deleted_at", "version", "updated_at"])
        _keep_version(track, by, deleted=True)
        _revise_program(track)


def rules_naming(track: TierTrack) -> list[Rule]:
    """Return the current rules because of which the track cannot be deleted."""
    names = ProgramNames(track.program_id)
    return broken_rules(names, names.without_tracks([track.key]))


def _program_of(track_id: UUID) -> UUID:
    tracks = TierTrack.objects.filter(pk=track_id)
    program_id = tracks.values_list("program", flat=True).first()
    if program_id is None:
        raise TierTrackNotFound
    return program_id


def _locked(track_id: UUID) -> TierTrack:
    # Two changes must not start from the same version.
    current = TierTrack.objects.current().select_for_update(no_key=True)
    track = current.filter(pk=track_id).first()
    if track is None:
        raise TierTrackNotFound
    return track


def _add_levels(track: TierTrack, levels: list[Level]) -> None:
    TierLevel.objects.bulk_create(TierLevel(track=track, **_fields(level)) for level in levels)


def _replace_levels(track: TierTrack, levels: list[Level]) -> None:
    """Replace the levels of the track. A level whose key exists keeps its row."""
    known = {level.key: level for level in track.levels.all()}
    wanted = {level.key: level for level in levels}
    track.levels.exclude(key__in=wanted).delete()
    kept = []
    for key in known.keys() & wanted.keys():
        for name, value in _fields(wanted[key]).items():
            setattr(known[key], name, value)
        kept.append(known[key])
    TierLevel.objects.bulk_update(kept, ["rank", "display_name", "qualification", "benefits"])
    _add_levels(track, [level for level in levels if level.key not in known])


def _fields(level: Level) -> dict[str, Any]:
    # Not asdict, which would copy the benefits.
    return {field.name: getattr(level, field.name) for field in fields(level)}


def _keep_version(track: TierTrack, by: Actor, **more: Any) -> None:
    TierTrackVersion.objects.create(
        track=track,
        version=track.version,
        snapshot={**track.snapshot(), **more},
        changed_by=str(by),
    )


def _revise_program(track: TierTrack) -> None:
    Program.objects.filter(pk=track.program_id).revised()
