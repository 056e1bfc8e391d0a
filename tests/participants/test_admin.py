import re
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client

from participants import state
from participants.admin.fields import AttributesField, Row, from_one_line, merge_between, one_line
from participants.admin.lists import LAST_PAGE, UncountedPaginator
from participants.models import Enrollment, Participant, StateChange
from programs.models import Program, ProgramStatus
from tests.admin_pages import shown_fields
from tests.conftest import TESTER

PEOPLE = "/admin/participants/participant/"
ENROLLMENTS = "/admin/participants/enrollment/"
HISTORY = "/admin/participants/statechange/"


def page_of(participant: Participant) -> str:
    return f"{PEOPLE}{participant.pk}/change/"


def shown(client: Client, participant: Participant) -> dict[str, list[str]]:
    return shown_fields(client.get(page_of(participant)), "participant_form")


def attributes_in(fields: dict[str, list[str]]) -> dict[str, int]:
    """At which row of the form each attribute stands."""
    return {key: row for row, key in enumerate(fields["attributes-key"])}


def staff_client(*permissions: str) -> Client:
    user = User.objects.create_user("sam", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def changes_of(participant: Participant) -> list[tuple[Any, ...]]:
    rows = StateChange.objects.filter(participant=participant).order_by("id")
    return list(
        rows.values_list("state_type", "key", "operation", "old_value", "new_value", "changed_by")
    )


def later_changes(participant: Participant) -> list[tuple[Any, ...]]:
    """Those after its creation."""
    return [row for row in changes_of(participant) if row[5] != str(TESTER)]


@pytest.fixture
def ana(db: None) -> Participant:
    """A participant with a bit of everything that is easily lost on the way through a form."""
    change = state.Change(
        profile={"email": "ana@example.org", "first_name": "Ana\nMaria"},
        tags=["vip", " padded ", 'quoted "x', '"whole"', "two\nlines"],
        attributes={
            "price": Decimal("12345678901234567890.1234567890"),
            "visits": 3,
            "one": 1,
            "active": True,
            "note": " two\nlines ",
            " odd\nkey": "x",
            "first": "\nbreak",
        },
    )
    result = state.apply(change, to="ana", by=TESTER, may_create=True)
    return Participant.objects.get(pk=result.participant_id)


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
    state.apply(meanwhile, to=ana.pk, by=TESTER)
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
        ("n", "number", "", "n: The text is not JSON: Expecting value at line 1, column 1."),
        ("n", "number", "1" * 41, "n: A number may have at most 40 digits written out."),
        ("n", "number", "[1]", "n: Give a number, such as 12 or 9.50."),
        ("n", "number", "true", "n: Give a number, such as 12 or 9.50."),
        ("t", "boolean", "perhaps", "t: Give true or false."),
        ("t", "text", "a\0b", "t: A text cannot hold NUL."),
        ("old", "text", "again", "old: This key stands twice."),
    ],
)
def test_an_attribute_that_the_api_would_refuse_is_an_error_with_its_key(
    admin_client: Client, participant: Participant, key: str, kind: str, value: str, error: str
) -> None:
    state.apply(state.Change(attributes={"old": 1}), to=participant.pk, by=TESTER)
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
    state.apply(meanwhile, to=participant.pk, by=TESTER)
    fields["attributes-key"][-1] = fields["attributes-value"][-1] = "one more"
    fields["first_name"] = ["Ana"]

    response = admin_client.post(page_of(participant), fields)

    assert response.context["adminform"].form.errors == {
        "attributes": ["At most 100, after the merge too."]
    }
    assert later_changes(participant) == []


def test_adding_a_participant_stores_it_with_its_enrolments(
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
        "external_id": ["A participant with this external_id exists already."]
    }
    assert Participant.objects.get().email == ""


def test_the_external_id_of_a_participant_cannot_be_changed(
    admin_client: Client, participant: Participant
) -> None:
    fields = shown(admin_client, participant)

    admin_client.post(page_of(participant), fields | {"external_id": ["eva"]})

    assert Participant.objects.get().external_id == "ana"


def enrolled(participant: Participant, program: Program) -> Enrollment:
    state.apply(state.Change(program_id=program.pk), to=participant.pk, by=TESTER)
    return Enrollment.objects.get(participant=participant, program=program)


def test_an_enrolment_changes_its_status_on_the_page_of_its_participant(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    enrollment = enrolled(participant, program)
    fields = shown(admin_client, participant)

    admin_client.post(page_of(participant), fields | {"enrollments-0-status": ["LOCKED"]})

    enrollment.refresh_from_db()
    assert enrollment.status == "LOCKED"
    assert later_changes(participant) == [
        ("enrollment", str(program.pk), "CHANGE", "ACTIVE", "LOCKED", "staff:admin")
    ]


def test_an_untouched_enrolment_keeps_what_somebody_else_made_of_it(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    enrollment = enrolled(participant, program)
    fields = shown(admin_client, participant)
    closed = state.Change(program_id=program.pk, enrollment_status="CLOSED")
    state.apply(closed, to=participant.pk, by=TESTER)

    admin_client.post(page_of(participant), fields | {"first_name": ["Ana"]})

    enrollment.refresh_from_db()
    assert enrollment.status == "CLOSED"


def test_a_refused_enrolment_is_an_error_on_its_row_and_nothing_of_the_page_is_stored(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    suspended = Program.objects.create(name="Old", status=ProgramStatus.SUSPENDED)
    # The choice offers no such program; it was suspended while the page was open.
    fields = shown(admin_client, participant) | {"first_name": ["Ana"]}
    fields |= {"enrollments-TOTAL_FORMS": ["2"]}
    fields |= {"enrollments-0-program": [str(program.pk)], "enrollments-0-status": ["ACTIVE"]}
    fields |= {"enrollments-1-program": [str(suspended.pk)], "enrollments-1-status": ["ACTIVE"]}

    response = admin_client.post(page_of(participant), fields)

    [formset] = response.context["inline_admin_formsets"]
    assert response.status_code == 200
    assert formset.formset.errors == [
        {},
        {
            "__all__": [
                "The program is suspended or archived; it takes no enrolments and no events."
            ]
        },
    ]
    assert later_changes(participant) == []
    assert not Enrollment.objects.exists()
    assert not LogEntry.objects.exists()


def test_a_second_row_for_one_program_is_refused(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    enrolled(participant, program)
    fields = shown(admin_client, participant) | {"enrollments-TOTAL_FORMS": ["2"]}
    fields |= {"enrollments-1-program": [str(program.pk)], "enrollments-1-status": ["CLOSED"]}

    response = admin_client.post(page_of(participant), fields)

    [formset] = response.context["inline_admin_formsets"]
    assert formset.formset.errors[1] == {"program": ["There is a row for this program already."]}


@pytest.mark.django_db(transaction=True)
def test_a_page_that_lost_a_deadlock_is_saved_again_as_a_whole(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    fields = shown(admin_client, participant) | {"first_name": ["Ana"]}
    fields |= {"enrollments-TOTAL_FORMS": ["1"]}
    fields |= {"enrollments-0-program": [str(program.pk)], "enrollments-0-status": ["ACTIVE"]}
    # PostgreSQL itself ends the first transaction as it would the victim of a deadlock, at the enrolment.
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


def act(client: Client, action: str, *chosen: Participant, **more: str) -> Any:
    posted = {"action": action, "_selected_action": [str(each.pk) for each in chosen], **more}
    return client.post(PEOPLE, posted)


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


@pytest.mark.parametrize(
    ("action", "status"), [("suspend", "SUSPENDED"), ("close", "CLOSED"), ("activate", "ACTIVE")]
)
def test_an_action_sets_the_status_of_those_selected(
    admin_client: Client, participant: Participant, action: str, status: str
) -> None:
    other = state.apply(state.Change(status="SUSPENDED"), to="eva", by=TESTER, may_create=True)
    eva = Participant.objects.get(pk=other.participant_id)

    response = act(admin_client, action, participant, eva)

    before = {"ana": "ACTIVE", "eva": "SUSPENDED"}
    changed = sum(old != status for old in before.values())
    assert set(Participant.objects.values_list("status", flat=True)) == {status}
    assert told(response) == [f"{changed} changed, {2 - changed} were so already."]
    assert len(later_changes(participant)) + len(later_changes(eva)) == changed


def test_an_action_never_reaches_beyond_the_selected_rows(
    admin_client: Client, participant: Participant
) -> None:
    state.apply(state.Change(), to="eva", by=TESTER, may_create=True)

    act(admin_client, "close", participant, select_across="1")

    assert Participant.objects.get(external_id="eva").status == "ACTIVE"


def test_the_action_to_enrol_asks_for_the_program_first(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    asked = act(admin_client, "enroll", participant)
    response = act(admin_client, "enroll", participant, program=str(program.pk))

    assert "Enrol participants in a program" in asked.content.decode()
    assert str(participant.pk) in asked.content.decode()
    assert told(response) == ["1 changed, 0 were so already."]
    assert later_changes(participant) == [
        ("enrollment", str(program.pk), "ADD", None, "ACTIVE", "staff:admin")
    ]


def test_enrolling_in_a_program_that_takes_nobody_is_an_error_on_the_form(
    admin_client: Client, participant: Participant
) -> None:
    archived = Program.objects.create(name="Old", status=ProgramStatus.ARCHIVED)

    response = act(admin_client, "enroll", participant, program=str(archived.pk))

    assert response.status_code == 200
    assert "Select a valid choice" in response.content.decode()
    assert not Enrollment.objects.exists()


def test_the_page_shows_the_latest_changes_in_words(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    state.apply(state.Change(attributes={"plan": "free"}), to=participant.pk, by=TESTER)
    state.apply(state.Change(attributes={"plan": Decimal("1.50")}), to=participant.pk, by=TESTER)
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
    state.apply(state.Change(tags=["vip"]), to=participant.pk, by=TESTER)
    state.apply(state.Change(tags=["other"]), to="eva", by=TESTER, may_create=True)

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
    state.apply(state.Change(tags=["vip"]), to=participant.pk, by=TESTER)
    kind = {"state_type__exact": "tag"}

    everybody = admin_client.get(HISTORY, kind)
    one = admin_client.get(HISTORY, kind | {"participant__id__exact": str(participant.pk)})

    assert everybody.status_code == 400
    assert [change.key for change in one.context["cl"].result_list] == ["vip"]


@pytest.fixture
def many(db: None) -> None:
    """A hundred and twenty participants, each enrolled and with a row of history."""
    with connection.cursor() as cursor:
        cursor.execute("""
            INSERT INTO participants_participant (id, external_id, email, tags)
            SELECT gen_random_uuid(), 'user-' || n, 'user' || n || '@example.org', '{vip}'
            FROM generate_series(1, 120) AS n""")
        cursor.execute("""
            INSERT INTO programs_program (id, name, description, updated_at)
            SELECT gen_random_uuid(), 'Program ' || n, '', now() FROM generate_series(1, 5) AS n""")
        cursor.execute("""
            INSERT INTO participants_enrollment (id, participant_id, program_id)
            SELECT gen_random_uuid(), participant.id, program.id
            FROM participants_participant AS participant, programs_program AS program""")
        cursor.execute("""
            INSERT INTO participants_statechange
                (id, participant_id, state_type, key, operation, new_value, changed_by, changed_at)
            SELECT gen_random_uuid(), id, 'tag', 'vip', 'ADD', '"vip"', 'tests', now()
            FROM participants_participant""")


@pytest.mark.parametrize("path", [PEOPLE, ENROLLMENTS, HISTORY])
@pytest.mark.parametrize("asked", ["", "?p=2", "?q=user-1", "?p=100000000", "?o=2.3", "?_facets=1"])
@pytest.mark.usefixtures("many")
def test_a_list_takes_a_few_queries_and_counts_nothing(
    admin_client: Client, queries: list[str], path: str, asked: str
) -> None:
    response = admin_client.get(path + asked)

    assert response.status_code == 200
    assert (
        len(queries) <= 5
    )  # session, user, rows, programs to filter by, the participant searched for
    assert not [sql for sql in queries if "COUNT(" in sql.upper()]
    offsets = [int(found) for sql in queries for found in re.findall(r"OFFSET (\d+)", sql)]
    assert all(offset < LAST_PAGE * 50 for offset in offsets)
    assert not [sql for sql in queries if re.search(r'ORDER BY \S*("email"|"status")', sql)]


@pytest.mark.usefixtures("many")
def test_pages_follow_each_other_to_the_last(admin_client: Client) -> None:
    seen = []
    for number in (1, 2, 3):
        response = admin_client.get(PEOPLE, {"p": number, "o": "1"})
        seen += [participant.external_id for participant in response.context["cl"].result_list]
        assert ('rel="next"' in response.content.decode()) == (number < 3)
        assert ('rel="prev"' in response.content.decode()) == (number > 1)

    assert seen == sorted(f"user-{number}" for number in range(1, 121))


def test_no_page_lies_deeper_than_the_last_and_that_one_says_so() -> None:
    page = UncountedPaginator(range(LAST_PAGE * 5 + 1), 5).page(10**9)

    assert page.number == LAST_PAGE
    assert list(page) == list(range(LAST_PAGE * 5 - 5, LAST_PAGE * 5))
    assert page.is_last_shown
    assert not page.has_next()


@pytest.mark.usefixtures("many")
def test_the_page_of_a_participant_costs_the_same_with_many_others_and_enrolments(
    admin_client: Client, queries: list[str]
) -> None:
    participant = Participant.objects.all()[0]
    queries.clear()

    admin_client.get(page_of(participant))

    # Session, user, participant, enrolments, history; balances, what is deferred, tracks, counters, movements, events.
    # Nothing per enrolment and no choice of participants.
    assert len(queries) == 11
    assert not [sql for sql in queries if "COUNT(" in sql.upper()]


@pytest.mark.parametrize("model", ["participant", "program"])
@pytest.mark.usefixtures("many")
def test_a_field_that_completes_what_is_typed_counts_nothing_large(
    admin_client: Client, queries: list[str], model: str
) -> None:
    response = admin_client.get(
        "/admin/autocomplete/",
        {
            "app_label": "participants",
            "model_name": "enrollment",
            "field_name": model,
            "term": "user-11" if model == "participant" else "program 1",
        },
    )

    found = [row["text"] for row in response.json()["results"]]
    assert response.json()["pagination"] == {"more": False}
    if model == "participant":
        assert sorted(found) == sorted(["user-11", *(f"user-11{n}" for n in range(10))])
        assert not [sql for sql in queries if "COUNT(" in sql.upper()]
    else:
        assert found == ["Program 1"]
        assert not [sql for sql in queries if "participants_" in sql]


@pytest.mark.usefixtures("many")
def test_a_field_that_completes_what_is_typed_finds_its_last_page_uncounted(
    admin_client: Client, queries: list[str]
) -> None:
    asked = {"app_label": "participants", "model_name": "enrollment", "field_name": "participant"}

    response = admin_client.get("/admin/autocomplete/", asked | {"page": "last"})

    assert response.json() == {"results": [], "pagination": {"more": False}}
    assert not [sql for sql in queries if "COUNT(" in sql.upper()]


def test_a_program_that_takes_nobody_is_not_offered(admin_client: Client) -> None:
    Program.objects.create(name="Old", status=ProgramStatus.ARCHIVED)
    asked = {"app_label": "participants", "model_name": "enrollment", "field_name": "program"}

    response = admin_client.get("/admin/autocomplete/", asked)

    assert response.json()["results"] == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"q": "lima"}, ["ana"]),
        ({"q": "EVA@"}, ["eva"]),
        ({"q": "an"}, ["ana"]),
        ({"q": "+351"}, ["ana"]),
        ({"q": "ima, a"}, []),
        ({"tag": "VIP"}, ["ana"]),
        ({"tag": "nobody"}, []),
        ({"status__exact": "CLOSED"}, ["eva"]),
        ({"program": "club", "status__exact": "ACTIVE"}, ["ana"]),
    ],
)
def test_participants_are_found_by_text_and_filters(
    admin_client: Client, program: Program, asked: dict[str, str], found: list[str]
) -> None:
    profile = {"last_name": "Lima", "phone": "+351 1"}
    ana = state.Change(profile=profile, tags=["vip"], program_id=program.pk)
    state.apply(ana, to="ana", by=TESTER, may_create=True)
    eva = state.Change(status="CLOSED", profile={"email": "eva@example.org"})
    state.apply(eva, to="eva", by=TESTER, may_create=True)

    response = admin_client.get(
        PEOPLE, asked | ({"program": str(program.pk)} if "program" in asked else {})
    )

    rows = response.context["cl"].result_list
    assert sorted(participant.external_id for participant in rows) == found


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


def test_an_enrolment_is_added_changed_and_never_deleted(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    ids = {"participant": str(participant.pk), "program": str(program.pk)}
    added = admin_client.post(f"{ENROLLMENTS}add/", ids | {"status": "ACTIVE"})
    enrollment = Enrollment.objects.get()
    page = f"{ENROLLMENTS}{enrollment.pk}/change/"
    fields = shown_fields(admin_client.get(page), "enrollment_form")

    changed = admin_client.post(page, fields | {"status": ["FROZEN"]})
    again = admin_client.post(f"{ENROLLMENTS}add/", ids | {"status": "CLOSED"})
    deleted = admin_client.post(f"{ENROLLMENTS}{enrollment.pk}/delete/", {"post": "yes"})

    assert (added.status_code, changed.status_code, deleted.status_code) == (302, 302, 403)
    assert again.context["adminform"].form.errors == {
        "program": ["The participant is enrolled there already."]
    }
    assert [row[2:] for row in later_changes(participant)] == [
        ("ADD", None, "ACTIVE", "staff:admin"),
        ("CHANGE", "ACTIVE", "FROZEN", "staff:admin"),
    ]


def test_saving_the_untouched_page_of_an_enrolment_keeps_what_somebody_else_made_of_it(
    admin_client: Client, participant: Participant, program: Program
) -> None:
    page = f"{ENROLLMENTS}{enrolled(participant, program).pk}/change/"
    fields = shown_fields(admin_client.get(page), "enrollment_form")
    closed = state.Change(program_id=program.pk, enrollment_status="CLOSED")
    state.apply(closed, to=participant.pk, by=TESTER)

    admin_client.post(page, fields)

    assert Enrollment.objects.get().status == "CLOSED"


def test_enrolling_in_a_suspended_program_is_an_error_on_the_form(
    admin_client: Client, participant: Participant
) -> None:
    suspended = Program.objects.create(name="Old", status=ProgramStatus.SUSPENDED)
    ids = {"participant": str(participant.pk), "program": str(suspended.pk), "status": "ACTIVE"}

    response = admin_client.post(f"{ENROLLMENTS}add/", ids)

    assert response.context["adminform"].form.errors == {
        "__all__": ["The program is suspended or archived; it takes no enrolments and no events."]
    }


def test_staff_who_may_only_look_see_everything_and_change_nothing(
    ana: Participant, program: Program
) -> None:
    enrolled(ana, program)
    client = staff_client("view_participant", "view_enrollment", "view_statechange", "view_program")

    page = client.get(page_of(ana))
    listed = client.get(PEOPLE)

    text = page.content.decode()
    assert '<span class="tag">vip</span>' in text
    assert "<b>price</b>: 12345678901234567890.1234567890" in text
    assert "State history" in text
    assert "Club" in text
    assert 'name="_save"' not in text
    assert "<textarea" not in text
    assert 'name="action"' not in listed.content.decode()
    assert client.post(page_of(ana), {"status": "CLOSED"}).status_code == 403
    act(client, "close", ana)
    assert Participant.objects.get().status == "ACTIVE"


def test_the_history_is_for_those_who_may_see_it(participant: Participant) -> None:
    client = staff_client("view_participant")

    page = client.get(page_of(participant))

    assert "State history" not in page.content.decode()
    assert client.get(HISTORY).status_code == 403


def test_staff_without_a_permission_for_enrolments_cannot_send_them_along(
    participant: Participant, program: Program
) -> None:
    enrollment = enrolled(participant, program)
    client = staff_client("view_participant", "change_participant", "view_enrollment")
    fields = shown(client, participant) | {
        "first_name": ["Ana"],
        "enrollments-TOTAL_FORMS": ["1"],
        "enrollments-INITIAL_FORMS": ["1"],
        "enrollments-0-id": [str(enrollment.pk)],
        "enrollments-0-participant": [str(participant.pk)],
        "enrollments-0-status": ["CLOSED"],
    }

    client.post(page_of(participant), fields)
    act(client, "enroll", participant, program=str(program.pk))

    assert Participant.objects.get().first_name == "Ana"
    assert Enrollment.objects.get().status == "ACTIVE"


def test_nobody_deletes_a_participant(admin_client: Client, participant: Participant) -> None:
    response = admin_client.post(f"{PEOPLE}{participant.pk}/delete/", {"post": "yes"})

    assert response.status_code == 403
    assert Participant.objects.exists()


@pytest.mark.parametrize(
    "text", ["vip", " x", "x ", '"x"', '"', "a\nb", "a\r\nb", "a\u2028b", "\t", 'x"y', "\\n", "ä"]
)
def test_any_text_comes_back_from_a_line_as_it_was(text: str) -> None:
    assert "\n" not in one_line(text)
    assert from_one_line(one_line(text)) == text


@pytest.mark.parametrize(
    ("had", "has", "merge"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": True}, {"a": True}),
        ({"a": "1"}, {"a": 1}, {"a": 1}),
        ({"a": "x\r\ny"}, {"a": "x\ny"}, {}),
        ({"a": Decimal("1.50")}, {"a": Decimal("1.5")}, {"a": Decimal("1.5")}),
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}, {"b": 3, "c": 4, "a": None}),
    ],
)
def test_only_what_was_edited_is_merged(had: Any, has: Any, merge: Any) -> None:
    assert merge_between(had, has) == merge
    assert [type(value) for value in merge_between(had, has).values()] == [
        type(value) for value in merge.values()
    ]


def test_a_number_keeps_the_digits_it_was_written_with() -> None:
    read = AttributesField(required=False).clean([Row("n", "number", "1.50"), Row()])

    assert str(read["n"]) == "1.50"
