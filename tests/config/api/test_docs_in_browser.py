import pytest
from playwright.sync_api import Page, expect

from programs.models import Program


@pytest.mark.django_db(transaction=True)
def test_a_person_reads_the_document_and_tries_a_call(
    page: Page, key: str, program: Program
) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))

    page.goto("/docs")
    page.get_by_role("button", name="Authorize").click()
    page.get_by_label("Value:").first.fill(key)
    page.get_by_label("Apply credentials").first.click()
    page.locator(".close-modal").click()
    operation = page.locator("#operations-programs-programs_list")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()

    expect(operation.locator(".live-responses-table")).to_contain_text(f'"id": "{program.pk}"')
    assert complaints == []


@pytest.mark.django_db(transaction=True)
def test_a_browser_shows_the_document_itself(page: Page) -> None:
    page.goto("/docs")
    # It opens in a tab of its own.
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="/v1/openapi.json").click()

    expect(opened.value.locator("body")).to_contain_text('"openapi": "3.1.1"')
