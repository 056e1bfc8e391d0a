"""The names that the rules of one program can use: its assets, and its tier tracks with their levels."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self
from uuid import UUID

from programs.models import Asset, TierLevel, TierTrack
from programs.rules import Shape

# `participants` proves that these are its own.
STATUSES: Final = ("ACTIVE", "SUSPENDED", "CLOSED")


@dataclass(frozen=True)
class ProgramNames:
    """What one program has, read when it is first needed."""

    program_id: UUID

    @cached_property
    def assets(self) -> dict[UUID, Asset]:
        """The assets that are linked to the program."""
        return Asset.objects.linked_to(self.program_id).order_by("links__id").in_bulk()

    def knows_asset(self, asset_id: UUID) -> bool:
        """Whether there is such an asset, linked to this program or not."""
        return Asset.objects.filter(pk=asset_id).exists()

    @cached_property
    def levels(self) -> dict[str, list[str]]:
        """The keys of the levels of each track from the lowest up, by the track's key."""
        tracks = TierTrack.objects.current().filter(program=self.program_id).order_by("id")
        levels: dict[str, list[str]] = {key: [] for key in tracks.values_list("key", flat=True)}
        rows = TierLevel.objects.filter(track__in=tracks).order_by("rank")
        for track, level in rows.values_list("track__key", "key"):
            levels[track].append(level)
        return levels

    def read(self) -> Self:
        """Read all of it now, before it changes."""
        assert self.assets is not None
        assert self.levels is not None
        return self

    def without_tracks(self, keys: Collection[str]) -> Self:
        """Return what the program would have without these tracks."""
        names = type(self)(self.program_id)
        left = {key: levels for key, levels in self.levels.items() if key not in keys}
        vars(names).update(assets=self.assets, levels=left)
        return names

    @property
    def all(self) -> set[tuple[str, ...]]:
        """All symbols, keys of tracks and keys of levels, each after what it is of."""
        return {
            *(("asset", asset.symbol) for asset in self.assets.values()),
            *(("track", track) for track in self.levels),
            *((track, level) for track, levels in self.levels.items() for level in levels),
        }

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """What is known of the values of the variables in this program."""
        return shapes_of([asset.symbol for asset in self.assets.values()], self.levels)


_TAG: Final = Shape('Tags are in lower case, so none is "{name}".', normal=str.lower)


def shapes_of(
    symbols: Iterable[str], levels: Mapping[str, list[str]], *, event: Shape | None = None
) -> dict[str, Shape]:
    """What is known of the variables where a program has these symbols and, by their tracks, these levels."""
    participant = {
        "status": Shape('participant.status is never "{name}".', choices=STATUSES),
        "tags": Shape(element=_TAG),
        "tiers": _tiers(levels),
        "balances": Shape(
            "This program has no asset with the symbol {name}.",
            fields=dict.fromkeys(symbols, Shape()),
        ),
    }
    shapes = {"participant": Shape(fields=participant)}
    return shapes if event is None else {**shapes, "event": event}


def _tiers(levels: Mapping[str, list[str]]) -> Shape:
    tracks = {
        track: _tier(f'The track {track} has no level "{{name}}".', keys)
        for track, keys in levels.items()
    }
    every = [key for keys in levels.values() for key in keys]
    return Shape(
        "This program has no tier track {name}.",
        fields=tracks,
        element=_tier('No track has a level "{name}".', every),
    )


def _tier(unknown: str, levels: list[str]) -> Shape:
    return Shape(fields={"level": Shape(unknown, choices=("", *levels))})
