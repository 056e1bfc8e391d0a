from playwright.sync_api import Dialog, Page, expect

from participants.models import Participant


def test_the_keyboard_and_a_phone_reach_what_every_page_has(
    admin: Page, participant: Participant
) -> None:
    admin.goto("/admin/programs/")
    admin.keyboard.press("/")
    admin.keyboard.type("ana")
    admin.keyboard.press("Enter")
    expect(admin.get_by_role("link", name="ana", exact=True)).to_be_focused()
    admin.goto("/admin/participants/participant/")
    expect(admin.get_by_label("Search")).to_be_focused()

    admin.set_viewport_size({"width": 390, "height": 844})
    menu = admin.get_by_role("navigation", name="Main")
    expect(menu).to_be_hidden()
    admin.get_by_role("button", name="Menu").click()
    menu.get_by_role("link", name="Programs").click()
    expect(admin.get_by_role("heading", name="Programs", exact=True)).to_be_visible()
    admin.get_by_role("button", name="Filters").click()
    expect(admin.get_by_role("heading", name="Filters")).to_be_visible()


def test_leaving_unsaved_edits_asks_first(admin: Page) -> None:
    asked: list[str] = []

    def agree(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    admin.on("dialog", agree)
    admin.goto("/admin/programs/program/add/")

    admin.get_by_role("link", name="Rules").click()
    expect(admin.get_by_role("heading", name="Rules", exact=True)).to_be_visible()
    assert asked == []
    admin.goto("/admin/programs/program/add/")
    expect(admin.get_by_role("button", name="Save", exact=True)).to_be_in_viewport()
    admin.get_by_label("Name").fill("Club")
    admin.get_by_role("link", name="Rules").click()
    expect(admin.get_by_role("heading", name="Rules", exact=True)).to_be_visible()
    assert asked == ["beforeunload"]
    admin.goto("/admin/programs/program/add/")
    admin.get_by_label("Name").fill("Club")
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.get_by_text("was added successfully")).to_be_visible()
    assert asked == ["beforeunload"]
