import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from participants import state
from participants.events import ingest
from participants.events.request import NewEvent
from participants.models import JournalEntry, Participant
from programs.models import Asset, AssetLink, Program
from tests.conftest import TESTER
from tests.participants.ledger_world import World
from tests.staff import staff_client

EVERYTHING = [
    f"view_{each}"
    for each in ("participant", "event", "journalentry", "program", "rule", "asset", "tiertrack")
]


@pytest.fixture
def told(program: Program) -> None:
    """Ana, who has bought something and got something."""
    profile = {"email": "ana@example.com", "phone": "+49 170 1234567", "display_name": "Ana Lee"}
    ana = state.Change(profile=profile, program_id=program.pk)
    state.change(ana, to="ana-1", by=TESTER, rights=state.ALL_RIGHTS)
    ingest.ingest(NewEvent(program.pk, "ana-1", "order-77", timezone.now(), {}), by=TESTER)
    points = Asset.objects.create(name="Points", symbol="PTS")
    AssetLink.objects.create(program=program, asset=points)
    World(program, points).credit("1", of="ana-1")


def found(client: Client, text: Any) -> dict[str, list[str]]:
    """The names of what is found, by kind."""
    page = client.get("/admin/find/", {"q": text})
    assert page.status_code == 200
    return {kind.title: [hit.name for hit in kind.hits] for kind in page.context["found"]}


def test_each_kind_is_found_by_what_it_is_known_by(told: None) -> None:
    client = staff_client(*EVERYTHING)
    entry = JournalEntry.objects.get()

    for text in ("ana-1", "ana@example.com", "170 1234567", "ana lee"):
        assert found(client, text)["Participants"] == ["ana-1"], text
    assert found(client, Participant.objects.get().pk) == {"Participants": ["ana-1"]}
    assert found(client, "order-77") == {"Events": ["order-77"]}
    assert found(client, entry.pk) == {"Journal entries": [str(entry)]}
    assert found(client, "club") == {"Programs": ["Club"]}
    assert found(client, "PTS") == {"Assets": ["Points (PTS)"]}
    assert found(client, "nobody\0") == found(client, "") == {}


def test_each_kind_is_found_only_by_those_who_may_see_it(told: None) -> None:
    client = staff_client("view_program")

    assert found(client, "club") == {"Programs": ["Club"]}
    assert found(client, "ana-1") == found(client, "order-77") == {}


def test_finding_takes_as_many_queries_for_many_and_scans_no_large_table(
    told: None, program: Program, queries: list[str]
) -> None:
    client = staff_client(*EVERYTHING)
    queries.clear()
    found(client, "ana")
    few = len(queries)
    for number in range(20):
        change = state.Change(program_id=program.pk)
        state.change(change, to=f"ana-{number}x", by=TESTER, rights=state.ALL_RIGHTS)
    entry = JournalEntry.objects.get()
    plans = ""

    def explain(execute: Any, sql: str, params: Any, *rest: Any) -> Any:
        nonlocal plans
        if sql.startswith("SELECT") and "participants_" in sql:
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}", params)
                plans += "\n".join(line for (line,) in cursor.fetchall()) + "\n"
        return execute(sql, params, *rest)

    queries.clear()
    assert len(found(client, "ana")["Participants"]) == 8
    assert len(queries) == few
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    with connection.execute_wrapper(explain):
        for text in ("ana", "an", "order-77", "0170 12345", entry.pk):
            found(client, text)

    large = "participants_(participant|event|journalentry)"
    assert re.findall(rf"Seq Scan on {large}\b.*", plans) == []
    assert "participants_participant" in plans
