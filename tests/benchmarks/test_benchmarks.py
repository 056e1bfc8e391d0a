import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from rest_framework.test import APIClient

from participants import state
from participants.events.worker import Worker
from participants.ledger import verify
from participants.models import Participant
from programs.models import Asset, AssetLink, Program
from tests.benchmarks import backlogs, naive_worker, purchases, sql
from tests.benchmarks.backlogs import Backlog
from tests.benchmarks.likeness import Post, left, moved, sent, sent_together, told
from tests.benchmarks.people import Body
from tests.benchmarks.scenarios.events import BATCH_PATHS
from tests.benchmarks.scenarios.events import PATHS as EVENTS
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
        who = state.change(enrolled, to=name, by=TESTER, rights=state.ALL_RIGHTS).participant_id
        stories[name] = moved(post_to(path.format(who)), who, points.pk, program.pk)

    assert [step[0] for step in stories["Laurel"][:3]] == [200, 200, 200]
    assert stories["Laurel"][-1] == ()
    assert stories["naive"] == stories["Laurel"]


@pytest.mark.urls("tests.benchmarks.urls")
def test_what_stores_events_gives_laurels_answers_and_writes_its_rows(
    post_to: Callable[[str], Post], program: Program
) -> None:
    laurel, *others = (sent(post_to(path), name, program.id) for name, path in EVENTS.items())
    batch, loop = (
        sent_together(post_to(path), name, program.id) for name, path in BATCH_PATHS.items()
    )

    assert [status for status, *_ in laurel] == [202, 202, 409, 202, 202]
    assert others == [laurel, laurel]
    assert batch[1]["success_count"] == 3
    assert loop == batch


def test_the_naive_worker_leaves_behind_what_laurels_does_and_pure_sql_as_many_rows(
    db: None,
) -> None:
    program = purchases.club()
    for number in range(10):
        enrolled = state.Change(program_id=program.id)
        state.change(enrolled, to=f"customer-{number}", by=TESTER, rights=state.ALL_RIGHTS)
    session = connection.connection
    backlog = Backlog(session, program.id, known=10)
    traces = []

    for work_off in (Worker(by=TESTER).drain, naive_worker.work_off):
        backlog.add(15, people=5)
        event_ids = [event_id for event_id, _ in backlog.waiting()]
        assert work_off() == 15
        traces.append(left(session, event_ids))
    backlog.add(15, people=5)
    waiting = backlog.waiting()
    sql.write_events(session, waiting, backlogs.asset_in(session), backlog.outcome())
    rows = left(session, [event_id for event_id, _ in waiting])

    laurel, naive = traces
    assert naive == laurel
    assert {name: len(each) for name, each in rows.items()} == {
        "events": 15,
        "entries": 15,
        "changes": 15,
        "balances": 5,
        "counters": 5,
    }
    assert laurel["counters"][0]["value"] == 3
    naively = Participant.objects.exclude(pk__in=[who for _, who in waiting])
    assert [fault for each in naively for fault in verify.faults(each.pk)] == []


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
        "Laurel / pure SQL",
        "all of one / one each",
        "2,000 completed / an empty past",
        "2,000 events before / none before",
        "p99 beside dear events",
    } <= figures.keys()
    # How many seconds something takes depends on what else the machine does.
    held = {name: each for name, each in figures.items() if each["unit"] != "s"}
    assert [name for name, each in held.items() if each["at_most"] and not each["is_reached"]] == []
