import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from participants import state
from programs.models import Program, ProgramStatus
from tests.admin_pages import shown_fields
from tests.conftest import TESTER
from tests.staff import told

PROGRAMS = "/admin/programs/program/"
KEYS = "/admin/programs/apikey/"


def test_the_list_of_programs_shows_how_many_are_enrolled_in_each_from_one_query(
    admin_client: Client, program: Program, queries: list[str]
) -> None:
    other = Program.objects.create(name="Other")
    for name, status in (("a", "ACTIVE"), ("b", "ACTIVE"), ("c", "FROZEN"), ("d", "CLOSED")):
        change = state.Change(program_id=program.pk, enrollment_status=status)
        state.change(change, to=name, by=TESTER, rights=state.ALL_RIGHTS)
    state.change(state.Change(program_id=other.pk), to="a", by=TESTER)
    queries.clear()

    response = admin_client.get(PROGRAMS)

    statuses = ("ACTIVE", "FROZEN", "LOCKED", "CLOSED")
    numbers = {
        shown.name: [getattr(shown, f"enrolled_{status}") for status in statuses]
        for shown in response.context["cl"].result_list
    }
    assert numbers == {"Club": [2, 1, 0, 1], "Other": [1, 0, 0, 0]}
    assert (
        '<td class="field-enrolled_active" data-label="Active enrollments">2</td>'
        in response.content.decode()
    )
    assert len([sql for sql in queries if "participants_enrollment" in sql]) == 1


def test_the_list_of_programs_takes_as_many_queries_for_many(
    admin_client: Client, queries: list[str]
) -> None:
    Program.objects.bulk_create([Program(name=f"Program {number}") for number in range(150)])
    queries.clear()

    response = admin_client.get(PROGRAMS)

    assert len(response.context["cl"].result_list) == 100
    assert len(queries) == 6  # session, user, saved views, two counts of programs, rows


def test_a_program_is_added_under_the_rules_of_the_model(admin_client: Client) -> None:
    posted = {
        "name": "Club",
        "on_unknown_participant": "REJECT",
        "time_zone": "Asia/Tokyo",
        "status": "ACTIVE",
    }

    refused = admin_client.post(f"{PROGRAMS}add/", posted | {"name": " \t "})
    too_long = admin_client.post(f"{PROGRAMS}add/", posted | {"description": "x" * 1001})
    nowhere = admin_client.post(f"{PROGRAMS}add/", posted | {"time_zone": "Berlin"})
    added = admin_client.post(f"{PROGRAMS}add/", posted)

    assert "name" in refused.context["adminform"].form.errors
    assert "description" in too_long.context["adminform"].form.errors
    assert "time_zone" in nowhere.context["adminform"].form.errors
    assert added.status_code == 302
    made = Program.objects.get()
    assert (made.on_unknown_participant, made.time_zone) == ("REJECT", "Asia/Tokyo")


def test_a_page_writes_only_what_was_changed_on_it(admin_client: Client, program: Program) -> None:
    page = f"{PROGRAMS}{program.pk}/edit/"
    fields = shown_fields(admin_client.get(page), "program_form")
    Program.objects.update(status=ProgramStatus.SUSPENDED)

    admin_client.post(page, fields | {"name": ["Inner circle"]})

    program.refresh_from_db()
    assert (program.name, program.status) == ("Inner circle", "SUSPENDED")


@pytest.mark.parametrize(
    ("action", "status"),
    [("archive", "ARCHIVED"), ("suspend", "SUSPENDED"), ("activate", "ACTIVE")],
)
def test_an_action_sets_the_status_of_programs(
    admin_client: Client, program: Program, action: str, status: str
) -> None:
    Program.objects.update(status="SUSPENDED" if status == "ACTIVE" else "ACTIVE")
    chosen = {"action": action, "_selected_action": [str(program.pk)], "confirmed": "yes"}

    response = admin_client.post(PROGRAMS, chosen)

    updated = Program.objects.get()
    assert updated.status == status
    assert updated.updated_at > program.updated_at
    assert told(response) == [f"{status.capitalize()} now: Club."]
    assert LogEntry.objects.get().change_message == f"Set the status to {status}."


def test_saving_an_untouched_program_leaves_its_time_of_change(
    admin_client: Client, program: Program
) -> None:
    page = f"{PROGRAMS}{program.pk}/edit/"

    admin_client.post(page, shown_fields(admin_client.get(page), "program_form"))

    assert Program.objects.get().updated_at == program.updated_at


def test_the_page_of_a_program_shows_what_was_changed(
    admin_client: Client, program: Program
) -> None:
    page = f"{PROGRAMS}{program.pk}/edit/"
    fields = shown_fields(admin_client.get(page), "program_form")

    admin_client.post(page, fields | {"time_zone": ["Europe/Berlin"]})

    shown = admin_client.get(page).content.decode()
    assert "<td>staff:admin</td>" in shown
    assert "<td>Time zone</td>\n        <td>UTC</td>\n        <td>Europe/Berlin</td>" in shown


def test_a_stored_zone_that_this_machine_does_not_know_is_not_replaced_in_silence(
    admin_client: Client, program: Program
) -> None:
    Program.objects.update(time_zone="Mars/Olympus")
    page = f"{PROGRAMS}{program.pk}/edit/"
    fields = shown_fields(admin_client.get(page), "program_form")

    refused = admin_client.post(page, fields | {"name": ["Inner circle"]})

    assert "time_zone" in refused.context["adminform"].form.errors
    assert Program.objects.get().time_zone == "Mars/Olympus"


def test_a_program_is_found_by_name_and_status(admin_client: Client, program: Program) -> None:
    Program.objects.create(name="Old club", status=ProgramStatus.ARCHIVED)

    response = admin_client.get(PROGRAMS, {"q": "club", "status__exact": "ARCHIVED"})

    assert [found.name for found in response.context["cl"].result_list] == ["Old club"]


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        (PROGRAMS, {"name__regex": "("}),
        (PROGRAMS, {"name": "club"}),
        (PROGRAMS, {"created_at__year": "99999999"}),
        (KEYS, {"digest__startswith": "0"}),
        (KEYS, {"digest__regex": "("}),
        (KEYS, {"scopes__contains": "x"}),
    ],
)
def test_the_address_of_a_list_takes_its_filters_only(
    admin_client: Client, path: str, asked: dict[str, str]
) -> None:
    assert admin_client.get(path, asked).status_code == 400


@pytest.mark.parametrize(
    ("path", "asked"), [(PROGRAMS, "status__exact"), (PROGRAMS, "name"), (KEYS, "state")]
)
def test_a_list_leads_back_to_itself_from_an_address_with_nul(
    admin_client: Client, path: str, asked: str
) -> None:
    response = admin_client.get(path, {asked: ["x", "\0"]})

    assert response.status_code == 302
    assert response.headers["Location"] == f"{path}?e=1"


@pytest.mark.parametrize(
    ("path", "asked"),
    [(KEYS, {"expires_at": "x", "scopes": "y"}), (PROGRAMS, {"name": "\0", "status": "x"})],
)
def test_the_page_to_add_takes_nothing_from_its_address(
    admin_client: Client, path: str, asked: dict[str, str]
) -> None:
    response = admin_client.get(f"{path}add/", asked)

    assert response.status_code == 200
    assert not asked.keys() & response.context["adminform"].form.initial.keys()
