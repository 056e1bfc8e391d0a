import re
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from participants import state
from participants.models import Participant
from programs.models import ApiKey, Program
from tests.conftest import TESTER


@pytest.fixture
def ana(transactional_db: None) -> Participant:
    change = state.Change(
        tags=["vip", "beta"],
        attributes={"plan": "free", "price": Decimal("9.50"), "active": True},
    )
    result = state.change(change, to="ana", by=TESTER, rights=state.ALL_RIGHTS)
    return Participant.objects.get(pk=result.participant_id)


def test_a_participant_is_edited_and_the_timeline_shows_it(admin: Page, ana: Participant) -> None:
    admin.goto("/admin/participants/participant/")
    admin.get_by_role("link", name="ana").click()
    admin.get_by_role("link", name="Edit").click()
    expect(admin.get_by_role("button", name="Save", exact=True)).to_be_in_viewport()
    admin.get_by_label("Remove beta").click()
    admin.get_by_label("Add a tag").fill("Gold")
    admin.get_by_label("Add a tag").press("Enter")
    admin.get_by_label("Value of plan").fill("premium")
    admin.locator("select.truth").select_option("false")
    admin.get_by_role("button", name="Add an attribute").click()
    admin.get_by_label("Key", exact=True).last.fill("visits")
    admin.get_by_label("Kind of the new attribute").select_option("number")
    admin.get_by_label("Value of the new attribute").fill("3")
    admin.get_by_label("Remove price").click()
    # Leaving now would lose it, which the browser asks about.
    admin.once("dialog", lambda dialog: dialog.dismiss())
    admin.get_by_role("link", name="Overview").click()
    admin.get_by_role("button", name="Save", exact=True).click()

    expect(admin.get_by_text("was changed successfully")).to_be_visible()
    shown = admin.locator(".timeline > li h3").all_inner_texts()
    assert {re.sub(r"\s+", " ", line).strip() for line in shown[:6]} == {
        "Tag beta removed",
        "Tag gold added",
        "Attribute plan free → premium",
        "Attribute active true → false",
        "Attribute visits 3",
        "Attribute price 9.50 → none",
    }
    stored = Participant.objects.get()
    assert stored.tags == ["vip", "gold"]
    assert stored.attributes == {"plan": "premium", "active": False, "visits": 3}


def test_by_keyboard_alone_a_participant_is_found_tagged_enrolled_and_suspended(
    admin: Page, ana: Participant
) -> None:
    Program.objects.create(name="Club")
    press = admin.keyboard.press

    def tab_to(name: str, most: int = 12, *, skips: bool = True) -> None:
        """Press Tab until the element with this text has the focus; past the menu by the skip link."""
        if skips:
            press("Tab")
            press("Enter")
        for _ in range(most - skips):
            press("Tab")
            text = "document.activeElement.innerText || document.activeElement.getAttribute('aria-label') || ''"
            if str(admin.evaluate(text)).strip() == name:
                press("Enter")
                return
        raise AssertionError(f"{name} is more than {most} Tabs away")

    admin.goto("/admin/participants/participant/?q=ana")
    tab_to("ana", skips=False)  # the search has the focus
    expect(admin.get_by_role("heading", name="ana", exact=True)).to_be_visible()
    tab_to("Tag")
    expect(admin.get_by_label("Add")).to_be_focused()
    admin.keyboard.type("friend")
    admin.get_by_label("Reason").press("Enter")  # previews
    expect(admin.get_by_role("button", name="Tag")).to_be_focused()
    press("Enter")
    expect(admin.get_by_text("Tags of ana: added friend.")).to_be_visible()
    tab_to("Enroll")
    expect(admin.get_by_label("Program")).to_be_focused()
    admin.get_by_label("Reason").press("Enter")
    expect(admin.get_by_role("button", name="Enroll")).to_be_focused()
    press("Enter")
    expect(admin.get_by_text("ana was enrolled in Club.")).to_be_visible()
    tab_to("Suspend")
    expect(admin.get_by_label("Reason")).to_be_focused()
    admin.keyboard.type("Fraud")
    press("Enter")
    expect(admin.get_by_text("ana was suspended.")).to_be_visible()

    ana.refresh_from_db()
    assert (ana.status, ana.tags) == ("SUSPENDED", ["vip", "beta", "friend"])
    assert ana.enrollments.get().program.name == "Club"


def test_a_tag_that_was_typed_and_not_entered_is_saved(admin: Page, ana: Participant) -> None:
    admin.goto(f"/admin/participants/participant/{ana.pk}/edit/")
    admin.get_by_label("Add a tag").fill("new")
    admin.get_by_role("button", name="Save", exact=True).click()

    expect(admin.get_by_text("was changed successfully")).to_be_visible()
    assert Participant.objects.get().tags == ["vip", "beta", "new"]


def test_selected_participants_are_enrolled_in_a_program_found_by_its_name(
    admin: Page, ana: Participant
) -> None:
    Program.objects.create(name="Silver club")
    Program.objects.create(name="Gold club")
    admin.goto("/admin/participants/participant/")
    admin.locator("input.action-select").check()
    admin.get_by_label("Action:").select_option("enroll")
    admin.get_by_role("button", name="Go").click()
    admin.locator(".select2-selection").click()
    admin.locator(".select2-search__field").fill("gold")
    admin.get_by_role("option", name="Gold club").click()
    admin.get_by_role("button", name="Enroll").click()

    expect(admin.get_by_text("Enrolled in Gold club: ana.")).to_be_visible()
    assert ana.enrollments.get().program.name == "Gold club"


def test_an_issued_key_is_seen_once_and_a_reload_issues_no_other(admin: Page) -> None:
    admin.goto("/admin/programs/apikey/add/")
    admin.get_by_label("Name").fill("shop")
    admin.get_by_label("participants:read").check()
    admin.get_by_role("button", name="Save", exact=True).click()
    key = admin.locator("#issued-key").inner_text()
    admin.reload()

    expect(admin.get_by_role("heading", name="shop")).to_be_visible()
    assert re.fullmatch("lrl_[0-9A-Za-z]{38}", key)
    assert key not in admin.content()
    assert ApiKey.objects.get().suffix == key[-4:]


@pytest.mark.parametrize(
    "path",
    [
        "participants/participant/",
        "participants/participant/{ana}/change/",
        "participants/participant/{ana}/edit/",
        "participants/participant/{ana}/tags/",
        "participants/enrollment/",
        "participants/statechange/",
        "programs/program/",
        "programs/apikey/add/",
    ],
)
def test_a_page_fits_a_phone(admin: Page, ana: Participant, path: str) -> None:
    change = state.Change(program_id=Program.objects.create(name="Club").pk)
    change.profile = {"display_name": "W" * 250, "first_name": "x" * 250}
    change.attributes = {"k" * 100: "v" * 1000}
    state.change(change, to=ana.pk, by=TESTER)
    admin.set_viewport_size({"width": 390, "height": 800})

    admin.goto(f"/admin/{path.format(ana=ana.pk)}")

    assert admin.evaluate("document.documentElement.scrollWidth") <= 390


def test_tags_and_attributes_are_edited_without_javascript(admin: Page, ana: Participant) -> None:
    admin.context.route("**/*.js", lambda route: route.abort())
    admin.goto(f"/admin/participants/participant/{ana.pk}/edit/")
    admin.get_by_role("textbox", name="Tags:").fill("vip\nGold")
    admin.get_by_label("Key", exact=True).nth(0).fill("")
    admin.get_by_label("Value of", exact=False).nth(0).fill("")
    admin.get_by_label("Key", exact=True).last.fill("level")
    admin.get_by_label("Value of the new attribute").last.fill("high")
    admin.get_by_role("button", name="Save", exact=True).click()

    expect(admin.get_by_text("was changed successfully")).to_be_visible()
    stored = Participant.objects.get()
    removed = next(iter(ana.attributes))
    assert stored.tags == ["vip", "gold"]
    assert stored.attributes == {
        **{key: value for key, value in ana.attributes.items() if key != removed},
        "level": "high",
    }
