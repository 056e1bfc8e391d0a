"""Everybody's state changes in the admin; one participant's are in their timeline."""

from decimal import Decimal

from django.test import Client

from participants import state
from participants.models import Participant, StateChange
from programs.models import Program
from tests.conftest import TESTER
from tests.participants.admin.participant_pages import enrolled, overview_of

PEOPLE = "/admin/participants/participant/"
HISTORY = "/admin/participants/statechange/"


def test_changes_are_told_in_words(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    state.change(state.Change(attributes={"plan": "free"}), to=participant.pk, by=TESTER)
    change = state.Change(attributes={"plan": Decimal("1.50")}, add_tags=["vip"])
    state.change(change, to=participant.pk, by=TESTER, reason="She asked.")
    enrolled(participant, program)
    came = state.Change(tags=["a", "b"], attributes={"plan": "x", "age": 3})
    eva = state.change(came, to="eva", by=TESTER, rights=state.ALL_RIGHTS)

    lines = admin_client.get(overview_of(participant)).context["timeline"].lines
    page = admin_client.get(f"{PEOPLE}{eva.participant_id}/change/")

    told = [(line.title, line.change, line.reason) for line in lines]
    assert told[0] == ("Enrollment Club", ("", "Active"), "")
    assert sorted(told[1:3]) == [
        ("Attribute plan", ("free", "1.50"), "She asked."),
        ("Tag vip added", None, "She asked."),
    ]
    assert told[3:] == [
        ("Attribute plan", ("", "free"), ""),
        ("Status", ("", "Active"), ""),
    ]
    new = {line.title: line.change for line in page.context["timeline"].lines}
    assert new["Tag"] == ("", "a, b")
    assert sorted(new["Attribute"][1].split(", ")) == ["age 3", "plan x"]


def test_histories_lead_to_the_timeline(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    enrollment = enrolled(participant, program)

    person = admin_client.get(f"{PEOPLE}{participant.pk}/history/")
    enrolling = admin_client.get(f"/admin/participants/enrollment/{enrollment.pk}/history/")

    timeline = overview_of(participant)
    assert person.headers["Location"] == f"{timeline}#timeline"
    assert enrolling.headers["Location"] == f"{timeline}?kind=enrollments#timeline"


def test_everybodys_changes_are_read_only_and_name_programs_and_people(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    enrolled(participant, program)

    text = admin_client.get(HISTORY).content.decode()

    assert "Enrollment Club" in text
    assert f'<a href="{overview_of(participant)}">ana</a>' in text
    change = StateChange.objects.all()[0]
    assert f"{HISTORY}{change.pk}" not in text
    assert admin_client.get(f"{HISTORY}add/").status_code == 403
    assert admin_client.post(f"{HISTORY}{change.pk}/change/", {"key": "x"}).status_code == 403
    assert admin_client.post(f"{HISTORY}{change.pk}/delete/", {"post": "yes"}).status_code == 403
