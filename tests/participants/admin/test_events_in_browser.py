import re

import pytest
from playwright.sync_api import Page, expect

from participants.events import process
from participants.models import Event
from programs import rulebook
from programs.models import Asset, AssetLink, Program, Rule
from tests.conftest import TESTER
from tests.participants.admin.event_pages import (
    make_mistake,
    make_redemption,
    make_rule,
    page_of,
    stored,
)


@pytest.fixture
def told(transactional_db: None) -> Program:
    """Ana's events: one that earned, one that failed, one with a rule error, one that waits, one that was put off."""
    program = Program.objects.create(name="Coffee club")
    points = Asset.objects.create(name="Points", symbol="POINTS", scale=2)
    AssetLink.objects.create(program=program, asset=points)
    make_rule(
        program,
        "Twelve points for a purchase",
        {"type": "CREDIT", "asset_id": str(points.pk), "amount": "event.amount * 0.2"},
        {"type": "COUNTER", "key": "purchases", "value": "1"},
        {"type": "SET_ATTRIBUTE", "key": "favourite", "expression": "event.items[0].sku"},
        condition='event.type == "purchase"',
    )
    make_rule(program, "Big ones", {"type": "TAG", "tag": "big"}, condition="event.amount > 500.0")
    make_rule(program, "On birthdays", {"type": "TAG", "tag": "b"}, condition="event.birthday")
    data = {"type": "purchase", "amount": 60, "items": [{"sku": "espresso-beans-1kg", "price": 60}]}
    stored(program, "order-4711", event_data=data)
    process.process_batch()
    make_redemption(program, points)
    stored(program, "order-4712-" + "x" * 120, event_data=data)
    process.process_batch()
    rulebook.change(Rule.objects.get(name="Redeem").pk, {"status": "SUSPENDED"}, by=TESTER)
    mistake = make_mistake(program)
    stored(program, "order-4710", event_data=data)
    process.process_batch()
    rulebook.change(mistake.pk, {"status": "SUSPENDED"}, by=TESTER)
    stored(program, "order-4713", event_data=data)
    put_off = stored(program, "order-4714", of="eva", event_data=data)
    Event.objects.filter(pk=put_off.pk).update(attempts=3, next_attempt_at="2100-01-01T00:00:00Z")
    return program


def test_a_failed_event_is_found_understood_and_tried_again(admin: Page, told: Program) -> None:
    admin.goto("/admin/participants/event/")
    admin.get_by_role("button", name="Filters").click()
    admin.get_by_role("link", name="Failed", exact=True).click()
    expect(admin.get_by_text("1 event", exact=True)).to_be_visible()
    admin.locator("#result_list tbody tr").get_by_role("link").first.click()
    expect(admin.get_by_text("Rule “Redeem”, action 2: DEBIT: ")).to_be_visible()
    admin.get_by_role("button", name="Retry").click()
    expect(admin.get_by_text("will be retried.")).to_be_visible()
    expect(admin.get_by_text("Waiting to be processed.")).to_be_visible()
    process.process_batch()
    admin.reload()

    expect(admin.get_by_text("+12.00 POINTS, purchases 3")).to_be_visible()
    admin.get_by_role("link", name="Journal entry").click()
    admin.get_by_role("link", name="The event that caused it").click()
    admin.get_by_role("link", name="Big ones").click()
    assert re.search(r"/admin/programs/rule/[0-9a-f-]+/change/$", admin.url)


def test_all_events_with_rule_errors_are_retried_after_a_confirmation(
    admin: Page, told: Program
) -> None:
    admin.goto("/admin/participants/event/")
    admin.get_by_role("button", name="Filters").click()
    admin.get_by_role("link", name="With rule errors").click()
    expect(admin.get_by_text("1 event", exact=True)).to_be_visible()
    admin.get_by_role("link", name="Retry all that failed…").click()
    expect(admin.get_by_text("1 completed with rule errors.")).to_be_visible()
    admin.get_by_role("button", name="Retry them").click()

    expect(admin.get_by_text("1 will be retried.")).to_be_visible()
    expect(admin.get_by_text("Waiting to be retried.")).to_be_visible()


def test_the_list_is_filtered_by_a_participant(admin: Page, told: Program) -> None:
    admin.goto("/admin/participants/event/?status__exact=PENDING")
    admin.get_by_role("button", name="Filters").click()
    admin.get_by_label("External id").fill("eva")
    admin.locator(".tag-filter").get_by_role("button", name="Filter").click()
    expect(admin.get_by_text("1 event", exact=True)).to_be_visible()
    admin.get_by_role("button", name="Filters").click()
    admin.get_by_role("link", name="Any participant").click()

    expect(admin.get_by_text("2 events", exact=True)).to_be_visible()


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_fit(
    admin: Page, told: Program, width: int, colours: str, shots: str | None
) -> None:
    events = {event.idempotency_key[:10]: event for event in Event.objects.all()}
    ana = events["order-4711"].participant_id
    admin.set_viewport_size({"width": width, "height": 900})
    admin.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
    pages = {
        "list": "/admin/participants/event/",
        "completed": page_of(events["order-4711"]),
        "failed": page_of(events["order-4712"]),
        "errors": page_of(events["order-4710"]),
        "retry": "/admin/participants/event/retry/",
        "waiting": page_of(events["order-4714"]),
        "participant": f"/admin/participants/participant/{ana}/change/",
        "entry": "/admin/participants/journalentry/",
        "history": "/admin/participants/statechange/",
    }

    for name, path in pages.items():
        admin.goto(path)
        if name == "entry":
            admin.locator("#result_list tbody tr").first.get_by_role("link").first.click()
            expect(admin.get_by_text("The event that caused it")).to_be_visible()
        if shots:
            admin.screenshot(path=f"{shots}/{name}-{width}-{colours}.png", full_page=True)
        assert admin.evaluate("document.documentElement.scrollWidth") <= width, name


@pytest.fixture
def shots() -> str | None:
    """Where to leave pictures of the pages; set it while working on them."""
    return None
