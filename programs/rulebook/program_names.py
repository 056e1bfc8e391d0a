"""The names that the rules of one program can use: its assets, and its tier tracks with their levels."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self
from uuid import UUID

from programs.models import Asset, Rule, TierLevel, TierTrack
from programs.models.rules import counted_keys
from programs.rulebook import observed
from programs.rules import Shape

# `participants` proves that these are its own.
STATUSES: Final = ("ACTIVE", "SUSPENDED", "CLOSED")


@dataclass(frozen=True)
class ProgramNames:
    """What one program has, read when it is first needed.

    For warnings, `counting` are the keys of counters that the rule in question counts itself; None spares what only
    warnings use. What recent events had is read where it `may_read_events`, and else known if somebody has just read it.
    """

    program_id: UUID
    counting: frozenset[str] | None = None
    may_read_events: bool = False

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
        """All symbols, tracks and levels, each with its kind or, for a level, with its track."""
        return {
            *(("asset", asset.symbol) for asset in self.assets.values()),
            *(("track", track) for track in self.levels),
            *((track, level) for track, levels in self.levels.items() for level in levels),
        }

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """What is known of the values of the variables in this program."""
        symbols = [asset.symbol for asset in self.assets.values()]
        if self.counting is None:
            return shapes_of(symbols, self.levels)
        observer = observed.observer()
        event = observer.events_of(self.program_id, may_read=self.may_read_events)
        counters = _Counters(self.program_id, self.counting)
        return shapes_of(symbols, self.levels, counters=counters, event=event)


_TAG: Final = Shape(
    'Tags are trimmed and in lower case, so none is "{name}".',
    normal=lambda text: text.strip().lower(),
)


class _Counters(Mapping[str, Shape]):
    """The counters that some rule counts, or somebody has. Only those of the program's own rules are listed."""

    def __init__(self, program_id: UUID, counting: frozenset[str]) -> None:
        self._program_id, self._counting = program_id, counting

    def __getitem__(self, key: str) -> Shape:
        if key in self._counting or self._is_counted(key):
            return Shape()
        if observed.observer().has_counter(key):
            return Shape()
        raise KeyError(key)

    def _is_counted(self, key: str) -> bool:
        return Rule.objects.current().counting([key]).exists()

    @cached_property
    def _own(self) -> list[str]:
        rules = Rule.objects.current().filter(program=self._program_id)
        counting = rules.filter(actions__contains=[{"type": "COUNTER"}])
        stored = map(counted_keys, counting.values_list("actions", flat=True))
        return sorted(self._counting.union(*stored))

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)


def shapes_of(
    symbols: Iterable[str],
    levels: Mapping[str, list[str]],
    *,
    counters: Mapping[str, Shape] | None = None,
    event: Shape | None = None,
) -> dict[str, Shape]:
    """What is known of the variables where a program has these symbols and, by their tracks, these levels."""
    participant = {
        "counters": Shape(
            "No rule counts {path}, and nobody has it.", fields=counters, is_open=True
        ),
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
