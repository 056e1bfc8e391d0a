"""Where the admin links to events."""

from uuid import UUID

from django.db import connection
from django.test import Client

from participants.models import JournalEntry, Participant, StateChange
from programs.models import Asset, Program
from tests.participants.admin.event_pages import listed, page_of, processed
from tests.staff import staff_client

EVENTS = "/admin/participants/event/"
PEOPLE = "/admin/participants/participant/"
JOURNAL = "/admin/participants/journalentry/"


def test_a_participants_page_shows_their_last_events(
    admin_client: Client, program: Program, points: Asset
) -> None:
    for number in range(21):
        last = processed(program, f"k-{number}", event_data={"amount": 60})
    processed(program, "other", of="eva")

    response = admin_client.get(f"{PEOPLE}{last.participant_id}/change/")

    [table] = [each for each in response.context["holdings"] if each.name == "events"]
    assert [row.cells[3].text for row in table.rows] == [f"k-{n}" for n in range(20, 0, -1)]
    assert [cell.text for cell in table.rows[0].cells][1:] == [
        "2026-01-15 10:30", "Club", "k-20", "Completed", "+60 POINTS, events 21",
    ]  # fmt: skip
    assert table.rows[0].url == page_of(last)
    assert f'<a href="{EVENTS}?external_id=ana">All events</a>' in response.content.decode()


def test_the_link_to_all_events_holds_for_any_external_id(
    admin_client: Client, program: Program
) -> None:
    event = processed(program, of='a&b="c" ü?#')

    response = admin_client.get(f"{PEOPLE}{event.participant_id}/change/")

    [table] = [each for each in response.context["holdings"] if each.name == "events"]
    assert table.link is not None
    assert listed(admin_client.get(table.link[1])) == ["k-1"]


def test_who_may_not_see_events_is_not_shown_those_of_a_participant(program: Program) -> None:
    event = processed(program)

    response = staff_client("view_participant").get(f"{PEOPLE}{event.participant_id}/change/")

    assert response.context["holdings"] == []


def test_a_journal_entry_leads_to_the_event_that_caused_it(
    admin_client: Client, program: Program, points: Asset
) -> None:
    event = processed(program, event_data={"amount": 60})
    address = f"{JOURNAL}{JournalEntry.objects.get().pk}/change/"

    content = admin_client.get(address).content.decode()
    unseen = staff_client("view_journalentry").get(address).content.decode()

    assert f'<a href="{page_of(event)}">The event that caused it</a>' in content
    assert page_of(event) not in unseen


def test_an_entry_of_an_event_that_is_not_here_has_no_link(
    admin_client: Client, program: Program, points: Asset
) -> None:
    processed(program, event_data={"amount": 60})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE participants_journalentry SET event_id = %s", [UUID(int=7)])

    response = admin_client.get(f"{JOURNAL}{JournalEntry.objects.get().pk}/change/")

    assert "The event that caused it" not in response.content.decode()


def test_the_state_history_leads_to_the_event(
    admin_client: Client, program: Program, points: Asset
) -> None:
    event = processed(program)
    link = f'<a href="{page_of(event)}">rule:Count v1</a>'
    who = Participant.objects.get()

    assert StateChange.objects.filter(event_id=event.pk).count() == 1
    assert link in admin_client.get("/admin/participants/statechange/").content.decode()
    assert link in admin_client.get(f"{PEOPLE}{who.pk}/change/").content.decode()
    unseen = staff_client("view_participant", "view_statechange")
    assert page_of(event) not in unseen.get(f"{PEOPLE}{who.pk}/change/").content.decode()
