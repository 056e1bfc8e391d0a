import pytest
from django.contrib.auth.models import Permission, User
from playwright.sync_api import Page, expect

from participants.models import Enrollment, Participant
from programs.models import Program

ANA = "/v1/participants/external:ana"


@pytest.fixture
def staff_page(page: Page) -> Page:
    """The page of a member of staff who signed in by the link that a refusal shows."""
    rosa = User.objects.create_user("rosa", password="a long secret", is_staff=True)
    rosa.user_permissions.set(Permission.objects.all())
    page.goto("/v1/participants")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Username").fill("rosa")
    page.get_by_label("Password").fill("a long secret")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Participants")).to_be_visible()
    return page


def answer(page: Page, text: str) -> None:
    expect(page.locator(".response-info")).to_contain_text(text)


def test_staff_create_and_find_a_participant_by_forms(staff_page: Page) -> None:
    page = staff_page

    page.locator("[name=external_id]").first.fill("bob")
    page.locator("[name=tags]").fill('["vip"')
    page.get_by_role("button", name="POST").click()
    expect(page.locator(".help-block", has_text="The text is not JSON")).to_be_visible()
    page.locator("[name=tags]").fill('["vip"]')
    page.locator("[name=attributes]").fill('{"spent": 1.50}')
    page.get_by_role("button", name="POST").click()
    answer(page, "HTTP 201 Created")
    answer(page, '"spent": 1.50')
    page.get_by_role("link", name="Participants").first.click()
    page.get_by_role("button", name="Filters").click()
    page.locator("#filtersModal").get_by_label("tag").fill("vip")
    page.locator("#filtersModal").get_by_text("Filter", exact=True).click()
    answer(page, '"external_id": "bob"')

    assert Participant.objects.get().tags == ["vip"]


def test_staff_send_raw_data(staff_page: Page, participant: Participant) -> None:
    page = staff_page

    page.get_by_role("link", name="Raw data").click()
    page.locator("[name=_content]").fill('{"external_id": "ana", "nonsense": 1}')
    page.get_by_role("button", name="POST").click()
    answer(page, '"field": "nonsense"')
    expect(page.locator("[name=_content]")).to_have_value(
        '{\n    "external_id": "ana",\n    "nonsense": 1\n}'
    )
    page.locator("[name=_content]").fill('{"external_id": "ana", "phone": "1"}')
    page.get_by_role("button", name="POST").click()
    answer(page, "HTTP 200 OK")
    page.goto(ANA)
    page.locator("[name=_content]").fill('{"phone": "", "last_name": "Lee"}')
    page.get_by_role("button", name="PATCH").click()
    answer(page, '"last_name": "Lee"')

    participant.refresh_from_db()
    assert (participant.phone, participant.last_name) == ("", "Lee")


def test_staff_change_enrol_and_remove_by_forms(
    staff_page: Page, participant: Participant, program: Program
) -> None:
    page = staff_page

    page.goto(ANA)
    page.locator("[name=first_name]").fill("Ana")
    page.get_by_role("button", name="PATCH").click()
    answer(page, '"first_name": "Ana"')
    page.goto(f"{ANA}/state/tags/vip")
    page.get_by_role("button", name="PUT").click()
    answer(page, "HTTP 201 Created")
    page.get_by_role("button", name="DELETE").click()
    page.locator("#deleteModal").get_by_text("Delete", exact=True).click()
    answer(page, "HTTP 204 No Content")
    page.goto(f"{ANA}/enrollments/{program.id}")
    page.locator("[name=status]").select_option("FROZEN")
    page.get_by_role("button", name="PUT").click()
    answer(page, '"status": "FROZEN"')

    participant.refresh_from_db()
    assert (participant.first_name, participant.tags) == ("Ana", [])
    assert Enrollment.objects.get().status == "FROZEN"


def test_staff_sign_out_where_they_are(staff_page: Page) -> None:
    page = staff_page

    page.goto("/v1/programs")
    page.get_by_role("button", name="Sign out rosa").click()

    answer(page, "HTTP 401 Unauthorized")
    expect(page).to_have_url("/v1/programs")
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_the_page_fits_a_phone(staff_page: Page, participant: Participant) -> None:
    page = staff_page
    page.set_viewport_size({"width": 390, "height": 800})

    page.goto("/v1/participants")
    page.get_by_role("button", name="Filters").click()
    page.locator("#filtersModal .close").click()

    assert page.evaluate("document.documentElement.scrollWidth") == 390
