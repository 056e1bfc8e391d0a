"""A program's page and a rule's tell what came of rules in a period, each leading to the events."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from participants.events.ingest import ingest
from participants.events.request import NewEvent
from participants.reports.rebuild import rebuild_changed
from participants.reports.refresh import refresh
from programs.models import AssetLink, Program, Rule, TierLevel, TierTrack
from tests.conftest import TESTER
from tests.participants.admin.test_home import content
from tests.participants.events.workers import add_rule, credit, happen, work_off
from tests.participants.ledger_world import World, make_world
from tests.staff import staff_client

pytestmark = pytest.mark.django_db
KEYS = {"old", "k1", "k2"}
ALL = [
    "view_program", "view_rule", "view_event", "view_balance", "view_journalentry", "view_participant", "view_enrollment",
]  # fmt: skip


@pytest.fixture
def world(db: None) -> World:
    """Two rules; one gave 250 now and 1,000 twenty days ago, and the other fails now and then."""
    world = make_world(symbol="MILES", scale=0)
    add_rule(world, credit(world, "event.amount"), name="Giver")
    add_rule(world, credit(world, "1 / event.by"), name="Broken", condition="has(event.by)")
    before = timezone.now() - timedelta(days=20)
    ingest(NewEvent(world.program.pk, "ana", "old", before, {"amount": 1000}), by=TESTER)
    happen(world, amount=200)
    happen(world, amount=50, by=0)
    work_off()
    return world


def hub_of(world: World) -> str:
    return f"/admin/programs/program/{world.program.pk}/change/"


def page_of(rule: Rule) -> str:
    return f"/admin/programs/rule/{rule.pk}/change/"


@pytest.mark.parametrize(("days", "issued", "matches"), [("7", "250", "2"), ("30", "1,250", "3")])
def test_a_program_says_which_rule_gave_what_in_the_period(
    admin_client: Client, world: World, days: str, issued: str, matches: str
) -> None:
    context = admin_client.get(hub_of(world), {"days": days}).context

    giver, broken = context["rules"]
    assert [tuple(each) for each in giver.issued] == [("MILES", issued)]
    assert (giver.matches, giver.failures) == (matches, "0")
    assert (broken.matches, broken.failures, broken.issued) == ("0", "1", [])
    assert giver.events_url == f"/admin/participants/event/?rule={giver.rule.pk}"
    events = admin_client.get(giver.events_url)
    assert {event.idempotency_key for event in events.context["cl"].result_list} == KEYS
    tiles = {tile.label: tile.value for tile in context["each"].tiles}
    assert tiles["Events"] == matches


def test_its_form_is_a_tab_of_its_own(admin_client: Client, world: World) -> None:
    shown = content(admin_client, hub_of(world))
    edit = hub_of(world).replace("change", "edit")
    assert f'href="{edit}"' in shown
    assert "Add rule" in shown

    fields = admin_client.get(edit).context["adminform"].form.initial
    saved = admin_client.post(edit, {**fields, "name": "Inner circle"})

    assert saved.headers["Location"] == hub_of(world)
    assert Program.objects.get().name == "Inner circle"


def test_a_rule_says_what_it_gave_in_the_period(admin_client: Client, world: World) -> None:
    giver = Rule.objects.get(name="Giver")

    shown = content(admin_client, f"{page_of(giver)}?days=7")

    assert '<span class="figure-value">250</span>' in shown
    assert f'<a href="/admin/participants/event/?rule={giver.pk}">2</a>' in shown
    journal = f"/admin/participants/journalentry/?rule={giver.pk}"
    assert journal in shown
    assert len(admin_client.get(journal).context["cl"].result_list) == 3
    assert "1,250" in content(admin_client, page_of(giver))


@pytest.mark.parametrize(
    ("lacking", "unseen"),
    [
        ("view_event", ["Matches", "Failures", "/admin/participants/event/"]),
        ("view_balance", ["MILES", "1,250"]),
        ("view_journalentry", ["/admin/participants/journalentry/"]),
        ("view_participant", ["/admin/participants/participant/"]),
        ("view_rule", ["Giver"]),
    ],
)
def test_who_may_not_see_something_sees_none_of_it(
    world: World, lacking: str, unseen: list[str]
) -> None:
    refresh()
    everything = content(staff_client(*ALL), hub_of(world))
    User.objects.all().delete()
    client = staff_client(*(each for each in ALL if each != lacking))
    shown = content(client, hub_of(world))

    for text in unseen:
        assert text in everything
        assert text not in shown
    if lacking in ("view_event", "view_balance"):
        of_rule = content(client, page_of(Rule.objects.get(name="Giver")))
        report = of_rule[: of_rule.index("<form")]
        assert not [text for text in unseen if text in report]


def test_who_sees_no_figures_sees_no_report_of_a_rule(world: World) -> None:
    client = staff_client("view_rule")

    assert "rule-report" not in content(client, page_of(Rule.objects.get(name="Giver")))


def test_nobody_without_the_right_sees_a_program(world: World) -> None:
    client = staff_client("view_rule")

    assert client.get(hub_of(world)).status_code == 403
    assert client.get(hub_of(world).replace("change", "edit")).status_code == 403


def test_the_number_of_queries_is_bounded(admin_client: Client, world: World) -> None:
    admin_client.get(hub_of(world))
    with CaptureQueriesContext(connection) as few:
        admin_client.get(hub_of(world))
    for n in range(110):
        add_rule(world, credit(world, "1"), name=f"Rule {n}", status="SUSPENDED")
    for n in range(25):
        other = make_world("ana", symbol=f"A{n}")
        AssetLink.objects.create(program=world.program, asset=other.asset)
        track = TierTrack.objects.create(program=world.program, key=f"t{n}")
        TierLevel.objects.create(track=track, key="gold", rank=1)
    sum(rebuild_changed())
    refresh()

    with CaptureQueriesContext(connection) as many:
        context = admin_client.get(hub_of(world)).context

    assert (len(context["rules"]), context["has_more_rules"]) == (100, True)
    assert len(context["each"].assets) == 20
    assert len(many) <= len(few) + 1  # the levels of tracks
    assert len(many) <= 16
