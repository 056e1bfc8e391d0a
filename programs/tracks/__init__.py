"""Tier tracks: what a caller may say of one, and the only code that writes them, their levels and their versions."""

from programs.tracks.bodies import (
    Level,
    NewTrack,
    TrackChange,
    clean_change,
    clean_levels,
    clean_new,
)
from programs.tracks.read import current, found
from programs.tracks.write import change, create, delete

__all__ = [
    "Level",
    "NewTrack",
    "TrackChange",
    "change",
    "clean_change",
    "clean_levels",
    "clean_new",
    "create",
    "current",
    "delete",
    "found",
]
