import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rest_framework.test import APIClient

from participants import state
from programs.models import Asset, AssetLink, Program
from tests.benchmarks.likeness import Post, moved, told
from tests.benchmarks.people import Body
from tests.benchmarks.scenarios.ledger import PATHS as MOVEMENTS
from tests.benchmarks.scenarios.upsert import PATHS
from tests.benchmarks.server import PROJECT
from tests.conftest import TESTER


@pytest.fixture
def post_to(api: APIClient) -> Callable[[str], Post]:
    def post_to(path: str) -> Post:
        def post(body: Body) -> tuple[int, bytes]:
            response = api.post(path, body)
            return response.status_code, response.content

        return post

    return post_to


@pytest.mark.urls("tests.benchmarks.urls")
def test_what_laurel_is_measured_against_gives_its_answers_and_writes_its_history(
    post_to: Callable[[str], Post], program: Program
) -> None:
    laurel, naive, floor = (
        told(post_to(PATHS[name]), name, program.id) for name in ("Laurel", "naive", "floor")
    )

    assert [status for status, *_ in laurel] == [201, 200, 200, 200, 200]
    assert naive == laurel
    assert floor == laurel


@pytest.mark.urls("tests.benchmarks.urls")
def test_the_naive_movement_gives_laurels_answers_and_writes_its_entries(
    post_to: Callable[[str], Post], program: Program
) -> None:
    points = Asset.objects.create(name="Points", symbol="PTS", scale=2)
    AssetLink.objects.create(program=program, asset=points)
    stories = {}

    for name, path in MOVEMENTS.items():
        enrolled = state.Change(program_id=program.id)
        who = state.apply(enrolled, to=name, by=TESTER, may_create=True).participant_id
        stories[name] = moved(post_to(path.format(who)), who, points.pk, program.pk)

    assert [step[0] for step in stories["Laurel"][:3]] == [200, 200, 200]
    assert stories["Laurel"][-1] == ()
    assert stories["naive"] == stories["Laurel"]


@pytest.mark.slow
def test_the_benchmarks_run(tmp_path: Path) -> None:
    file = tmp_path / "benchmark.json"

    subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--quick", "--json", file],
        cwd=PROJECT,
        check=True,
        timeout=300,
    )

    results = json.loads(file.read_text())["results"]
    figures = {each["name"]: each for result in results for each in result["figures"]}
    assert {
        "Laurel / naive",
        "Laurel / floor",
        "Laurel's batch / naive loop",
        "verify_ledger / psycopg reads them",
    } <= figures.keys()
    assert [
        name for name, each in figures.items() if each["at_most"] and not each["is_reached"]
    ] == []
