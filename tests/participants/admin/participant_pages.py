"""The pages of participants in the admin, as a browser sees them."""

from typing import Any

from django.test import Client

from participants import state
from participants.models import Enrollment, Participant, StateChange
from programs.models import Program
from tests.admin_pages import shown_fields
from tests.conftest import TESTER

PEOPLE = "/admin/participants/participant/"


def overview_of(participant: Participant) -> str:
    return f"{PEOPLE}{participant.pk}/change/"


def page_of(participant: Participant) -> str:
    """Where the form is."""
    return f"{PEOPLE}{participant.pk}/edit/"


def shown(client: Client, participant: Participant) -> dict[str, list[str]]:
    return shown_fields(client.get(page_of(participant)), "participant_form")


def changes_of(participant: Participant) -> list[tuple[Any, ...]]:
    rows = StateChange.objects.filter(participant=participant).order_by("id")
    return list(
        rows.values_list("state_type", "key", "operation", "old_value", "new_value", "changed_by")
    )


def later_changes(participant: Participant) -> list[tuple[Any, ...]]:
    """Those after its creation."""
    return [row for row in changes_of(participant) if row[5] != str(TESTER)]


def enrolled(participant: Participant, program: Program) -> Enrollment:
    state.change(state.Change(program_id=program.pk), to=participant.pk, by=TESTER)
    return Enrollment.objects.get(participant=participant, program=program)


def act(client: Client, action: str, *chosen: Participant, **more: str) -> Any:
    """Carry out an action of the list that has been confirmed."""
    selected = [str(each.pk) for each in chosen]
    posted = {"action": action, "_selected_action": selected, "confirmed": "yes", **more}
    return client.post(PEOPLE, posted)
