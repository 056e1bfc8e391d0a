"""Rounds in turn, so that whatever else the machine does falls on all variants alike; and what comes of them."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Pace:
    rounds: int
    seconds: float  # of each round


@dataclass(frozen=True, slots=True)
class Round:
    """One variant's turn."""

    seconds: float
    latencies: list[float]  # seconds, one for each call
    errors: int
    people: int  # participants in a call
    client_cpu: float  # seconds of the client's own CPU in a second

    @property
    def rate(self) -> float:
        """Participants in a second; failed calls are none."""
        return (len(self.latencies) - self.errors) * self.people / self.seconds


@dataclass(frozen=True, slots=True)
class Measured:
    """What one variant did in all of its rounds."""

    rounds: Sequence[Round]

    @property
    def rate(self) -> float:
        return statistics.median(each.rate for each in self.rounds)

    @property
    def calls(self) -> int:
        return sum(len(each.latencies) for each in self.rounds)

    @property
    def error_rate(self) -> float:
        return sum(each.errors for each in self.rounds) / self.calls

    @property
    def client_cpu(self) -> float:
        return statistics.median(each.client_cpu for each in self.rounds)

    def latency(self, percent: int) -> float:
        """The latency, in milliseconds, that this percentage of the calls did not exceed."""
        latencies = sorted(one for each in self.rounds for one in each.latencies)
        return latencies[(len(latencies) - 1) * percent // 100] * 1000

    def as_dict(self) -> dict[str, Any]:
        return {
            "rate": self.rate,
            "rates": [each.rate for each in self.rounds],
            "p50_ms": self.latency(50),
            "p99_ms": self.latency(99),
            "calls": self.calls,
            "error_rate": self.error_rate,
            "client_cpu": self.client_cpu,
        }


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that is held against a target. `spread` are the lowest and the highest of its rounds."""

    name: str
    value: float
    unit: str = "times"
    must: float | None = None
    aim: float | None = None
    at_most: bool = False  # the targets are limits from above
    spread: tuple[float, float] | None = None

    @property
    def is_reached(self) -> bool:
        return self._meets(self.must)

    @property
    def is_aim_reached(self) -> bool:
        return self._meets(self.aim)

    def _meets(self, target: float | None) -> bool:
        if target is None:
            return True
        return self.value <= target if self.at_most else self.value >= target

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "must": self.must,
            "aim": self.aim,
            "at_most": self.at_most,
            "spread": self.spread,
            "is_reached": self.is_reached,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scenario found: `title` says of what, `measured` is by variant."""

    title: str
    measured: Mapping[str, Measured] = field(default_factory=dict)
    figures: Sequence[Figure] = ()

    @property
    def has_errors(self) -> bool:
        return any(variant.error_rate for variant in self.measured.values())


def interleaved(
    variants: Mapping[str, Callable[[float], Round]], pace: Pace
) -> dict[str, Measured]:
    """Give each variant its rounds, one of each in turn, after a shorter one to warm up that does not count."""
    for drive in variants.values():
        drive(pace.seconds / 4)
    rounds: dict[str, list[Round]] = {name: [] for name in variants}
    for _ in range(pace.rounds):
        for name, drive in variants.items():
            rounds[name].append(drive(pace.seconds))
    return {name: Measured(each) for name, each in rounds.items()}


def ratio(
    measured: Mapping[str, Measured],
    ours: str,
    theirs: str,
    *,
    must: float | None = None,
    aim: float | None = None,
) -> Figure:
    """How many times the rate of the other: the median over rounds that ran one after the other."""
    pairs = zip(measured[ours].rounds, measured[theirs].rounds, strict=True)
    ratios = [mine.rate / other.rate for mine, other in pairs]
    return Figure(
        f"{ours} / {theirs}",
        statistics.median(ratios),
        must=must,
        aim=aim,
        spread=(min(ratios), max(ratios)),
    )
