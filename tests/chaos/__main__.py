"""python -m tests.chaos [--minutes 10] [--seed N]: the whole of it, on a database of its own."""

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.settings"
os.environ.setdefault("BENCHMARK_DATABASE", "laurel_chaos")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args()
    django.setup()
    # Django must know its settings before what follows is imported.
    from programs.api_keys import issue
    from programs.models import Scope
    from tests.benchmarks.databases import made
    from tests.chaos.run import run
    from tests.conftest import TESTER
    from tests.processes import Laurel, url_of_the_tests

    print(f"seed {options.seed}", flush=True)
    with made(), tempfile.TemporaryDirectory() as folder:
        _, key = issue(name="chaos", scopes=Scope.values, by=TESTER)
        laurel = Laurel(url_of_the_tests(), key)
        print(run(laurel, Path(folder), seconds=options.minutes * 60, seed=options.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
