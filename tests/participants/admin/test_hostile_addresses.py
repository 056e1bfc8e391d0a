"""Addresses and forms that no page of ours sends."""

import pytest
from django.test import Client

from participants.models import Enrollment, Participant
from programs.models import Program
from tests.participants.admin.participant_pages import act, later_changes, page_of, shown
from tests.staff import told

PEOPLE = "/admin/participants/participant/"
ENROLLMENTS = "/admin/participants/enrollment/"
HISTORY = "/admin/participants/statechange/"


def test_the_url_of_a_list_takes_no_comparison_that_no_index_serves(admin_client: Client) -> None:
    response = admin_client.get(PEOPLE, {"email__regex": "(a+)+$"})

    assert response.status_code == 400


def test_a_filter_with_a_broken_program_shows_no_error_page(
    admin_client: Client, program: Program
) -> None:
    response = admin_client.get(PEOPLE, {"program": "x"})

    assert response.status_code == 302
    assert response.headers["Location"] == f"{PEOPLE}?e=1"


@pytest.mark.parametrize("path", [PEOPLE, ENROLLMENTS, HISTORY])
@pytest.mark.parametrize("asked", ["status__exact", "state_type__exact", "tag", "q", "p"])
def test_a_list_leads_back_to_itself_from_an_address_with_nul(
    admin_client: Client, participant: Participant, path: str, asked: str
) -> None:
    whose = {"participant__id__exact": str(participant.pk)} if path == HISTORY else {}

    response = admin_client.get(path, {**whose, asked: ["x", "\0"]})

    assert response.status_code == 302
    assert response.headers["Location"] == f"{path}?e=1"


@pytest.mark.parametrize("value", ["x", "\0"])
@pytest.mark.parametrize("field", ["participant", "program"])
def test_the_page_to_enrol_takes_nothing_from_its_address(
    admin_client: Client, field: str, value: str
) -> None:
    response = admin_client.get(f"{ENROLLMENTS}add/", {field: value})

    assert response.status_code == 200
    assert response.context["adminform"].form.initial == {}


@pytest.mark.parametrize("value", ["x", "\0"])
def test_a_choice_of_nothing_that_could_exist_is_an_error_on_its_field(
    admin_client: Client, participant: Participant, value: str
) -> None:
    fields = shown(admin_client, participant) | {"enrollments-TOTAL_FORMS": ["1"]}
    row = {"enrollments-0-program": value, "enrollments-0-status": "ACTIVE"}

    action = act(admin_client, "enroll", participant, program=value)
    page = admin_client.post(page_of(participant), fields | row)
    added = admin_client.post(f"{ENROLLMENTS}add/", {"participant": value, "program": value})

    [formset] = page.context["inline_admin_formsets"]
    assert list(action.context["form"].errors) == ["program"]
    assert list(formset.formset.errors[0]) == ["program"]
    assert set(added.context["adminform"].form.errors) == {"participant", "program", "status"}
    assert not Enrollment.objects.exists()


@pytest.mark.parametrize("tag", ["\0", '"a\\u0000b"'])
def test_a_page_that_claims_to_have_shown_a_tag_with_nul_removes_none(
    admin_client: Client, participant: Participant, tag: str
) -> None:
    fields = shown(admin_client, participant) | {"initial-tags": [tag], "last_name": ["Lima"]}

    response = admin_client.post(page_of(participant), fields)

    assert response.status_code == 302
    assert [row[:2] for row in later_changes(participant)] == [("profile", "last_name")]


def test_an_action_on_rows_that_could_not_exist_selects_none(
    admin_client: Client, participant: Participant
) -> None:
    nobody = {"action": "close", "_selected_action": ["abc", "\0"]}

    response = admin_client.post(PEOPLE, nobody)

    assert response.status_code == 302
    assert told(response) == [
        "Items must be selected in order to perform actions on them. No items have been changed."
    ]
    assert Participant.objects.get().status == "ACTIVE"
