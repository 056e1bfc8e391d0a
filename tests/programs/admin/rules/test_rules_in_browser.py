"""The rule editor as program managers use it: by keyboard, with and without a script."""

import pytest
from django.contrib.auth.models import Permission, User
from playwright.sync_api import Dialog, Locator, Page, Route, expect

from participants.models import JournalEntry, Participant
from programs import rulebook, tracks
from programs.api.tiers import NewTierTrackSerializer
from programs.models import Asset, AssetLink, Program, Rule
from tests.conftest import TESTER


@pytest.fixture
def club(transactional_db: None) -> Program:
    """A program with points and a status."""
    club = Program.objects.create(name="Club")
    points = Asset.objects.create(name="Points", symbol="PTS", scale=2)
    AssetLink.objects.create(program=club, asset=points)
    gold = {"key": "gold", "rank": 1, "display_name": "Gold", "qualification": None, "benefits": []}
    track = {"key": "status", "display_name": "Status", "levels": [gold]}
    tracks.create(club.pk, NewTierTrackSerializer.read(track), by=TESTER)
    return club


@pytest.fixture
def rule(club: Program) -> Rule:
    """Five percent in points, for purchases above fifty."""
    return make_rule(
        club,
        "Five percent",
        condition='event.type == "purchase" && event.amount > 50',
        actions=[
            {
                "type": "CREDIT",
                "asset_id": str(Asset.objects.get().pk),
                "amount": "round(event.amount * 0.05, 2)",
                "description": "Five percent of your purchase",
            },
            {"type": "TAG", "tag": "buyer"},
            {"type": "SET_TIER", "tier": "status", "level": "gold"},
        ],
    )


def make_rule(club: Program, name: str, **more: object) -> Rule:
    body = {"program_id": str(club.pk), "name": name, "condition": "true", "actions": [], **more}
    return rulebook.create(rulebook.clean_new(body), by=TESTER)


def page_of(rule: Rule) -> str:
    return f"/admin/programs/rule/{rule.pk}/change/"


def marked(admin: Page) -> str:
    """The piece of the text that is marked as wrong, in the field where it is."""
    return "".join(admin.locator(".cm-content mark").all_inner_texts())


def editor(admin: Page, field: str) -> Locator:
    """What one writes in for this field."""
    return admin.locator(f".rule-code-editor:has(+ #{field}) .cm-content")


def press(admin: Page, *keys: str) -> None:
    for key in keys:
        admin.keyboard.press(key)


def tab_to(admin: Page, name: str) -> None:
    """Go on by Tab alone to the control that a screen reader calls so."""
    for _ in range(120):
        admin.keyboard.press("Tab")
        focused = admin.locator(":focus")
        if focused.count() and focused.evaluate(
            """(element, name) => [element.ariaLabel, element.value, element.textContent,
            document.getElementById(element.getAttribute("aria-labelledby"))?.textContent,
            ...[...element.labels ?? []].map((label) => label.textContent)]
            .some((words) => words && words.trim().replace(/:$/, "") === name)""",
            name,
        ):
            return
    raise AssertionError(f"{name} is not to be reached")


def test_a_rule_is_written_tried_and_saved_by_keyboard_alone(admin: Page, club: Program) -> None:
    admin.goto("/admin/programs/rule/add/")
    tab_to(admin, "Club")
    press(admin, "Enter")
    expect(admin.get_by_role("heading", name="Try it")).to_be_visible()
    tab_to(admin, "Name")
    admin.keyboard.type("Large purchases")
    tab_to(admin, "Condition")
    admin.keyboard.type("event.amount >= 50 &&\n  event.type = ")

    note = admin.locator("#id_condition_note")
    expect(note).to_contain_text("Line 2, column 14")
    expect(note).to_have_attribute("aria-live", "polite")
    expect(admin.get_by_label("Condition:")).to_have_attribute("aria-invalid", "true")
    assert marked(admin) == "="
    press(admin, "Backspace", "Backspace")
    admin.keyboard.type('== "purchase"')
    expect(note).to_be_empty()
    assert marked(admin) == ""

    tab_to(admin, "What happens")
    admin.keyboard.type("Cred")
    tab_to(admin, "Asset")
    admin.keyboard.type("Poi")
    tab_to(admin, "Amount")
    admin.keyboard.type("event.amount * ")
    amount = admin.locator("#id_actions-0-amount_note")
    expect(amount).to_contain_text("The rule ends too early")
    admin.keyboard.type("0.1")
    expect(amount).to_be_empty()
    tab_to(admin, "Add an action")
    press(admin, "Enter")
    assert admin.evaluate("document.activeElement.id") == "id_actions-2-type"
    admin.keyboard.type("Tag")
    press(admin, "Tab", "Tab", "Tab")  # over the buttons of the row; "Down" is off
    admin.keyboard.type("Buyer")
    press(admin, "Shift+Tab", "Shift+Tab", "Enter")  # up
    expect(admin.locator("#rule-actions-live")).to_have_text("This is now action 1 of 2.")
    tab_to(admin, "Try it")
    press(admin, "Enter")
    result = admin.get_by_role("status")
    expect(result.get_by_role("heading", name="Matched")).to_be_visible()
    expect(result).to_contain_text("available 109.95")
    assert not Rule.objects.exists()
    tab_to(admin, "Save")
    press(admin, "Enter")

    expect(admin.get_by_text("was added successfully")).to_be_visible()
    rule = Rule.objects.get()
    assert (rule.name, rule.program) == ("Large purchases", club)
    assert rule.condition == 'event.amount >= 50 &&\n  event.type == "purchase"'
    assert [(each["type"], each.get("amount")) for each in rule.actions] == [
        ("TAG", None),
        ("CREDIT", "event.amount * 0.1"),
    ]


def test_a_condition_is_built_by_keyboard_and_read_back(admin: Page, club: Program) -> None:
    admin.goto(f"/admin/programs/rule/add/?program={club.pk}")
    condition, text = admin.get_by_label("Condition:"), admin.locator("#id_condition")
    tab_to(admin, "Add a condition")
    press(admin, "Enter")
    admin.keyboard.type("amount")
    press(admin, "Tab")
    admin.keyboard.type("is at least")
    press(admin, "Tab")
    admin.keyboard.type("many")
    row = admin.locator(".rule-condition-row")
    expect(row.locator(".rule-note")).to_contain_text("Write a number")
    expect(text).to_have_value("")
    press(admin, *["Backspace"] * 4)
    admin.keyboard.type("49.90")
    expect(text).to_have_value("event.amount >= 49.9")
    tab_to(admin, "Add a group")
    press(admin, "Enter", "Tab")
    admin.keyboard.type("Status level")
    press(admin, "Tab", "Tab")
    admin.keyboard.type("Gold")
    press(admin, "Tab", "Tab")
    admin.keyboard.type("tags")
    press(admin, "Tab", "Tab")
    admin.keyboard.type("vip")
    built = 'event.amount >= 49.9 && (participant.tiers.status.level == "gold" || "vip" in participant.tags)'
    expect(text).to_have_value(built.replace(" && ", "\n&& "))

    condition.fill("has(event.coupon) && event.items.exists(i, i.sku in ['A', 'B'])")
    expect(admin.get_by_label("Values, with commas between them")).to_have_value("A, B")
    expect(row).to_have_count(2)
    condition.fill("event.amount > event.least")
    expect(admin.locator("#rule-builder")).to_contain_text("more than rows can")


def test_an_old_answer_is_not_shown_for_a_newer_text(admin: Page, rule: Rule) -> None:
    """The first question is answered last."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        if "wrong" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    admin.goto(page_of(rule))
    admin.route("**/v1/rules/validate", hold)
    condition, note = admin.get_by_label("Condition:"), admin.locator("#id_condition_note")
    with admin.expect_request(lambda request: "wrong" in (request.post_data or "")):
        condition.fill("wrong wrong")
    condition.fill("event.amount > ")
    expect(note).to_contain_text("ends too early")
    held[0].continue_()
    admin.wait_for_timeout(300)

    expect(note).to_contain_text("ends too early")


def test_a_name_is_found_in_the_reference_and_written_at_the_cursor(
    admin: Page, rule: Rule
) -> None:
    admin.goto(page_of(rule))
    amount = editor(admin, "id_actions-0-amount")
    amount.fill("")
    find = admin.get_by_role("complementary", name="Reference").get_by_label("Find")
    find.fill("min")
    find.press("Enter")  # does not send the page
    more = admin.get_by_role("link", name="More about min", exact=True)
    assert (more.get_attribute("href") or "").endswith("/docs/rules#min")
    admin.get_by_role("button", name="min", exact=True).press("Enter")
    admin.keyboard.type("event.amount, ")
    find.fill("PTS")
    admin.get_by_role("button", name="participant.balances.PTS.available").press("Enter")

    expect(admin.locator("#id_actions-0-amount")).to_have_value(
        "min(event.amount, participant.balances.PTS.available)"
    )
    expect(amount).to_be_focused()
    admin.goto("/docs/rules#min")
    expect(admin.locator('[id="min"]')).to_be_in_viewport()


def test_what_the_server_refuses_is_marked_and_goes_when_it_is_mended(
    admin: Page, rule: Rule
) -> None:
    admin.goto(page_of(rule))
    editor(admin, "id_actions-0-amount").fill("event.amount *")
    admin.locator("#id_actions-1-tag").fill("")
    admin.get_by_role("button", name="Save", exact=True).click()

    first, second = admin.locator(".rule-action").nth(0), admin.locator(".rule-action").nth(1)
    expect(first.locator(".errorlist")).to_contain_text("The rule ends too early")
    expect(first.locator(".cm-content mark")).to_have_count(1)
    expect(second.locator(".errorlist")).to_have_count(1)
    second.get_by_role("textbox", name="Tag").fill("vip")
    expect(second.locator(".errorlist")).to_have_count(0)
    first.get_by_label("Amount").fill("1")
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.get_by_text("was changed successfully")).to_be_visible()
    assert rulebook.found(rule.pk).actions[0]["amount"] == "1"


def test_a_rule_is_written_without_a_script(admin: Page, club: Program) -> None:
    admin.context.route("**/*.js", lambda route: route.abort())
    admin.goto(f"/admin/programs/rule/add/?program={club.pk}")
    assert not admin.locator("#rule-try").is_visible()
    admin.get_by_role("textbox", name="Name").fill("Visits")
    admin.get_by_label("Condition:").fill("true")
    first, second = admin.locator(".rule-action").nth(0), admin.locator(".rule-action").nth(1)
    first.get_by_label("What happens").select_option("COUNTER")
    first.get_by_role("textbox", name="Counter").fill("visits")
    first.get_by_label("Position").fill("2")
    second.get_by_label("What happens").select_option("SET_TIER")
    second.get_by_role("combobox", name="Tier").select_option("status:gold")
    second.get_by_label("Position").fill("1")
    admin.get_by_role("button", name="Save", exact=True).click()
    refused = admin.locator(".rule-action", has=admin.locator(".errorlist"))
    expect(refused.locator("#id_actions-0-added_error")).to_have_text("This field is required.")
    refused.get_by_label("Adds").fill("1")
    admin.get_by_role("button", name="Save", exact=True).click()

    expect(admin.get_by_text("was added successfully")).to_be_visible()
    assert [each["type"] for each in Rule.objects.get().actions] == ["SET_TIER", "COUNTER"]


def test_rules_are_reordered_by_keyboard(admin: Page, club: Program) -> None:
    first, second, third = (make_rule(club, name) for name in ("first", "second", "third"))
    admin.goto(f"/admin/programs/rule/?program={club.pk}")
    admin.get_by_role("link", name="Change the order").press("Enter")
    tab_to(admin, "Move third up")
    press(admin, "Enter", "Enter")

    expect(admin.get_by_role("button", name="Move third down")).to_be_focused()
    expect(admin.locator("#rule-order-live")).to_have_text(
        "third is now number 1 of 3; not saved yet."
    )
    tab_to(admin, "Save this order")
    press(admin, "Enter")
    expect(admin.get_by_text("was saved")).to_be_visible()
    assert list(Rule.objects.in_order()) == [third, first, second]


def test_rules_are_reordered_without_a_script(admin: Page, club: Program) -> None:
    first, second, third = (make_rule(club, name) for name in ("first", "second", "third"))
    admin.context.route("**/*.js", lambda route: route.abort())
    admin.goto(f"/admin/programs/rule/order/{club.pk}/")
    admin.get_by_role("button", name="Move third up").press("Enter")
    expect(admin.get_by_role("button", name="Move third up")).to_be_focused()
    press(admin, "Enter")
    expect(admin.get_by_role("button", name="Move third down")).to_be_focused()
    admin.get_by_role("button", name="Save this order").press("Enter")

    expect(admin.get_by_text("was saved")).to_be_visible()
    assert list(Rule.objects.in_order()) == [third, first, second]


def test_a_rule_is_tried_unsaved_and_tells_why_not(admin: Page, rule: Rule) -> None:
    admin.goto(page_of(rule))
    result, run = admin.get_by_role("status"), admin.get_by_role("button", name="Try it")
    admin.get_by_label("Condition:").fill("event.amount > 100")
    run.click()
    expect(result.get_by_role("heading", name="Did not match")).to_be_visible()
    expect(result).to_contain_text("99.5")

    admin.get_by_label("Condition:").fill("event.amount > 10")
    expect(result).to_contain_text("You have changed something since.")
    admin.get_by_label("Condition:").fill("event.amount > 100")
    expect(result).not_to_contain_text("You have changed something since.")
    admin.get_by_label("Condition:").fill("event.amount > 10")
    action = admin.locator(".rule-action").first
    action.get_by_label("What happens").select_option("DEBIT")
    action.get_by_label("Amount").fill("1000")
    run.click()
    expect(result).to_contain_text("The event would fail")
    expect(admin.locator("#id_actions-0-amount_note")).to_contain_text("100")

    action.get_by_label("Amount").fill("event.nothing")
    run.click()
    expect(result.get_by_role("heading", name="Failed")).to_be_visible()
    expect(result).not_to_contain_text("The event would fail")
    expect(admin.locator("#id_actions-0-amount_note")).to_contain_text("event.nothing is missing")

    action.get_by_label("Amount").fill("1 +")
    run.click()
    expect(result.locator(".errornote")).to_be_visible()
    expect(admin.locator("#id_actions-0-amount_note")).to_contain_text("ends too early")

    action.get_by_label("Amount").fill("25.50")
    admin.get_by_label("Event data").fill('{"amount": 50')
    run.click()
    expect(admin.locator("#rule-try-event_note")).to_contain_text("This is not JSON")
    admin.get_by_label("Event data").fill('{"amount": 50.00}')
    admin.get_by_label("Participant (JSON)").fill('{"balances": {"XXX": {}}}')
    run.click()
    expect(admin.locator("#rule-try-state_note")).to_contain_text("no such asset")
    admin.get_by_label("Participant (JSON)").fill('{"balances": {"PTS": {"available": 30}}}')
    run.click()
    expect(result).to_contain_text("available 4.50")
    assert rulebook.found(rule.pk).version == 1


def test_an_answer_that_is_none_is_not_blamed_on_the_json(admin: Page, rule: Rule) -> None:
    admin.goto(page_of(rule))
    admin.route("**/simulate", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))

    admin.get_by_role("button", name="Try it").click()

    expect(admin.get_by_role("status")).to_contain_text("The server did not answer")


def test_a_rule_is_tried_for_a_participant(
    admin: Page, rule: Rule, participant: Participant
) -> None:
    admin.goto(page_of(rule))
    admin.get_by_label("An existing participant").check()
    admin.get_by_label("External id").press_sequentially("an")
    expect(admin.locator("#rule-try-people option")).to_have_attribute("value", "ana")
    admin.get_by_label("External id").fill("nobody")
    admin.get_by_label("Event time").fill("2026-01-15T10:30:00")
    admin.get_by_role("button", name="Try it").click()
    result = admin.get_by_role("status")
    expect(result.locator(".errornote")).to_contain_text("no participant")
    admin.get_by_label("External id").fill("ana")
    admin.get_by_role("button", name="Try it").click()

    expect(result.get_by_role("heading", name="Matched")).to_be_visible()
    expect(result).to_contain_text("available 4.98")
    assert not JournalEntry.objects.exists()


def test_who_may_only_look_tries_the_rule_as_it_is(page: Page, rule: Rule) -> None:
    kim = User.objects.create_user("kim", password="correct horse", is_staff=True)
    kim.user_permissions.set(Permission.objects.filter(codename="view_rule"))
    page.goto(f"/admin/login/?next={page_of(rule)}")
    page.get_by_label("Username").fill("kim")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Try it").click()

    result = page.get_by_role("status")
    expect(result.get_by_role("heading", name="Matched")).to_be_visible()
    assert page.locator("#id_condition").count() == 0


def test_a_button_above_the_page_asks_before_it_leaves_edits_behind(
    admin: Page, rule: Rule
) -> None:
    admin.goto(page_of(rule))
    admin.get_by_label("Condition:").fill("false")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    admin.once("dialog", stay)
    admin.get_by_role("button", name="Suspend").click()
    assert asked == ["Your changes on this page are not saved. Continue without them?"]
    assert rulebook.found(rule.pk).status == "ACTIVE"

    admin.once("dialog", lambda dialog: dialog.accept())
    admin.get_by_role("button", name="Suspend").click()

    expect(admin.get_by_text("was suspended.")).to_be_visible()
    expect(admin.get_by_role("button", name="Activate")).to_be_visible()
    assert rulebook.found(rule.pk).condition == rule.condition


def test_removed_actions_and_what_was_refused_are_edits_too(admin: Page, rule: Rule) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    admin.on("dialog", stay)
    admin.goto(page_of(rule))
    admin.get_by_role("button", name="Remove action 2").click()
    admin.get_by_role("button", name="Suspend").click()
    assert len(asked) == 1
    editor(admin, "id_actions-0-amount").fill("event.amount *")
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.locator("p.errornote")).to_be_visible()
    admin.get_by_role("button", name="Suspend").click()

    assert len(asked) == 2
    assert rulebook.found(rule.pk).status == "ACTIVE"


@pytest.mark.parametrize("colors", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_fit(admin: Page, rule: Rule, width: int, colors: str, shots: str | None) -> None:
    rulebook.change(rule.pk, {"name": "Five percent " + "x" * 60}, by=TESTER)
    rulebook.duplicate(rule.pk, by=TESTER)
    admin.set_viewport_size({"width": width, "height": 900})
    admin.emulate_media(color_scheme=colors)  # type: ignore[arg-type]

    def fits(name: str) -> None:
        if shots:
            admin.screenshot(path=f"{shots}/{name}-{width}-{colors}.png", full_page=True)
        assert admin.evaluate("document.documentElement.scrollWidth") <= width, name

    pages = {
        "list": f"/admin/programs/rule/?program={rule.program_id}",
        "choose": "/admin/programs/rule/add/",
        "order": f"/admin/programs/rule/order/{rule.program_id}/",
        "add": f"/admin/programs/rule/add/?program={rule.program_id}",
        "rule": page_of(rule),
    }
    for name, path in pages.items():
        admin.goto(path)
        fits(name)
    admin.get_by_label("Condition:").fill('event.type == "purchase" &&\nevent.amount > > 50')
    expect(admin.locator("#id_condition_note")).to_contain_text("Line 2")
    admin.locator(".rule-versions summary").first.click()
    admin.get_by_text("Variables").click()
    admin.get_by_role("button", name="Add an action").click()
    fits("error")
    admin.get_by_label("Condition:").fill("event.amount > 50")
    admin.get_by_role("button", name="Remove action 4").click()
    admin.get_by_role("button", name="Try it").click()
    expect(admin.get_by_role("heading", name="Matched")).to_be_visible()
    fits("tried")


@pytest.fixture
def shots() -> str | None:
    """Where to leave pictures of the pages; set it while working on them."""
    return None


def test_what_is_probably_wrong_is_shown_and_does_not_keep_from_saving(
    admin: Page, rule: Rule
) -> None:
    admin.set_viewport_size({"width": 390, "height": 844})
    admin.goto(page_of(rule))
    condition = admin.get_by_label("Condition:")
    note = admin.locator("#id_condition_note")

    condition.fill('participant.tiers.status.level == "Gold"')
    expect(note).to_contain_text('has no level "Gold". Did you mean "gold"?')
    expect(condition).to_have_attribute("aria-invalid", "true")
    assert marked(admin) == '"Gold"'

    condition.fill("participant.counters.visits > 3")
    expect(note).to_contain_text("Please check: Line 1, column 1: No rule counts")
    expect(note).to_have_class("rule-note rule-doubt")
    assert condition.get_attribute("aria-invalid") is None
    assert marked(admin) == "participant.counters.visits"
    editor(admin, "id_actions-0-amount").fill("0.001")
    expect(admin.locator("#id_actions-0-amount_note")).to_contain_text("so this is always 0")
    assert admin.evaluate("document.documentElement.scrollWidth") <= 390

    # A counter that an action counts is known.
    admin.locator("#id_actions-1-type").select_option("COUNTER")
    admin.locator("#id_actions-1-counter").fill("visits")
    expect(note).to_be_empty()
    editor(admin, "id_actions-1-added").fill("0")
    admin.get_by_role("button", name="Save", exact=True).click()

    warnings = admin.locator(".messagelist .warning")
    expect(warnings).to_have_count(2)
    expect(warnings.last).to_contain_text("This is always 0, so the action does nothing.")
    rule.refresh_from_db()
    assert rule.condition == "participant.counters.visits > 3"
