"""The list of participants: found, filtered, and what it costs."""

import re

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client

from participants import state
from participants.admin.lists import LAST_PAGE, UncountedPaginator
from participants.models import Participant
from programs.models import Program, ProgramStatus
from tests.conftest import TESTER
from tests.participants.admin.participant_pages import page_of

PEOPLE = "/admin/participants/participant/"
ENROLLMENTS = "/admin/participants/enrollment/"
HISTORY = "/admin/participants/statechange/"


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
    # Session, user, saved views, rows, programs to filter by, the participant searched for; of people their columns and more filters, too.
    assert len(queries) <= (12 if path == PEOPLE else 6)
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
def test_the_page_of_a_participant_costs_the_same_with_many_others_and_enrollments(
    admin_client: Client, queries: list[str]
) -> None:
    participant = Participant.objects.all()[0]
    ContentType.objects.get_for_model(Participant)  # Django looks it up once for each process
    queries.clear()

    admin_client.get(page_of(participant))

    # Session, user, participant; enrollments, counters, tracks, balances, the timeline; nothing per enrollment.
    assert len(queries) <= 9
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
    state.change(ana, to="ana", by=TESTER, rights=state.ALL_RIGHTS)
    eva = state.Change(status="CLOSED", profile={"email": "eva@example.org"})
    state.change(eva, to="eva", by=TESTER, rights=state.ALL_RIGHTS)

    response = admin_client.get(
        PEOPLE, asked | ({"program": str(program.pk)} if "program" in asked else {})
    )

    rows = response.context["cl"].result_list
    assert sorted(participant.external_id for participant in rows) == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ana lima", ["ana"]),
        ("LIMA  ana", ["ana"]),
        ("lima 5550109", ["ana"]),
        ("ana silva", []),
        ("an", ["ana"]),
    ],
)
def test_the_search_finds_those_who_have_every_word(
    admin_client: Client, words: str, found: list[str]
) -> None:
    profile = {"first_name": "Ana", "last_name": "Lima", "phone": "+1 (555) 010-9"}
    for name, change in {"ana": state.Change(profile=profile), "bea": state.Change()}.items():
        state.change(change, to=name, by=TESTER, rights=state.ALL_RIGHTS)

    response = admin_client.get(PEOPLE, {"q": words})

    assert [person.external_id for person in response.context["cl"].result_list] == found
