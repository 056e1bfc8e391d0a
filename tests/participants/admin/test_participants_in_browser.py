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


def test_a_participant_is_edited_and_the_history_shows_it(admin: Page, ana: Participant) -> None:
    admin.goto("/admin/participants/participant/")
    admin.get_by_role("link", name="ana").click()
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
    admin.get_by_role("button", name="Save and continue editing").click()

    expect(admin.get_by_text("was changed successfully")).to_be_visible()
    shown = admin.locator(".state-history tbody tr").all_inner_texts()
    changes = {re.sub(r"\s+", " ", row).strip().split(" ", 2)[2] for row in shown[:6]}
    assert changes == {
        "Tag beta Remove beta staff:alex",
        "Tag gold Add gold staff:alex",
        "Attribute plan Change free premium staff:alex",
        "Attribute active Change true false staff:alex",
        "Attribute visits Add 3 staff:alex",
        "Attribute price Remove 9.50 staff:alex",
    }
    stored = Participant.objects.get()
    assert stored.tags == ["vip", "gold"]
    assert stored.attributes == {"plan": "premium", "active": False, "visits": 3}


def test_a_tag_that_was_typed_and_not_entered_is_saved(admin: Page, ana: Participant) -> None:
    admin.goto(f"/admin/participants/participant/{ana.pk}/change/")
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

    expect(admin.get_by_text("1 changed, 0 already up to date.")).to_be_visible()
    assert ana.enrollments.get().program.name == "Gold club"


def test_an_issued_key_is_seen_once_and_a_reload_issues_no_other(admin: Page) -> None:
    admin.goto("/admin/programs/apikey/add/")
    admin.get_by_label("Name").fill("shop")
    admin.get_by_label("participants:read").check()
    admin.get_by_role("button", name="Save", exact=True).click()
    key = admin.locator("#issued-key").inner_text()
    admin.reload()

    expect(admin.get_by_role("heading", name="Change API key")).to_be_visible()
    assert re.fullmatch("lrl_[0-9A-Za-z]{38}", key)
    assert key not in admin.content()
    assert ApiKey.objects.get().suffix == key[-4:]


@pytest.mark.parametrize(
    "path",
    [
        "participants/participant/",
        "participants/participant/{ana}/change/",
        "participants/enrollment/",
        "participants/statechange/",
        "programs/program/",
        "programs/apikey/add/",
    ],
)
def test_a_page_fits_a_phone(admin: Page, ana: Participant, path: str) -> None:
    state.change(
        state.Change(program_id=Program.objects.create(name="Club").pk), to=ana.pk, by=TESTER
    )
    admin.set_viewport_size({"width": 390, "height": 800})

    admin.goto(f"/admin/{path.format(ana=ana.pk)}")

    assert admin.evaluate("document.documentElement.scrollWidth") <= 390


def test_tags_and_attributes_are_edited_without_javascript(admin: Page, ana: Participant) -> None:
    admin.context.route("**/*.js", lambda route: route.abort())
    admin.goto(f"/admin/participants/participant/{ana.pk}/change/")
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
