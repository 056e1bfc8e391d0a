"""tests.settings as the benchmarks run it: on databases of their own, with the rate limit counted but out of reach."""

import os
import tempfile

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES

DATABASES["default"]["NAME"] = os.environ.get(
    "BENCHMARK_DATABASE", f"{DATABASES['default']['NAME']}_benchmark"
)
# Empty, and gone with the process: whitenoise warns where there is none.
_static_files = tempfile.TemporaryDirectory()
STATIC_ROOT = _static_files.name
ROOT_URLCONF = "tests.benchmarks.urls"
RATE_LIMIT = "1000000000/hour"
