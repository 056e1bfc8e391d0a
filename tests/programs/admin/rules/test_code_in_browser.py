"""The editor of expressions: CodeMirror before a textarea, as those who write rules use it."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from programs.models import Asset, Program, Rule, TierTrack
from tests.programs.admin.rules.pages import add_page, make_rule, page_of
from tests.test_pages_in_browser import barriers

AMOUNT = "id_actions-0-amount"


@pytest.fixture
def credit(asset: Asset, track: TierTrack, program: Program) -> Rule:
    """A rule that credits five percent."""
    action = {
        "type": "CREDIT",
        "asset_id": str(asset.pk),
        "amount": "round(event.amount * 0.05, 2)",
    }
    return make_rule(program, condition='event.type == "purchase"', actions=[action])


def editor(admin: Page, field: str = "id_condition") -> Locator:
    return admin.locator(f".rule-code-editor:has(+ #{field}) .cm-content")


def offered(admin: Page) -> Locator:
    return admin.get_by_role("listbox", name="Completions").get_by_role("option")


def choose(admin: Page, name: str) -> None:
    """Go by keys to the name that is offered, and take it."""
    for _ in range(40):
        chosen = admin.locator(".cm-tooltip-autocomplete [aria-selected] .cm-completionLabel")
        expect(chosen).to_be_visible()
        if chosen.inner_text() == name:
            admin.wait_for_timeout(100)  # CodeMirror takes no key for a list that has just opened
            admin.keyboard.press("Enter")
            return
        admin.keyboard.press("ArrowDown")
    raise AssertionError(f"{name} is not offered")


def test_names_are_completed_and_what_is_written_is_saved(
    admin: Page, program: Program, asset: Asset, track: TierTrack
) -> None:
    make_rule(program, "Counts", actions=[{"type": "COUNTER", "key": "visits", "value": "1"}])
    admin.goto(add_page(program))
    admin.get_by_label("Name:").fill("Regulars")
    admin.get_by_text("Condition:", exact=True).click()
    code = editor(admin)
    expect(code).to_be_focused()

    admin.keyboard.type("vis")
    choose(admin, "participant.counters.visits")
    admin.keyboard.type(' > 3 && "buy')
    expect(offered(admin)).to_have_count(0)  # nobody has a tag that begins so
    admin.keyboard.type('er" in tags')
    choose(admin, "participant.tags")
    admin.keyboard.type("\n&& participant.tiers.status.le")
    choose(admin, "participant.tiers.status.level")
    admin.keyboard.type(' == "')
    choose(admin, "gold")
    admin.keyboard.type(" && event.type.starts")
    choose(admin, "startsWith()")
    admin.keyboard.type('"p"')

    written = (
        'participant.counters.visits > 3 && "buyer" in participant.tags\n'
        '&& participant.tiers.status.level == "gold" && event.type.startsWith("p")'
    )
    expect(admin.locator("#id_condition")).to_have_value(written)
    admin.locator("#id_actions-0-type").select_option("CREDIT")
    admin.locator("#id_actions-0-asset").select_option(str(asset.pk))
    editor(admin, AMOUNT).click()
    admin.keyboard.type("min")
    choose(admin, "min()")
    admin.keyboard.type("event.amount, PTS.avail")
    choose(admin, "participant.balances.PTS.available")
    admin.get_by_role("button", name="Save", exact=True).click()

    expect(admin.get_by_text("was added successfully")).to_be_visible()
    rule = Rule.objects.get(name="Regulars")
    assert rule.condition == written
    assert rule.actions[0]["amount"] == "min(event.amount, participant.balances.PTS.available)"


def test_tab_goes_on_whether_names_are_offered_or_not(admin: Page, credit: Rule) -> None:
    admin.goto(page_of(credit))
    code = editor(admin)
    code.click()
    admin.keyboard.press("Tab")
    expect(code).not_to_be_focused()
    admin.keyboard.press("Shift+Tab")
    expect(code).to_be_focused()
    admin.keyboard.press("Control+End")
    admin.keyboard.type(" && event.")
    expect(offered(admin).first).to_be_visible()
    admin.keyboard.press("Tab")

    expect(code).not_to_be_focused()
    expect(offered(admin)).to_have_count(0)
    assert admin.locator("#id_condition").input_value() == 'event.type == "purchase" && event.'


def test_a_name_that_stands_there_whole_leaves_enter_to_break_the_line(
    admin: Page, credit: Rule
) -> None:
    admin.goto(page_of(credit))
    editor(admin).fill("")
    admin.keyboard.type("program.name", delay=20)
    admin.wait_for_timeout(300)
    expect(offered(admin)).to_have_count(0)
    admin.keyboard.type("\n")

    expect(admin.locator("#id_condition")).to_have_value("program.name\n")


def test_editor_builder_and_field_say_the_same(admin: Page, credit: Rule) -> None:
    admin.goto(page_of(credit))
    code, field = editor(admin), admin.locator("#id_condition")
    code.fill("event.amount > 3")
    value = admin.locator(".rule-condition-row").get_by_label("Value")
    expect(value).to_have_value("3")
    value.fill("7")
    expect(code).to_have_text("event.amount > 7")
    expect(field).to_have_value("event.amount > 7")
    code.press("Control+z")
    expect(field).to_have_value("event.amount > 3")
    expect(value).to_have_value("3")

    # What another script writes.
    field.evaluate("(f) => { f.value = 'true'; f.dispatchEvent(new Event('input')); }")
    expect(code).to_have_text("true")
    expect(admin.locator("#rule-builder")).to_contain_text("Every event matches.")


def test_an_error_is_underlined_where_it_is_until_the_text_moves_on(
    admin: Page, credit: Rule
) -> None:
    admin.goto(page_of(credit))
    code, mark = editor(admin), admin.locator(".cm-content mark")
    code.fill('"😀" == event.type && event.amount = 3')
    expect(mark).to_have_text("=")
    expect(code).to_have_attribute("aria-invalid", "true")
    described = (code.get_attribute("aria-describedby") or "").split()
    assert "id_condition_note" in described
    admin.keyboard.press("End")
    admin.keyboard.type("0")
    expect(mark).to_have_count(0)
    code.fill("event.amount >")
    expect(mark).to_have_text(" ")

    expect(admin.get_by_label("Condition:")).to_have_count(1)
    assert admin.locator("#id_condition").is_hidden()


def test_a_result_of_another_text_is_grayed(admin: Page, credit: Rule) -> None:
    admin.goto(page_of(credit))
    result = admin.get_by_role("status")
    admin.get_by_role("button", name="Try it").click()
    expect(result.locator(".rule-outcome")).to_be_visible()
    editor(admin).click()
    admin.keyboard.press("Control+End")
    admin.keyboard.type(" ")
    expect(result).to_have_class(re.compile("rule-old"))
    admin.keyboard.press("Backspace")

    expect(result).not_to_have_class(re.compile("rule-old"))


def test_without_codemirror_the_field_is_a_textarea_that_works(admin: Page, credit: Rule) -> None:
    admin.context.route("**/codemirror.js", lambda route: route.abort())
    admin.goto(page_of(credit))
    condition = admin.get_by_label("Condition:")
    condition.fill("event.amount > ")
    expect(admin.locator("#id_condition_note")).to_contain_text("ends too early")
    condition.press("End")
    admin.locator("summary", has_text="Variables").click()
    admin.get_by_role("button", name="now", exact=True).click()
    expect(condition).to_have_value("event.amount > now")
    condition.fill("event.amount > 5")
    expect(admin.locator(".rule-condition-row").get_by_label("Value")).to_have_value("5")
    admin.get_by_role("button", name="Save", exact=True).click()

    expect(admin.get_by_text("was changed successfully")).to_be_visible()
    credit.refresh_from_db()
    assert credit.condition == "event.amount > 5"


def test_writing_over_colored_text_sets_no_style_that_the_policy_forbids(
    admin: Page, credit: Rule
) -> None:
    """The console stays empty, which the page's fixture judges."""
    response = admin.goto(page_of(credit))
    amount = editor(admin, AMOUNT)
    amount.click()
    admin.keyboard.press("Control+a")
    admin.keyboard.type("2 * 3")

    expect(admin.locator(f"#{AMOUNT}")).to_have_value("2 * 3")
    policy = (response.headers if response else {})["content-security-policy"]
    assert "unsafe" not in policy
    assert re.search(r"style-src 'self' 'nonce-[^']+'", policy)


@pytest.mark.parametrize(
    ("width", "colors"), [(390, "dark"), (390, "light"), (1440, "dark"), (1440, "light")]
)
def test_the_editor_fits_and_has_no_barrier(
    admin: Page, credit: Rule, width: int, colors: str, shots: str | None
) -> None:
    admin.set_viewport_size({"width": width, "height": 900})
    admin.emulate_media(color_scheme="dark" if colors == "dark" else "light")
    admin.goto(page_of(credit))
    code = editor(admin)
    code.fill(
        f'event.type in ["purchase", "visit"] && has(event.coupon)\n&& event.{"x" * 90} > = 10.5 // large'
    )
    expect(admin.locator(".cm-content mark")).to_be_visible()
    assert barriers(admin, whole=False) == []
    if shots:
        admin.screenshot(path=f"{shots}/code-{width}-{colors}.png", full_page=True)
    code.press("Control+End")
    admin.keyboard.press("Enter")
    admin.keyboard.type("&& ma")
    expect(offered(admin).first).to_be_visible()
    admin.wait_for_timeout(200)

    assert admin.evaluate("document.documentElement.scrollWidth") <= width
    if shots:
        admin.screenshot(path=f"{shots}/names-{width}-{colors}.png")
    assert barriers(admin, whole=False) == []


@pytest.fixture
def shots() -> str | None:
    """Where to leave pictures of the editor; set it while working on it."""
    return None
