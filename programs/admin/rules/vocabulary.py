"""What the rules of a program may name: its assets and its tier tracks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from programs.models import Asset, Program, TierTrack
from programs.rules import paths


@dataclass(frozen=True)
class Vocabulary:
    """The assets and tracks of a program, and what the stored actions of a rule still name of others."""

    program: Program
    stored: Sequence[Mapping[str, Any]] = ()

    @cached_property
    def assets(self) -> list[Asset]:
        return list(Asset.objects.linked_to(self.program.pk).order_by("name", "id"))

    @cached_property
    def tracks(self) -> list[TierTrack]:
        current = TierTrack.objects.current().filter(program=self.program).order_by("key")
        return list(current.prefetch_related("levels"))

    @cached_property
    def asset_choices(self) -> list[tuple[str, str]]:
        linked = [(str(asset.pk), str(asset)) for asset in self.assets]
        gone = {str(action.get("asset_id") or "") for action in self.stored}
        gone -= {"", *(pk for pk, _ in linked)}
        unlinked = Asset.objects.filter(pk__in=gone).order_by("name", "id") if gone else ()
        more = [(str(asset.pk), f"{asset}, no longer linked") for asset in unlinked]
        return [("", "Choose an asset"), *linked, *more]

    @cached_property
    def tier_choices(self) -> list[tuple[str, Any]]:
        offered: list[tuple[str, Any]] = [("", "Choose a tier")]
        known = set()
        for track in self.tracks:
            levels = [(f"{track.key}:", f"{track}: base")]
            levels += [
                (f"{track.key}:{level.key}", f"{track}: {level}") for level in track.levels.all()
            ]
            offered.append((str(track), levels))
            known |= {value for value, _ in levels}
        named = {tier_of(action) for action in self.stored if action.get("type") == "SET_TIER"}
        return offered + [(tier, f"{tier}, which is gone") for tier in sorted(named - known)]

    def names(self) -> list[tuple[str, str]]:
        """What a rule can read of them as it is written there, each with what it is."""
        names = []
        for asset in self.assets:
            path = paths.spelled(("participant", "balances", asset.symbol, "available"))
            names.append((path, f"What is available of {asset}"))
        for track in self.tracks:
            path = paths.spelled(("participant", "tiers", track.key, "rank"))
            names.append((path, f"The rank in {track}; 0 at the base"))
        for track in self.tracks:
            path = paths.spelled(("participant", "tiers", track.key, "level"))
            names += [
                (f'{path} == "{level.key}"', f"Whether on {level} of {track}")
                for level in track.levels.all()
            ]
        return names


def tier_of(action: Mapping[str, Any]) -> str:
    """The choice that stands for the track and the level that the action names."""
    return f"{action.get('tier', '')}:{action.get('level', '')}"
