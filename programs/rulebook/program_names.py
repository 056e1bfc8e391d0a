"""The names that the rules of one program can use: its assets, and its tier tracks with their levels."""

from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from programs.models import Asset, TierLevel, TierTrack


@dataclass(frozen=True)
class ProgramNames:
    """What one program has, read when it is first needed."""

    program_id: UUID

    @cached_property
    def asset_ids(self) -> frozenset[UUID]:
        return frozenset(Asset.objects.linked_to(self.program_id).values_list("pk", flat=True))

    def knows_asset(self, asset_id: UUID) -> bool:
        """Whether there is such an asset, linked to this program or not."""
        return Asset.objects.filter(pk=asset_id).exists()

    @cached_property
    def levels(self) -> dict[str, set[str]]:
        """The keys of the levels of each track, by the track's key."""
        tracks = TierTrack.objects.current().filter(program=self.program_id)
        levels: dict[str, set[str]] = {key: set() for key in tracks.values_list("key", flat=True)}
        rows = TierLevel.objects.filter(track__in=tracks).values_list("track__key", "key")
        for track, level in rows:
            levels[track].add(level)
        return levels
