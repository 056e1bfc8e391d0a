"""Lists of participants: filters, order, cursors, and what they cost on a large table."""

from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from participants import state
from participants.models import Participant
from programs.models import Program
from tests.conftest import TESTER


def make(*external_ids: str, **change: Any) -> None:
    for external_id in external_ids:
        state.change(state.Change(**change), to=external_id, by=TESTER, rights=state.ALL_RIGHTS)


def listed(api: APIClient, **query: Any) -> list[str]:
    response = api.get("/v1/participants", query)
    assert response.status_code == 200, response.json()
    return [row["external_id"] for row in response.json()["data"]]


def pages(api: APIClient, **query: Any) -> list[list[str]]:
    found, cursor = [], None
    while True:
        body = api.get("/v1/participants", query | ({"cursor": cursor} if cursor else {})).json()
        found.append([row["external_id"] for row in body["data"]])
        cursor = body["pagination"]["next_cursor"]
        assert body["pagination"]["has_more"] is (cursor is not None)
        if cursor is None:
            return found


def test_a_row_is_slim(api: APIClient) -> None:
    make("ana", tags=["vip"], profile={"email": "ana@example.org"})

    body = api.get("/v1/participants").json()

    person = Participant.objects.get()
    assert body == {
        "data": [
            {
                "id": str(person.id),
                "external_id": "ana",
                "status": "ACTIVE",
                "email": "ana@example.org",
                "phone": "",
                "first_name": "",
                "last_name": "",
                "display_name": "",
                "created_at": f"{person.created_at:%Y-%m-%dT%H:%M:%S.%fZ}",
                "updated_at": f"{person.updated_at:%Y-%m-%dT%H:%M:%S.%fZ}",
            }
        ],
        "pagination": {"has_more": False, "next_cursor": None},
    }


def test_the_newest_come_first(api: APIClient) -> None:
    make("a", "b", "c")

    assert listed(api) == ["c", "b", "a"]
    assert listed(api, sort_dir="asc") == ["a", "b", "c"]


def test_external_ids_sort_by_bytes(api: APIClient) -> None:
    make("b", "a", "B", "é", "a1")

    assert listed(api, sort_by="external_id", sort_dir="asc") == ["B", "a", "a1", "b", "é"]


def test_each_sorting_pages_through_everybody_once(api: APIClient) -> None:
    make("a", "b", "c")
    make("d", "e", status="SUSPENDED")
    make("f", "g", status="CLOSED")

    for sort_by in ("created_at", "external_id", "status"):
        for sort_dir in ("asc", "desc"):
            found = pages(api, limit=2, sort_by=sort_by, sort_dir=sort_dir)

            assert [len(page) for page in found] == [2, 2, 2, 1]
            assert sorted(chain(*found)) == list("abcdefg")
            assert list(chain(*found)) == listed(api, sort_by=sort_by, sort_dir=sort_dir)


def test_a_page_that_is_just_full_is_the_last(api: APIClient) -> None:
    make("a", "b")

    assert pages(api, limit=2) == [["b", "a"]]


def test_filters(api: APIClient, program: Program) -> None:
    make("ana", tags=["vip", "x"], profile={"email": "ana@example.org", "first_name": "Ana"})
    make("bea", status="CLOSED", profile={"last_name": "Ânanas", "phone": "+351 555"})
    make("cid", program_id=program.id)
    make("dan", program_id=program.id, enrollment_status="FROZEN")
    second = Participant.objects.get(external_id="bea").created_at

    assert listed(api, external_id="ana") == ["ana"]
    assert listed(api, external_id="ANA") == []
    assert listed(api, status="CLOSED") == ["bea"]
    assert listed(api, tag="vip") == ["ana"]
    assert listed(api, tag="VIP") == ["ana"]
    assert listed(api, program_id=program.id) == ["cid"]
    assert listed(api, search="ANA@EX") == ["ana"]
    assert listed(api, search="555") == ["bea"]
    assert listed(api, search="âna") == ["bea"]
    assert listed(api, search="%na") == []
    assert listed(api, search="a_a") == []
    assert listed(api, search="be") == ["bea"]
    assert listed(api, search="ea") == []
    assert listed(api, search="@.@") == []
    assert listed(api, **{"from": second.isoformat()}) == ["dan", "cid", "bea"]
    assert listed(api, to=second.isoformat()) == ["ana"]
    assert listed(api, to=(second - timedelta(days=1)).isoformat()) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"email": "ana.lima@example.org"}, ["ana"]),
        ({"email": " ANA.Lima@Example.ORG "}, ["ana"]),
        ({"email": "lima@example.org"}, []),
        ({"email": "ana.lima@example.or"}, []),
        ({"email": "ana_lima@example.org"}, []),
        ({"email": "%"}, []),
        ({"email": "jürgen@bücher.example"}, ["bea"]),
        ({"email": "JÜRGEN@BÜCHER.example"}, ["bea"]),
        ({"email": "eve@example.org"}, ["cid"]),  # dan is only named so
        ({"phone": "15550109"}, ["ana"]),
        ({"phone": "+1 (555) 010-9"}, ["ana"]),
        ({"phone": "1.555.0109"}, ["ana"]),
        ({"phone": "5550109"}, []),
        ({"phone": "155501099"}, []),
        ({"phone": "7"}, ["bea"]),
        ({"phone": "77"}, ["cid"]),  # and not the external_id 77
        ({"search": "ana lima"}, ["ana"]),
        ({"search": "lima ANA"}, ["ana"]),
        ({"search": "  lima \t ana  "}, ["ana"]),
        ({"search": "ana ana"}, ["ana"]),
        ({"search": "ana silva"}, ["ana"]),
        ({"search": "ana da silva"}, ["ana"]),
        ({"search": "ana xx"}, []),
        ({"search": "ana bea"}, []),
        ({"search": "silva example.org 555"}, ["ana"]),
        ({"search": "15550109"}, ["ana"]),
        ({"search": "5550109"}, ["ana"]),
        ({"search": "1(555)0109"}, ["ana"]),
        ({"search": "+1 (555) 010-9"}, ["ana"]),
        ({"search": "555 bücher"}, []),
        ({"search": "lima\nana"}, ["ana"]),
        ({"search": "% ana"}, []),
        ({"search": "an_ ana"}, []),
        ({"search": "a"}, ["ana"]),
        ({"search": " a "}, ["ana"]),
        ({"search": "a n"}, []),
        ({"search": "7"}, ["77"]),
        ({"search": "- --"}, []),
    ],
)
def test_people_are_found_by_address_number_and_words(
    api: APIClient, query: dict[str, str], found: list[str]
) -> None:
    make(
        "ana",
        profile={
            "email": "Ana.Lima@example.org",
            "phone": "+1 (555) 010-9",
            "first_name": "Ana",
            "last_name": "da Silva",
        },
    )
    make("bea", profile={"email": "Jürgen@bücher.example", "phone": "7"})
    make("cid", profile={"email": "eve@example.org", "phone": "7-7"})
    make("dan", profile={"display_name": "eve@example.org"})
    make("77")

    assert listed(api, **query) == found


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "٣"}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"sort_by": "email"}, "sort_by"),
        ({"sort_dir": "up"}, "sort_dir"),
        ({"status": "active"}, "status"),
        ({"program_id": "7"}, "program_id"),
        ({"from": "yesterday"}, "from"),
        ({"external_id": "a\0"}, "external_id"),
        ({"search": "a\0bc"}, "search"),
        ({"tag": "\0"}, "tag"),
        ({"email": "a\0"}, "email"),
        ({"email": "x" * 256}, "email"),
        ({"email": " "}, "email"),
        ({"search": " "}, "search"),
        ({"search": "\t\u2003"}, "search"),
        ({"email": "\t\u00a0"}, "email"),
        ({"phone": " "}, "phone"),
        ({"phone": "none"}, "phone"),
        ({"phone": "٣٣٣"}, "phone"),
    ],
)
def test_a_query_outside_its_limits_is_refused(
    api: APIClient, query: dict[str, str], field: str
) -> None:
    response = api.get("/v1/participants", query)

    assert response.status_code == 400
    assert response.json()["details"]["fields"][0]["field"] == field


def test_a_cursor_is_stable_while_rows_come_and_go(api: APIClient) -> None:
    make("a", "b", "c", "d", "e", "f")
    first = api.get("/v1/participants", {"limit": 2}).json()
    make("g")
    Participant.objects.filter(external_id="e").update(display_name="changed")

    second = api.get(
        "/v1/participants", {"limit": 2, "cursor": first["pagination"]["next_cursor"]}
    ).json()

    assert [row["external_id"] for row in first["data"]] == ["f", "e"]
    assert [row["external_id"] for row in second["data"]] == ["d", "c"]


def test_a_cursor_outlives_the_row_it_points_at(api: APIClient) -> None:
    make("a", "b", "c")
    first = api.get("/v1/participants", {"limit": 1}).json()
    gone = Participant.objects.get(external_id="c")
    gone.state_changes.all().delete()
    gone.delete()

    rest = listed(api, cursor=first["pagination"]["next_cursor"])

    assert rest == ["b", "a"]


@pytest.mark.parametrize("tamper", ["", "x", "%", "eyJ", "W10:abc", "é", "\0", "a" * 10_000])
def test_a_forged_cursor_is_400(api: APIClient, tamper: str) -> None:
    make("a", "b", "c")
    real = api.get("/v1/participants", {"limit": 1}).json()["pagination"]["next_cursor"]

    for forged in (tamper + real, real + tamper, tamper, real.partition(":")[0] + ":" + tamper):
        if forged in ("", real):
            continue
        response = api.get("/v1/participants", {"cursor": forged})

        assert response.status_code == 400
        assert response.json()["details"]["fields"][0]["field"] == "cursor"


def test_a_cursor_of_another_sorting_is_400(api: APIClient) -> None:
    make("a", "b", "c")
    cursor = api.get("/v1/participants", {"limit": 1}).json()["pagination"]["next_cursor"]

    for query in ({"sort_by": "status"}, {"sort_dir": "asc"}):
        response = api.get("/v1/participants", {"cursor": cursor, **query})

        assert response.status_code == 400


def test_a_list_is_one_query_however_many_rows(api: APIClient, queries: list[str]) -> None:
    make(*(f"p{n}" for n in range(60)))
    listed(api)
    queries.clear()

    listed(api, limit=1)
    listed(api, limit=50)

    assert len(queries) == 2


@pytest.fixture(scope="module")
def crowd(django_db_setup: None, django_db_blocker: Any) -> Any:
    """30,000 participants, committed: a small table is always scanned, so plans show on a large one."""
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO programs_program (id, name, description, updated_at)
                VALUES ('00000000-0000-7000-8000-00000000000a', 'Crowd', '', now());
                INSERT INTO participants_participant (id, external_id, status, email, phone, tags, created_at)
                SELECT gen_random_uuid(), 'crowd-' || n, CASE WHEN n % 1000 = 0 THEN 'CLOSED' ELSE 'ACTIVE' END,
                    md5(n::text) || '@example.org', '+' || 55500000 + n, ARRAY['t' || n % 5000, 'all'],
                    timestamptz '2020-01-01' + n * interval '1 minute'
                FROM generate_series(1, 30000) AS n;
                INSERT INTO participants_enrollment (id, participant_id, program_id, status)
                SELECT gen_random_uuid(), id, '00000000-0000-7000-8000-00000000000a', 'ACTIVE'
                FROM participants_participant WHERE external_id LIKE 'crowd-%0';
                ANALYZE participants_participant, participants_enrollment;
                """
            )
        yield
        with connection.cursor() as cursor:
            # A DELETE would look for each row in every table below it.
            cursor.execute("TRUNCATE participants_participant, programs_program CASCADE")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({}, "participant_by_created_at"),
        ({"sort_by": "external_id"}, "participant_external_id_is_unique"),
        ({"sort_by": "status"}, "participant_by_status"),
        ({"external_id": "crowd-5"}, "participant_external_id_is_unique"),
        ({"search": "c4ca4238a0"}, "participant_by_words"),
        ({"search": "C4CA4238A0"}, "participant_by_words"),
        ({"search": "c4ca4238 a0b9 ex"}, "participant_by_words"),
        ({"search": "c4ca4238 (555)-00077"}, "participant_by_words"),
        ({"email": "C4CA4238A0B923820DCC509A6F75849B@Example.org"}, "participant_by_words"),
        ({"phone": "(555) 0-0077"}, "participant_by_words"),
        ({"phone": "7"}, "participant_by_words"),
        ({"search": "zz"}, "participant_external_id_is_unique"),
        ({"search": "---"}, "participant_external_id_is_unique"),
        ({"tag": "t77"}, "participant_by_tag"),
        ({"status": "CLOSED"}, "participant_by_status"),
        ({"program_id": "00000000-0000-7000-8000-00000000000a"}, ""),
        ({"from": "2020-02-01T00:00:00Z"}, "participant_by_created_at"),
    ],
)
def test_a_list_of_a_large_table_reads_an_index(
    crowd: None, api: APIClient, query: dict[str, str], index: str
) -> None:
    api.get("/v1/programs")
    first = api.get("/v1/participants", {"limit": "1", **query}).json()
    pages = [query]
    if cursor := first["pagination"]["next_cursor"]:
        pages.append({"cursor": cursor, **query})

    for page in pages:
        with CaptureQueriesContext(connection) as captured:
            api.get("/v1/participants", page)
        with connection.cursor() as cursor_:
            cursor_.execute("EXPLAIN " + captured[0]["sql"])
            plan = "\n".join(row[0] for row in cursor_.fetchall())
        assert "Seq Scan on participants_participant" not in plan
        assert index in plan
