import random
from pathlib import Path

import pytest
from django.db import connection

from programs.api_keys import issue
from programs.models import Scope
from tests.chaos.run import run
from tests.conftest import TESTER
from tests.processes import Laurel, url_of_the_tests


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_whatever_goes_wrong_each_acknowledged_write_is_there_once(tmp_path: Path) -> None:
    seed = random.randrange(1_000_000)
    print(f"python -m tests.chaos --seed {seed}")
    _, key = issue(name="tests", scopes=Scope.values, by=TESTER)

    connection.close()  # or it would be cut like the others

    print(run(Laurel(url_of_the_tests(), key), tmp_path, seconds=12, seed=seed))
