"""The page of a participant: edited, refused, added."""

from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client

from participants import state
from participants.models import Enrollment, Participant
from programs.models import Program
from tests.admin_pages import shown_fields
from tests.conftest import TESTER
from tests.participants.admin.participant_pages import changes_of, later_changes, page_of, shown

PEOPLE = "/admin/participants/participant/"


def attributes_in(fields: dict[str, list[str]]) -> dict[str, int]:
    """At which row of the form each attribute stands."""
    return {key: row for row, key in enumerate(fields["attributes-key"])}


def test_saving_an_untouched_page_changes_nothing(admin_client: Client, ana: Participant) -> None:
    fields = shown(admin_client, ana)

    response = admin_client.post(page_of(ana), fields)

    stored = Participant.objects.get(pk=ana.pk)
    assert response.status_code == 302
    assert later_changes(ana) == []
    assert (stored.tags, stored.attributes) == (ana.tags, ana.attributes)
    assert stored.updated_at == ana.updated_at


def test_each_edited_field_is_one_row_of_the_history_with_the_member_of_staff(
    admin_client: Client, ana: Participant
) -> None:
    fields = shown(admin_client, ana)
    row = attributes_in(fields)
    fields["attributes-value"][row["visits"]] = "4"
    fields["attributes-kind"][row["one"]] = "boolean"
    fields["attributes-value"][row["one"]] = "true"
    fields["attributes-key"][row["active"]] = fields["attributes-value"][row["active"]] = ""
    fields["attributes-key"][-1] = "plan"
    fields["attributes-value"][-1] = "gold"
    fields["tags"][0] = fields["tags"][0].replace("vip\r\n", "") + "\r\nBeta"
    fields |= {"status": ["SUSPENDED"], "last_name": ["Lima"]}

    response = admin_client.post(page_of(ana), fields)

    assert response.status_code == 302
    assert sorted(later_changes(ana), key=str) == sorted(
        [
            ("status", "", "CHANGE", "ACTIVE", "SUSPENDED", "staff:admin"),
            ("profile", "last_name", "ADD", None, "Lima", "staff:admin"),
            ("attribute", "visits", "CHANGE", 3, 4, "staff:admin"),
            ("attribute", "one", "CHANGE", 1, True, "staff:admin"),
            ("attribute", "active", "REMOVE", True, None, "staff:admin"),
            ("attribute", "plan", "ADD", None, "gold", "staff:admin"),
            ("tag", "vip", "REMOVE", "vip", None, "staff:admin"),
            ("tag", "beta", "ADD", None, "beta", "staff:admin"),
        ],
        key=str,
    )
    stored = Participant.objects.get(pk=ana.pk)
    assert stored.attributes["price"] == Decimal("12345678901234567890.1234567890")
    assert str(stored.attributes["price"]) == "12345678901234567890.1234567890"
    assert LogEntry.objects.get().object_id == str(ana.pk)


def test_two_members_of_staff_who_edit_different_things_keep_each_others_work(
    admin_client: Client, ana: Participant
) -> None:
    fields = shown(admin_client, ana)
    meanwhile = state.Change(
        status="CLOSED",
        profile={"email": "new@example.org"},
        add_tags=["since"],
        remove_tags=["vip"],
        attributes={"visits": 9, "note": None, "since": "x"},
    )
    state.change(meanwhile, to=ana.pk, by=TESTER)
    fields["attributes-value"][attributes_in(fields)["one"]] = "2"
    fields["tags"][0] += "\r\nmine"

    admin_client.post(page_of(ana), fields)

    stored = Participant.objects.get(pk=ana.pk)
    assert (stored.status, stored.email) == ("CLOSED", "new@example.org")
    assert stored.tags == [*ana.tags[1:], "since", "mine"]
    assert stored.attributes["visits"] == 9
    assert stored.attributes["one"] == 2
    assert "note" not in stored.attributes
    assert stored.attributes["since"] == "x"


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("email", "nobody", "This is not an e-mail address."),
        ("tags", "x" * 256, "[0]: At most 255 characters."),
        ("tags", "\n".join(map(str, range(101))), "At most 100 tags."),
        ("phone", "1" * 51, "Ensure this value has at most 50 characters (it has 51)."),
        ("status", "GONE", "Select a valid choice. GONE is not one of the available choices."),
    ],
)
def test_what_the_api_refuses_is_an_error_on_its_field(
    admin_client: Client, participant: Participant, name: str, value: str, error: str
) -> None:
    fields = shown(admin_client, participant) | {name: [value], "first_name": ["Ana"]}

    response = admin_client.post(page_of(participant), fields)

    assert response.status_code == 200
    assert response.context["adminform"].form.errors == {name: [error]}
    assert later_changes(participant) == []


@pytest.mark.parametrize(
    ("key", "kind", "value", "error"),
    [
        ("plan", "text", "x" * 1001, "plan: At most 1000 characters."),
        ("k" * 101, "text", "x", f"{'k' * 100}: A key has 1 to 100 characters."),
        ("", "text", "lonely", "“lonely” needs a key."),
        ("n", "number", "", "n: Give a number, or clear the key to remove the attribute."),
        ("n", "number", "1" * 41, "n: A number may have at most 40 digits when written out."),
        ("n", "number", "[1]", "n: Give a number, such as 12 or 9.50."),
        ("n", "number", "true", "n: Give a number, such as 12 or 9.50."),
        ("t", "boolean", "perhaps", "t: Enter true or false."),
        ("t", "text", "a\0b", "t: A text cannot hold NUL."),
        ("old", "text", "again", "old: This key appears twice."),
    ],
)
def test_an_attribute_that_the_api_would_refuse_is_an_error_with_its_key(
    admin_client: Client, participant: Participant, key: str, kind: str, value: str, error: str
) -> None:
    state.change(state.Change(attributes={"old": 1}), to=participant.pk, by=TESTER)
    fields = shown(admin_client, participant)
    for part, text in (("key", key), ("kind", kind), ("value", value)):
        fields[f"attributes-{part}"][-1] = text

    response = admin_client.post(page_of(participant), fields)

    assert response.status_code == 200
    assert response.context["adminform"].form.errors == {"attributes": [error]}
    # What was typed stands in the page again.
    again = shown_fields(response, "participant_form")
    assert key in again["attributes-key"]
    assert again["initial-attributes"] == ['{"old":1}']


def test_attributes_that_are_too_many_only_after_the_merge_are_an_error_on_the_page(
    admin_client: Client, participant: Participant
) -> None:
    fields = shown(admin_client, participant)
    meanwhile = state.Change(attributes={f"key{number}": number for number in range(100)})
    state.change(meanwhile, to=participant.pk, by=TESTER)
    fields["attributes-key"][-1] = fields["attributes-value"][-1] = "one more"
    fields["first_name"] = ["Ana"]

    response = admin_client.post(page_of(participant), fields)

    assert response.context["adminform"].form.errors == {
        "attributes": ["At most 100, after the merge too."]
    }
    assert later_changes(participant) == []


def test_adding_a_participant_stores_it_with_its_enrollments(
    admin_client: Client, program: Program
) -> None:
    fields = shown_fields(admin_client.get(f"{PEOPLE}add/"), "participant_form")
    fields |= {"external_id": [" ana "], "tags": ["VIP"], "enrollments-TOTAL_FORMS": ["1"]}
    fields |= {"enrollments-0-program": [str(program.pk)], "enrollments-0-status": ["FROZEN"]}
    fields["attributes-key"][0], fields["attributes-value"][0] = "plan", "free"

    response = admin_client.post(f"{PEOPLE}add/", fields)

    created = Participant.objects.get(external_id="ana")
    assert response.status_code == 302
    assert (created.tags, created.attributes) == (["vip"], {"plan": "free"})
    assert Enrollment.objects.get(participant=created).status == "FROZEN"
    assert {row[5] for row in changes_of(created)} == {"staff:admin"}
    assert LogEntry.objects.get().object_id == str(created.pk)


def test_adding_an_external_id_that_exists_is_an_error_and_changes_nobody(
    admin_client: Client, participant: Participant
) -> None:
    fields = shown_fields(admin_client.get(f"{PEOPLE}add/"), "participant_form")

    response = admin_client.post(
        f"{PEOPLE}add/", fields | {"external_id": ["ana"], "email": ["new@example.org"]}
    )

    assert response.context["adminform"].form.errors == {
        "external_id": ["A participant with this external_id already exists."]
    }
    assert Participant.objects.get().email == ""


def test_the_external_id_of_a_participant_cannot_be_changed(
    admin_client: Client, participant: Participant
) -> None:
    fields = shown(admin_client, participant)

    admin_client.post(page_of(participant), fields | {"external_id": ["eva"]})

    assert Participant.objects.get().external_id == "ana"


@pytest.mark.django_db(transaction=True)
def test_a_page_that_lost_a_deadlock_is_saved_again_as_a_whole(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    fields = shown(admin_client, participant) | {"first_name": ["Ana"]}
    fields |= {"enrollments-TOTAL_FORMS": ["1"]}
    fields |= {"enrollments-0-program": [str(program.pk)], "enrollments-0-status": ["ACTIVE"]}
    # PostgreSQL itself ends the first transaction as it would the victim of a deadlock, at the enrollment.
    with connection.cursor() as cursor:
        cursor.execute("CREATE SEQUENCE attempts")
        cursor.execute("""
            CREATE FUNCTION lose_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF nextval('attempts') = 1 THEN
                    RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01';
                END IF;
                RETURN NEW;
            END $$""")
        cursor.execute("""
            CREATE TRIGGER lose_once BEFORE INSERT ON participants_enrollment
            FOR EACH ROW EXECUTE FUNCTION lose_once()""")

    try:
        response = admin_client.post(page_of(participant), fields)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION lose_once CASCADE")
            cursor.execute("DROP SEQUENCE attempts")

    assert response.status_code == 302
    assert later_changes(participant) == [
        ("profile", "first_name", "ADD", None, "Ana", "staff:admin"),
        ("enrollment", str(program.pk), "ADD", None, "ACTIVE", "staff:admin"),
    ]
    assert LogEntry.objects.count() == 1
