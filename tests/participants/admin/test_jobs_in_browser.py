"""The scripts of jobs and tier tracks, as a person meets them."""

import pytest
from playwright.sync_api import Page, expect

from participants.jobs.worker import Worker
from participants.models import Job
from programs import tracks
from programs.models import TierLevel, TierTrack
from tests.conftest import TESTER
from tests.participants.events.workers import add_rule, an_event, credit, send
from tests.participants.ledger_world import make_world

pytestmark = pytest.mark.django_db(transaction=True)


def level(key: str, rank: int, threshold: str) -> tracks.Level:
    criteria = [{"counter": "spent", "operator": ">=", "threshold": threshold}]
    return tracks.Level(key, rank, "", {"mode": "ALL", "criteria": criteria}, [])


def test_levels_are_edited_in_rows_previewed_and_a_rule_is_replayed(admin: Page) -> None:
    world = make_world()
    levels = [level("silver", 1, "100"), level("gold", 2, "200")]
    track = tracks.create(world.program.pk, tracks.NewTrack("status", levels=levels), by=TESTER)
    rule = add_rule(world, credit(world, "event.amount"), name="Points")
    send([an_event(world, "ana", f"k{number}", amount=number) for number in range(1, 4)])

    admin.goto(f"/admin/programs/tiertrack/{track.pk}/change/")
    silver, gold = (admin.locator(f"#levels-{number}") for number in range(2))
    silver.get_by_role("button", name="Add a condition").click()
    admin.keyboard.type("visits")
    silver.get_by_label("Number").last.fill("3")
    silver.get_by_label("Comparison").last.select_option("<")
    gold.get_by_role("button", name="Remove this condition").first.click()
    gold.get_by_label("Counter").first.fill("orders")
    gold.get_by_label("Number").first.fill("0")
    gold.get_by_role("button", name="Move this level up").click()
    expect(admin.locator("#track-live")).to_have_text("Rank 1 now; not saved yet.")
    admin.get_by_role("button", name="Preview").click()
    result = admin.locator("#track-preview-result")
    expect(result).to_contain_text("1 person would rise")
    silver.get_by_label("Number").first.fill("50")
    expect(result).to_be_empty()
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.get_by_text("was changed successfully")).to_be_visible()
    assert TierTrack.objects.get().version == 2
    assert [
        (each.key, [row["counter"] for row in each.qualification["criteria"]])
        for each in TierLevel.objects.order_by("rank")
    ] == [("gold", ["orders"]), ("silver", ["spent", "visits"])]

    admin.goto(f"/admin/programs/rule/{rule.pk}/change/")
    with admin.context.expect_page() as opened:
        admin.get_by_role("button", name="Replay", exact=True).click()
    page = opened.value
    expect(page.get_by_text("It has not begun yet.")).to_be_visible()
    Worker().drain()
    expect(page.get_by_text("Events replayed")).to_be_visible()
    assert Job.objects.get().report["events"] == 3
    page.close()
