"""The first page tells what needs attention and how each program is doing, and to nobody what they may not see."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from participants.models import Event, Participant
from participants.reports import failures
from participants.reports.refresh import refresh
from programs.models import Asset, AssetLink, Program, Rule, TierLevel, TierTrack
from programs.models.keys import ApiKey, Scope
from tests.participants.events.workers import add_rule, credit, happen, work_off
from tests.participants.ledger_world import World, make_world
from tests.staff import staff_client

pytestmark = pytest.mark.django_db
HOME = "/admin/"
ALL = ["view_program", "view_event", "view_rule", "view_balance", "view_journalentry", "view_enrollment", "view_participant", "view_tierstanding", "view_tiertrack", "view_apikey"]  # fmt: skip


@pytest.fixture
def world(db: None) -> World:
    """Two rules, of which one fails for some events, and a debit that fails an event."""
    world = make_world("ana", "bo", symbol="MILES")
    add_rule(world, credit(world, "event.amount"), name="Points", condition="has(event.amount)")
    add_rule(world, credit(world, "1 / event.by"), name="Broken rule", condition="has(event.by)")
    debit = {"type": "DEBIT", "asset_id": str(world.asset.pk), "amount": "1000"}
    add_rule(world, debit, name="Spender", condition="has(event.spend)")
    happen(world, amount=1234)
    happen(world, amount=1, by=0)
    happen(world, "bo", spend=1)
    happen(world, "bo", spend=2)
    work_off()
    return world


def content(client: Client, path: str = HOME) -> str:
    response = client.get(path)
    assert response.status_code == 200
    text: str = response.content.decode()
    return text[text.index("<main") :]


def superuser() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("alex"))
    return client


def test_it_says_what_needs_attention_by_cause(world: World) -> None:
    now = timezone.now()
    waits = happen(world)
    Event.objects.filter(pk=waits.pk).update(created_at=now - timedelta(hours=3))
    Rule.objects.filter(name="Points").update(needs_attention=True)
    ApiKey.objects.create(name="Shop", digest="0" * 64, prefix="lrl_0000", suffix="0000", scopes=[Scope.EVENTS_WRITE], expires_at=now + timedelta(days=3), exposed_at=now)  # fmt: skip

    response = superuser().get(HOME)

    notices = [(each.kind, each.events) for each in response.context["notices"]]
    assert notices == [
        ("Queue stalled", "1"),
        ("Insufficient balance", "2"),
        ("Rule errors", "1"),
        ("Rule needs attention", ""),
        ("Key exposed", ""),
        ("Key expires", ""),
    ]
    shown = response.content.decode()
    assert "the oldest for 3 hours" in shown
    assert "“Spender” in Club: " in shown
    assert "“Broken rule” in Club: " in shown
    client = Client()
    client.force_login(User.objects.get(username="alex"))
    lists = [client.get(notice.url) for notice in response.context["notices"]]
    assert {response.status_code for response in lists} == {200}
    keys = [
        [event.idempotency_key for event in each.context["cl"].result_list] for each in lists[:3]
    ]
    assert keys == [["k4"], ["k3", "k2"], ["k1"]]


def test_it_shows_how_a_program_is_doing(world: World) -> None:
    track = TierTrack.objects.create(program=world.program, key="club")
    TierLevel.objects.create(track=track, key="gold", rank=1)
    refresh()

    [shown] = superuser().get(HOME).context["programs"]

    tiles = {tile.label: (tile.value, tile.note) for tile in shown.tiles}
    assert tiles == {
        "Participants": ("2", "enrolled"),
        "New": ("2", "in 30 days"),
        "Active": ("2", "in 30 days"),
        "Events": ("4", "2 failed, 1 with rule errors"),
    }
    [miles] = shown.assets
    assert [tile.value for tile in miles.tiles] == ["1,235.00", "0.00", "1,235.00"]
    assert [row.values for row in miles.chart.rows] == [["1,235.00", "0.00"]]
    assert [row.values for row in shown.events.rows] == [["4", "2"]]
    [shares] = shown.tracks
    assert [tuple(level) for level in shares.levels] == [
        ("gold", "0", "0.0"),
        ("Base", "2", "100.0"),
    ]
    assert shown.age == "less than a minute"


@pytest.mark.parametrize(("days", "chosen"), [("7", 7), ("90", 90), ("8", 30), ("x", 30), ("", 30)])
def test_the_period_is_chosen_in_the_address(world: World, days: str, chosen: int) -> None:
    response = superuser().get(HOME, {"days": days})

    assert response.context["switch"].days == chosen
    assert len(response.context["programs"][0].events.series[0].values) == chosen


@pytest.mark.parametrize(
    ("lacking", "unseen"),
    [
        ("view_event", ["Events by day", "Insufficient balance", "Rule errors", "Active"]),
        ("view_balance", ["MILES", "1,235", "Outstanding"]),
        ("view_enrollment", ["New", "enrolled"]),
        ("view_tierstanding", ["Ladder"]),
        ("view_rule", ["Rule needs attention"]),
        ("view_apikey", ["Key exposed"]),
        ("view_program", ["in 30 days", "Events by day"]),
        ("view_journalentry", ["/admin/participants/journalentry/"]),
        ("view_participant", ["/admin/participants/participant/"]),
        ("view_tiertrack", ["/admin/programs/tiertrack/"]),
    ],
)
def test_who_may_not_see_something_sees_no_figure_and_no_link_of_it(
    world: World, lacking: str, unseen: list[str]
) -> None:
    TierTrack.objects.create(program=world.program, key="ladder", display_name="Ladder")
    Rule.objects.filter(name="Points").update(needs_attention=True)
    ApiKey.objects.create(name="Shop", digest="0" * 64, prefix="lrl_0000", suffix="0000", scopes=[Scope.EVENTS_WRITE], exposed_at=timezone.now())  # fmt: skip
    refresh()
    everything = content(staff_client(*ALL))
    User.objects.all().delete()

    shown = content(staff_client(*(each for each in ALL if each != lacking)))

    for text in unseen:
        assert text in everything
        assert text not in shown


def test_an_empty_installation_is_led_from_form_to_form() -> None:
    client = superuser()

    def steps() -> list[tuple[str, bool]]:
        return [(step.name, step.is_done) for step in client.get(HOME).context["set_up"]]

    names = ["A program", "An asset", "A tier track", "A rule", "A first event"]
    assert steps() == [(name, False) for name in names]
    for step in client.get(HOME).context["set_up"]:
        assert client.get(step.url, headers={"Accept": "text/html"}).status_code == 200

    world = make_world()
    assert steps() == [(name, name in names[:2]) for name in names]
    add_rule(world, credit(world, "1"))
    TierTrack.objects.create(program=world.program, key="club")
    assert steps() == [(name, name != "A first event") for name in names]
    happen(world)
    assert steps() == []


def test_the_number_of_queries_does_not_grow_with_programs(world: World) -> None:
    client = superuser()
    client.get(HOME)

    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(HOME)
    for n in range(40):
        program = Program.objects.create(name=f"Program {n}")
        asset = Asset.objects.create(name=f"Asset {n}", symbol=f"A{n}")
        AssetLink.objects.create(program=program, asset=asset)
        track = TierTrack.objects.create(program=program, key="club")
        TierLevel.objects.create(track=track, key="gold", rank=1)
        AssetLink.objects.create(program=world.program, asset=asset)
    refresh()
    with CaptureQueriesContext(connection) as many:
        response = client.get(HOME)

    assert len(response.context["programs"]) == 4
    assert response.context["programs"][0].more_assets == 39
    assert len(many) <= len(few) + 1  # the levels of tracks
    assert len(many) <= 20
    assert "Program 3" in content(client, HOME + response.context["next_page"])


def test_causes_are_counted_only_up_to_a_bound(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "MOST", 2)

    notices = superuser().get(HOME).context["notices"]

    assert ("Insufficient balance", "2+") in [(each.kind, each.events) for each in notices]


def test_causes_are_found_by_partial_indexes(world: World) -> None:
    ana = Participant.objects.get(external_id="ana")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO participants_event (id, program_id, participant_id, idempotency_key, event_timestamp, data, "
            "status, processed_at, created_by) SELECT gen_random_uuid(), %s, %s, 'past' || n, now(), '{}', "
            "'COMPLETED', now(), 'tests' FROM generate_series(1, 3000) AS n",
            [world.program.pk, ana.pk],
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE participants_event")

    assert "event_failed" in plan(failures._FAILED)
    assert "event_with_rule_errors" in plan(failures._RULE_ERRORS)


def plan(statement: Any) -> str:
    sql = statement.sql.replace("$1", str(failures.MOST)).replace("$2", "50")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(line for (line,) in cursor.fetchall())
