"""Where the admin links to events."""

from uuid import UUID

from django.db import connection
from django.test import Client

from participants.models import JournalEntry, Participant, StateChange
from programs.models import Asset, Program
from tests.participants.admin.event_pages import page_of, processed
from tests.staff import staff_client

EVENTS = "/admin/participants/event/"
PEOPLE = "/admin/participants/participant/"
JOURNAL = "/admin/participants/journalentry/"


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


def test_a_change_leads_to_the_event_that_caused_it(
    admin_client: Client, program: Program, points: Asset
) -> None:
    event = processed(program)
    link = f'<a href="{page_of(event)}">rule:Count v1</a>'
    who = Participant.objects.get()

    assert StateChange.objects.filter(event_id=event.pk).count() == 1
    assert link in admin_client.get("/admin/participants/statechange/").content.decode()
    timeline = f"{PEOPLE}{who.pk}/change/?kind=changes"
    assert page_of(event) in admin_client.get(timeline).content.decode()
    unseen = staff_client("view_participant", "view_statechange").get(timeline).content.decode()
    assert "Counter events" in unseen
    assert page_of(event) not in unseen
