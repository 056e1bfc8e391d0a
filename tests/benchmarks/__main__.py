"""Laurel's speed, measured against a naive way and a floor, on a server and databases of its own.

python -m tests.benchmarks [scenario ...]
"""

import argparse
import os
import signal
import sys
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.settings"


def main() -> int:
    django.setup()
    # Django must know its settings before what follows is imported.
    from tests.benchmarks import report
    from tests.benchmarks.bench import set_up
    from tests.benchmarks.measure import Pace
    from tests.benchmarks.scenarios import SCENARIOS

    options = _options(list(SCENARIOS))
    pace = Pace(options.rounds, options.seconds)
    found = report.surroundings(pace)
    report.show_surroundings(found)
    outcomes = []
    sizes = {"known": options.known, "many": options.participants, "past": options.events}
    with set_up(**sizes, pace=pace) as bench:
        for name in options.scenarios or SCENARIOS:
            for outcome in SCENARIOS[name](bench):
                report.show(outcome)
                outcomes.append(outcome)
    report.write(options.json, found, outcomes)
    figures = [figure for outcome in outcomes for figure in outcome.figures]
    if any(outcome.has_errors for outcome in outcomes):
        return 1
    return int(options.check and not all(figure.is_reached for figure in figures))


def _options(scenarios: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "scenarios",
        nargs="*",
        choices=[[], *scenarios],
        metavar="scenario",
        help=", ".join(scenarios),
    )
    parser.add_argument("--rounds", type=int, default=15, help="for each variant")
    parser.add_argument("--seconds", type=float, default=1, help="of each round")
    parser.add_argument(
        "--known", type=int, default=10_000, help="people in the database, an even number"
    )
    parser.add_argument(
        "--participants", type=int, default=1_000_000, help="people in the large database"
    )
    parser.add_argument(
        "--events", type=int, default=5_000_000, help="events in the past of the large database"
    )
    parser.add_argument(
        "--json", type=Path, default="benchmark.json", help="where to write the figures"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a few seconds that prove that all of it still runs"
    )
    parser.add_argument("--check", action="store_true", help="end with 1 where a target is missed")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 0.2
        options.known = options.participants = options.events = 2000
    return options


if __name__ == "__main__":
    # By way of an exception, so that the server is stopped and the databases are dropped.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    sys.exit(main())
