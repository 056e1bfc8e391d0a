"""Tier tracks: the only code that writes them, their levels and their versions."""

from programs.tracks.bodies import Level, NewTrack, TrackChange
from programs.tracks.read import changes_since, current, found
from programs.tracks.write import change, create, delete, rules_naming

__all__ = [
    "Level",
    "NewTrack",
    "TrackChange",
    "change",
    "changes_since",
    "create",
    "current",
    "delete",
    "found",
    "rules_naming",
]
