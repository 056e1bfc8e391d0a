import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from participants.models import ActionType, JournalEntry, Participant
from participants.state.counters import CounterChange, set_counter
from programs.models import TierLevel, TierTrack
from tests.conftest import TESTER
from tests.participants.ledger_world import World, make_world


@pytest.fixture
def world(transactional_db: None) -> World:
    """Ana with a little of everything."""
    world = make_world()
    world.credit("100", description="Welcome")
    world.move(ActionType.HOLD, "20", description="Order 17")
    world.credit("15", description="Order 18", matures_at=timezone.now() + timedelta(days=14))
    daily = CounterChange(Decimal(3), timedelta(hours=24), sets_window=True)
    set_counter("ana", "visits_today", daily, by=TESTER)
    track = TierTrack.objects.create(
        program=world.program, key="status", display_name="Club status"
    )
    TierLevel.objects.create(track=track, key="gold", rank=1, display_name="Gold")
    return world


def page_of(name: str = "ana", page: str = "change/") -> str:
    participant = Participant.objects.get(external_id=name)
    return f"/admin/participants/participant/{participant.pk}/{page}"


def rows(admin: Page, table: str) -> list[str]:
    found = admin.locator(f"{table} tbody tr")
    expect(found.first).to_be_visible()
    shown = found.all_inner_texts()
    return [re.sub(r"\s+", " ", row).strip() for row in shown]


def balance(admin: Page) -> str:
    return re.sub(r"\s+", " ", admin.locator(".balance").inner_text()).strip()


def test_a_balance_is_adjusted_and_the_movement_stands_in_the_journal(
    admin: Page, world: World
) -> None:
    admin.goto("/admin/participants/participant/")
    admin.get_by_role("link", name="ana").click()
    assert balance(admin).startswith("Points 80.00 PTS 20.00 held, 15.00 deferred 15.00 available ")
    admin.get_by_role("link", name="Adjust").click()
    admin.get_by_label("Program and asset").select_option(label="Club: Points (PTS)")
    admin.get_by_label("Action").select_option("DEBIT")
    admin.get_by_label("Amount").fill("30.5")
    admin.get_by_label("Reason").fill("Refund of order 12")
    admin.get_by_role("button", name="Preview").click()
    expect(admin.get_by_role("heading", name="Before and after")).to_be_visible()

    assert rows(admin, ".before-and-after") == [
        "Available 80.00 -30.50 49.50",
        "Held 20.00 20.00",
        "Deferred 15.00 15.00",
    ]
    admin.get_by_role("button", name="Confirm").dblclick()

    told = "Debit of 30.50 PTS; now 49.50 available, 20.00 held, 15.00 deferred."
    expect(admin.get_by_text(told)).to_be_visible()
    assert balance(admin).startswith("Points 49.50 PTS 20.00 held, 15.00 deferred")
    newest = admin.locator(".timeline > li").first
    expect(newest).to_contain_text("Refund of order 12")
    expect(newest).to_contain_text("then 49.50 available")
    admin.get_by_role("link", name="Movements").click()
    admin.get_by_role("link", name="Open in the journal").click()
    expect(admin.get_by_text("4 journal entries")).to_be_visible()
    listed = rows(admin, "#result_list")
    assert "ana Debit -30.50 PTS Club Refund of order 12 staff:alex" in listed[0]
    admin.locator("#result_list tbody tr").first.get_by_role("link").first.click()
    digest = bytes(JournalEntry.objects.get(description="Refund of order 12").entry_hash).hex()
    expect(admin.get_by_text(digest)).to_be_visible()


def test_the_form_asks_only_what_the_action_takes(admin: Page, world: World) -> None:
    admin.goto(page_of(page="adjust/"))
    asked = {
        "CREDIT": (True, True, False),
        "DEBIT": (True, False, True),
        "HOLD": (False, False, False),
        "FORFEIT": (True, False, False),
    }

    for action, shown in asked.items():
        admin.get_by_label("Action").select_option(action)
        fields = (
            admin.get_by_label(label) for label in ("Bucket", "Matures at", "Allow a negative")
        )
        assert tuple(field.is_visible() for field in fields) == shown


def test_a_balance_is_adjusted_by_keyboard_without_javascript(admin: Page, world: World) -> None:
    admin.context.route("**/*.js", lambda route: route.abort())
    admin.goto(page_of(page="adjust/"))
    admin.get_by_label("Program and asset").focus()
    press = admin.keyboard.press
    for key in ("Tab", "d", "Tab", "Tab"):  # to the action, a debit of available, to the amount
        press(key)
    admin.keyboard.type("81")
    press("Enter")
    expect(admin.get_by_text("This field is required.")).to_be_visible()
    admin.get_by_label("Reason").focus()
    admin.keyboard.type("By hand")
    press("Enter")
    expect(admin.get_by_text("AVAILABLE has 80, less than the 81 asked for.")).to_be_visible()
    admin.get_by_label("Amount").fill("8")
    press("Enter")
    admin.get_by_role("button", name="Back to the form").press("Enter")
    assert admin.get_by_label("Amount").input_value() == "8"
    admin.get_by_label("Amount").press("Enter")
    admin.get_by_role("button", name="Confirm").press("Enter")

    expect(admin.get_by_text("now 72.00 available")).to_be_visible()
    assert world.balance() == ("72", "20", "15")


def test_a_counter_and_a_tier_are_set_from_the_participants_page(admin: Page, world: World) -> None:
    admin.goto(page_of())
    admin.get_by_role("link", name="visits_today").click()
    admin.get_by_label("Value").fill("12.50")
    admin.get_by_role("button", name="Preview").click()
    admin.get_by_role("button", name="Set").click()
    expect(admin.get_by_text("was set to 12.5.")).to_be_visible()
    expect(admin.locator("#counters li")).to_contain_text("resets after 24h")
    expect(admin.locator("#counters li")).to_contain_text("12.5")
    admin.get_by_role("link", name="Set tier").click()
    admin.get_by_label("Level").select_option("gold")
    admin.get_by_label("Expires at").fill("2100-01-01T10:30:00")
    admin.get_by_role("button", name="Preview").click()
    admin.get_by_role("button", name="Set tier").click()

    expect(admin.get_by_text("Club status: ana is on Gold.")).to_be_visible()
    expect(admin.locator(".standing")).to_contain_text("Lent until 2100-01-01 10:30")


def test_the_journal_is_filtered_by_days_and_exported(admin: Page, world: World) -> None:
    admin.goto("/admin/participants/journalentry/")
    for title in ("By day", "By day it happened"):
        admin.get_by_role("button", name="Filters").click()
        days = admin.get_by_role("form", name=title, exact=True)
        days.get_by_label("To").fill("2001-01-01")
        days.get_by_role("button", name="Filter").click()
        expect(admin.get_by_text("0 journal entries")).to_be_visible()
        admin.get_by_role("button", name="Filters").click()
        admin.get_by_role("link", name="Any day").click()
        expect(admin.get_by_text("3 journal entries")).to_be_visible()

    with admin.expect_download() as download:
        admin.get_by_role("link", name="Export as CSV").click()

    assert re.fullmatch(r"journal-[0-9T-]+Z\.csv", download.value.suggested_filename)
    assert download.value.path().read_bytes().count(b"\r\n") == 4


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_fit(
    admin: Page, world: World, width: int, colours: str, shots: str | None
) -> None:
    world.debit("90", allow_negative=True, description="Chargeback " + "x" * 200)
    track = TierTrack.objects.get()
    entry = JournalEntry.objects.all()[0]
    admin.set_viewport_size({"width": width, "height": 900})
    admin.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
    pages = {
        "participant": page_of(),
        "counter": page_of(page="counter/?key=visits_today"),
        "tier": page_of(page=f"tiers/{track.pk}/"),
        "journal": "/admin/participants/journalentry/",
        "entry": f"/admin/participants/journalentry/{entry.pk}/change/",
        "adjust": page_of(page="adjust/"),
    }

    def fits(name: str) -> None:
        if shots:
            admin.screenshot(path=f"{shots}/{name}-{width}-{colours}.png", full_page=True)
        assert admin.evaluate("document.documentElement.scrollWidth") <= width, name

    for name, path in pages.items():
        admin.goto(path)
        fits(name)
    admin.get_by_label("Program and asset").select_option(label="Club: Points (PTS)")
    admin.get_by_label("Amount").fill("1e3")
    admin.get_by_label("Reason").fill(
        "Twelve words that say why this participant is given some more points"
    )
    admin.get_by_role("button", name="Preview").click()
    expect(admin.get_by_text("Please correct the error below.")).to_be_visible()
    fits("adjust-error")
    admin.get_by_label("Amount").fill("5")
    admin.get_by_role("button", name="Preview").click()
    expect(admin.get_by_role("heading", name="Before and after")).to_be_visible()
    fits("adjust-confirm")


@pytest.fixture
def shots() -> str | None:
    """Where to leave pictures of the pages; set it while working on them."""
    return None
