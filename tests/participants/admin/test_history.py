"""The history of a participant in the admin."""

from decimal import Decimal

from django.test import Client

from participants import state
from participants.models import Participant, StateChange
from programs.models import Program
from tests.conftest import TESTER
from tests.participants.admin.participant_pages import enrolled, page_of

PEOPLE = "/admin/participants/participant/"
HISTORY = "/admin/participants/statechange/"


def test_the_page_shows_the_latest_changes_in_words(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    state.change(state.Change(attributes={"plan": "free"}), to=participant.pk, by=TESTER)
    state.change(state.Change(attributes={"plan": Decimal("1.50")}), to=participant.pk, by=TESTER)
    enrolled(participant, program)

    response = admin_client.get(page_of(participant))

    cells = [[str(cell) for cell in row[2:]] for row in response.context["state_changes"]]
    assert cells == [
        ["Enrollment Club", "", "ACTIVE"],
        ["Attribute plan", "free", "1.50"],
        ["Attribute plan", "", "free"],
        ["Status", "", "ACTIVE"],
    ]
    assert "command:tests" in response.content.decode()


def test_the_whole_history_of_a_participant_is_one_click_away_and_read_only(
    admin_client: Client, participant: Participant
) -> None:
    state.change(state.Change(tags=["vip"]), to=participant.pk, by=TESTER)
    state.change(state.Change(tags=["other"]), to="eva", by=TESTER, rights=state.ALL_RIGHTS)

    response = admin_client.get(f"{PEOPLE}{participant.pk}/history/", follow=True)

    listed = response.context["cl"].result_list
    assert [(change.participant_id, change.key) for change in listed] == [
        (participant.pk, "vip"),
        (participant.pk, ""),
    ]
    assert f"{HISTORY}{listed[0].pk}" not in response.content.decode()
    assert admin_client.get(f"{HISTORY}add/").status_code == 403
    change = StateChange.objects.all()[0]
    assert admin_client.post(f"{HISTORY}{change.pk}/change/", {"key": "x"}).status_code == 403
    assert admin_client.post(f"{HISTORY}{change.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_whole_history_names_programs_and_people(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    enrolled(participant, program)

    text = admin_client.get(HISTORY).content.decode()

    assert "Enrollment Club" in text
    assert f'<a href="{page_of(participant)}">ana</a>' in text


def test_the_history_is_filtered_by_kind_for_one_participant_only(
    admin_client: Client, participant: Participant
) -> None:
    state.change(state.Change(tags=["vip"]), to=participant.pk, by=TESTER)
    kind = {"state_type__exact": "tag"}

    everybody = admin_client.get(HISTORY, kind)
    one = admin_client.get(HISTORY, kind | {"participant__id__exact": str(participant.pk)})

    assert everybody.status_code == 400
    assert [change.key for change in one.context["cl"].result_list] == ["vip"]
