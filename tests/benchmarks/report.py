"""What came out: tables for people, JSON for machines."""

import json
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.benchmarks.databases import server_settings
from tests.benchmarks.measure import Figure, Measured, Outcome, Pace

PACKAGES = ("django", "djangorestframework", "psycopg", "gunicorn")


def surroundings(pace: Pace) -> dict[str, Any]:
    """What the figures depend on: the machine, the versions, the database server's settings."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
            "system": platform.platform(),
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
        "postgresql": server_settings(),
        "rounds": pace.rounds,
        "seconds": pace.seconds,
    }


def show_surroundings(found: dict[str, Any]) -> None:
    for name in ("machine", "postgresql"):
        print(f"{name}:", ", ".join(f"{key} {value}" for key, value in found[name].items()))
    print(f"{found['rounds']} rounds of {found['seconds']} s for each variant, in turn", flush=True)


def show(outcome: Outcome) -> None:
    print(f"\n{outcome.title}")
    if outcome.measured:
        print(f"  {'':20}{'per second':>12}{'p50 ms':>10}{'p99 ms':>10}{'errors':>9}{'client':>9}")
    for name, measured in outcome.measured.items():
        print(f"  {name:20}{_row(measured)}")
    for figure in outcome.figures:
        print(f"  {figure.name:52}{_text(figure)}")
    print(end="", flush=True)


def write(path: Path, found: dict[str, Any], outcomes: list[Outcome]) -> None:
    results = [
        {
            "title": outcome.title,
            "variants": {name: each.as_dict() for name, each in outcome.measured.items()},
            "figures": [figure.as_dict() for figure in outcome.figures],
        }
        for outcome in outcomes
    ]
    path.write_text(json.dumps({**found, "results": results}, indent=2) + "\n")


def _row(measured: Measured) -> str:
    return (
        f"{measured.rate:12,.0f}{measured.latency(50):10.2f}{measured.latency(99):10.2f}"
        f"{measured.error_rate:9.2%}{measured.client_cpu:9.0%}"
    )


def _text(figure: Figure) -> str:
    value = f"{figure.value:,.2f}" if figure.value < 10 else f"{figure.value:,.0f}"
    return "  ".join([f"{value} {figure.unit}".strip(), *_remarks(figure)])


def _remarks(figure: Figure) -> Iterator[str]:
    if figure.spread:
        yield "({:.2f} to {:.2f})".format(*figure.spread)
    limit = "at most" if figure.at_most else "at least"
    if figure.must is not None:
        yield f"must be {limit} {figure.must:g}: {'yes' if figure.is_reached else 'NO'}"
    if figure.aim is not None:
        yield f"aim {figure.aim:g}: {'yes' if figure.is_aim_reached else 'not yet'}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
