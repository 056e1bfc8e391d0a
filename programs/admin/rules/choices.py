"""What the page of a rule offers of its program: assets, tiers, and their names in the language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from programs.models import Asset, Program, TierTrack
from programs.rulebook.actions import ACTION_TYPES
from programs.rules import paths


@dataclass(frozen=True)
class ProgramChoices:
    """The assets and tracks of a program, and those that the stored actions of a rule name but are gone."""

    program: Program
    stored: Sequence[Mapping[str, Any]] = ()

    @cached_property
    def linked_assets(self) -> list[Asset]:
        return list(Asset.objects.linked_to(self.program.pk).order_by("name", "id"))

    @cached_property
    def tracks(self) -> list[TierTrack]:
        current = TierTrack.objects.current().filter(program=self.program).order_by("key")
        return list(current.prefetch_related("levels"))

    @cached_property
    def assets(self) -> list[tuple[str, str]]:
        linked = [(str(asset.pk), str(asset)) for asset in self.linked_assets]
        gone = self._stored("asset") - {pk for pk, _ in linked}
        unlinked = Asset.objects.filter(pk__in=gone).order_by("name", "id") if gone else ()
        more = [(str(asset.pk), f"{asset}, no longer linked") for asset in unlinked]
        return [("", "Choose an asset"), *linked, *more]

    @cached_property
    def tiers(self) -> list[tuple[str, Any]]:
        """The tracks as groups of their levels, each as "track:level"; the base is "track:"."""
        offered: list[tuple[str, Any]] = [("", "Choose a tier")]
        known = set()
        for track in self.tracks:
            levels = [(f"{track.key}:", f"{track}: base")]
            levels += [
                (f"{track.key}:{level.key}", f"{track}: {level}") for level in track.levels.all()
            ]
            offered.append((str(track), levels))
            known |= {value for value, _ in levels}
        gone = self._stored("tier") - known
        return offered + [(tier, f"{tier}, no longer available") for tier in sorted(gone)]

    def names(self) -> list[tuple[str, str]]:
        """What a rule can read of them, as it is written in the language, each with its meaning."""
        names = []
        for asset in self.linked_assets:
            path = paths.spelled(("participant", "balances", asset.symbol, "available"))
            names.append((path, f"Available balance of {asset}"))
        for track in self.tracks:
            path = paths.spelled(("participant", "tiers", track.key, "rank"))
            names.append((path, f"Rank on {track}; 0 at the base"))
        for track in self.tracks:
            path = paths.spelled(("participant", "tiers", track.key, "level"))
            names += [
                (f'{path} == "{level.key}"', f"Whether the participant is on {level} of {track}")
                for level in track.levels.all()
            ]
        return names

    def _stored(self, widget: str) -> set[str]:
        """The values that the stored actions have in inputs of this kind."""
        values = set()
        for action in self.stored:
            fields = ACTION_TYPES[action["type"]].fields
            parts = [
                action[name] for name in action if name in fields and fields[name].widget == widget
            ]
            values |= {":".join(parts)} if parts else set()
        return values
