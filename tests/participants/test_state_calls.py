"""The calls for one part of a participant: tags, attributes, status, enrolments, and the history of all."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from participants.models import Enrollment, StateChange
from programs.models import Program, ProgramStatus

ANA = "/v1/participants/external:ana"


@pytest.fixture(autouse=True)
def ana(api: APIClient) -> None:
    api.post(
        "/v1/participants",
        {"external_id": "ana", "tags": ["vip", "beta"], "attributes": {"plan": "free", "n": 1}},
    )


def test_a_participant_is_found_by_either_id(api: APIClient) -> None:
    by_external_id = api.get(ANA).json()

    assert api.get(f"/v1/participants/{by_external_id['id']}").json() == by_external_id
    assert api.get(f"/v1/participants/{by_external_id['id'].upper()}").json() == by_external_id


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "", None),
        ("patch", "", {}),
        ("patch", "/status", {"status": "CLOSED"}),
        ("get", "/state/tags", None),
        ("put", "/state/tags", {"tags": []}),
        ("put", "/state/tags/x", None),
        ("delete", "/state/tags/x", None),
        ("get", "/state/attributes", None),
        ("patch", "/state/attributes", {"attributes": {}}),
        ("put", "/state/attributes/x", {"value": 1}),
        ("delete", "/state/attributes/x", None),
        ("get", "/enrollments/{program}", None),
        ("put", "/enrollments/{program}", {}),
        ("delete", "/enrollments/{program}", None),
        ("get", "/activity/state-history", None),
    ],
)
@pytest.mark.parametrize("who", ["external:nobody", "00000000-0000-7000-8000-000000000000"])
def test_nobody_is_404_everywhere(
    api: APIClient, program: Program, who: str, method: str, path: str, body: object
) -> None:
    url = f"/v1/participants/{who}" + path.format(program=program.id)

    response = getattr(api, method)(url, body, format="json")

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


@pytest.mark.parametrize("external_id", ["bea", "ana", None])
def test_patch_refuses_an_external_id(api: APIClient, external_id: str | None) -> None:
    response = api.patch(ANA, {"external_id": external_id})

    assert response.status_code == 400
    [refused] = response.json()["details"]["fields"]
    assert (refused["field"], refused["reason"]) == ("external_id", "read_only")


def test_patch_changes_what_it_names(api: APIClient) -> None:
    before = api.get(ANA).json()

    response = api.patch(
        ANA, {"attributes": {"plan": None, "x": "y"}, "email": "a@example.org", "status": "CLOSED"}
    )

    assert response.status_code == 200
    assert response.json() == {
        **before,
        "attributes": {"n": 1, "x": "y"},
        "email": "a@example.org",
        "status": "CLOSED",
        "updated_at": response.json()["updated_at"],
    }
    assert response.json()["updated_at"] > before["updated_at"]


def test_patch_cannot_change_the_external_id(api: APIClient) -> None:
    response = api.patch(ANA, {"external_id": "bea"})

    assert response.status_code == 400
    assert response.json()["details"]["fields"][0]["field"] == "external_id"


@pytest.mark.parametrize("field", ["program_id", "id", "created_at", "zz", "counters"])
def test_patch_refuses_other_fields(api: APIClient, field: str) -> None:
    assert api.patch(ANA, {field: "x"}).status_code == 400


@pytest.mark.parametrize("old", ["ACTIVE", "SUSPENDED", "CLOSED"])
@pytest.mark.parametrize("new", ["ACTIVE", "SUSPENDED", "CLOSED"])
def test_every_change_of_status_is_allowed(api: APIClient, old: str, new: str) -> None:
    api.patch(f"{ANA}/status", {"status": old})

    response = api.patch(f"{ANA}/status", {"status": new})

    assert response.status_code == 200
    assert response.json()["status"] == new


@pytest.mark.parametrize("body", [{}, {"status": "X"}, {"status": "ACTIVE", "tags": []}, []])
def test_a_status_call_takes_a_status_and_nothing_else(api: APIClient, body: object) -> None:
    assert api.patch(f"{ANA}/status", body).status_code == 400


def test_tags_are_listed_replaced_added_and_removed(api: APIClient) -> None:
    tags = f"{ANA}/state/tags"

    assert api.get(tags).json() == {"data": [{"tag": "vip"}, {"tag": "beta"}]}
    added = api.put(f"{tags}/New")
    assert (added.status_code, added.json()) == (201, {"tag": "new"})
    assert api.put(f"{tags}/new").status_code == 200
    assert api.delete(f"{tags}/VIP").status_code == 204
    assert api.delete(f"{tags}/vip").status_code == 204
    assert api.get(tags).json() == {"data": [{"tag": "beta"}, {"tag": "new"}]}
    assert api.put(tags, {"tags": ["X", "x", "y"]}).json() == {"data": [{"tag": "x"}, {"tag": "y"}]}


def test_a_tag_too_many_is_refused(api: APIClient) -> None:
    api.put(f"{ANA}/state/tags", {"tags": [str(n) for n in range(100)]})

    response = api.put(f"{ANA}/state/tags/one-more")

    assert response.status_code == 400
    assert api.put(f"{ANA}/state/tags/99").status_code == 200


def test_a_tag_may_hold_a_slash(api: APIClient) -> None:
    api.put(f"{ANA}/state/tags/a/b")

    assert {"tag": "a/b"} in api.get(f"{ANA}/state/tags").json()["data"]


def test_an_address_may_hold_a_line_end(api: APIClient) -> None:
    api.post("/v1/participants", {"external_id": "two\nlines"})

    response = api.put("/v1/participants/external:two%0Alines/state/tags/c%0Ad")

    assert (response.status_code, response.json()) == (201, {"tag": "c\nd"})


def test_a_tag_too_long_for_one_is_refused_and_was_never_there(api: APIClient) -> None:
    response = api.put(f"{ANA}/state/tags/{'x' * 256}")

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["details"]["fields"]] == ["tag"]
    assert api.delete(f"{ANA}/state/tags/{'x' * 256}").status_code == 204


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_a_nul_in_the_path_is_refused(api: APIClient, method: str) -> None:
    response = getattr(api, method)(f"{ANA}/state/tags/a%00b", RAW_URI=f"{ANA}%2F/state/tags/a%00b")

    assert response.status_code == 400
    assert response.json()["code"] == "bad_request"
    assert response.json()["request_id"] == response.headers["X-Request-ID"]


def test_attributes_are_listed_merged_set_and_removed(api: APIClient) -> None:
    attributes = f"{ANA}/state/attributes"

    assert api.get(attributes).json() == {
        "data": [{"key": "n", "value": 1}, {"key": "plan", "value": "free"}]
    }
    assert api.patch(attributes, {"attributes": {"n": None, "z": True}}).json() == {
        "data": [{"key": "z", "value": True}, {"key": "plan", "value": "free"}]
    }
    response = api.put(f"{attributes}/plan", {"value": "premium"})
    assert (response.status_code, response.json()) == (200, {"key": "plan", "value": "premium"})
    assert api.delete(f"{attributes}/plan").status_code == 204
    assert api.delete(f"{attributes}/plan").status_code == 204
    assert api.get(attributes).json() == {"data": [{"key": "z", "value": True}]}


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": []}, {"value": {}}, {"x": 1}, 7])
def test_an_attribute_takes_one_plain_value(api: APIClient, body: object) -> None:
    response = api.put(f"{ANA}/state/attributes/plan", body, format="json")

    assert response.status_code == 400
    assert api.get(ANA).json()["attributes"]["plan"] == "free"


def test_an_enrolment_is_made_frozen_and_closed(api: APIClient, program: Program) -> None:
    url = f"{ANA}/enrollments/{program.id}"

    assert api.get(url).status_code == 404
    assert api.delete(url).status_code == 404
    made = api.put(url, {})
    assert made.status_code == 200
    assert made.json() == {
        "program_id": str(program.id),
        "status": "ACTIVE",
        "created_at": made.json()["created_at"],
        "updated_at": made.json()["updated_at"],
    }
    assert api.get(ANA).json()["program_ids"] == [str(program.id)]
    assert api.put(url, {"status": "FROZEN"}).json()["status"] == "FROZEN"
    assert api.get(ANA).json()["program_ids"] == []
    assert api.delete(url).status_code == 204
    assert api.get(url).json()["status"] == "CLOSED"
    assert api.put(url, {"status": "X"}).status_code == 400


@pytest.mark.parametrize("status", [ProgramStatus.ARCHIVED, ProgramStatus.SUSPENDED])
def test_an_enrolment_in_a_program_that_takes_nobody_can_only_end(
    api: APIClient, program: Program, status: str
) -> None:
    url = f"{ANA}/enrollments/{program.id}"
    api.put(url, {})
    other = Program.objects.create(name="Other", status=status)
    Program.objects.update(status=status)

    assert api.put(url, {"status": "ACTIVE"}).status_code == 409
    assert api.put(url, {"status": "FROZEN"}).status_code == 200
    assert api.delete(url).status_code == 204
    assert api.put(f"{ANA}/enrollments/{other.id}", {"status": "CLOSED"}).status_code == 409
    assert Enrollment.objects.count() == 1


def test_enrolling_in_an_unknown_program_is_404(api: APIClient) -> None:
    url = f"{ANA}/enrollments/00000000-0000-7000-8000-000000000000"

    assert api.put(url, {}).status_code == 404


def test_the_history_tells_every_change_newest_first(api: APIClient, program: Program) -> None:
    api.put(f"{ANA}/enrollments/{program.id}", {})
    api.patch(ANA, {"tags": ["beta", "new"]})
    api.patch(ANA, {"attributes": {"plan": None, "n": 2}})
    api.patch(ANA, {"email": "a@example.org"})
    api.patch(ANA, {"email": ""})
    api.patch(f"{ANA}/status", {"status": "CLOSED"})
    api.put(f"{ANA}/state/tags", {"tags": ["new", "beta"]})

    rows = api.get(f"{ANA}/activity/state-history").json()["data"]

    told = [
        (row["state_type"], row["key"], row["operation"], row["old_value"], row["new_value"])
        for row in rows
    ]
    assert told[:3] == [
        ("tag", "", "CHANGE", ["beta", "new"], ["new", "beta"]),
        ("status", "", "CHANGE", "ACTIVE", "CLOSED"),
        ("profile", "email", "REMOVE", "a@example.org", None),
    ]
    assert set(map(repr, told[3:])) == set(
        map(
            repr,
            [
                ("profile", "email", "ADD", None, "a@example.org"),
                ("attribute", "n", "CHANGE", 1, 2),
                ("attribute", "plan", "REMOVE", "free", None),
                ("tag", "new", "ADD", None, "new"),
                ("tag", "vip", "REMOVE", "vip", None),
                ("enrollment", str(program.id), "ADD", None, "ACTIVE"),
                ("status", "", "ADD", None, "ACTIVE"),
                ("tag", "", "ADD", None, ["vip", "beta"]),
                ("attribute", "", "ADD", None, {"n": 1, "plan": "free"}),
            ],
        )
    )
    assert {row["program_id"] for row in rows} == {str(program.id), None}
    assert {row["changed_by"] for row in rows} == {rows[0]["changed_by"]}
    assert rows[0]["changed_by"].startswith("api_key:tests (lrl_")
    assert [row["changed_at"] for row in rows] == sorted(
        (row["changed_at"] for row in rows), reverse=True
    )


def test_the_history_is_filtered_and_paged(api: APIClient) -> None:
    history = f"{ANA}/activity/state-history"
    for n in range(5):
        api.patch(ANA, {"attributes": {"n": n * 10}})

    first = api.get(history, {"state_type": "attribute", "key": "n", "limit": "3"}).json()
    cursor = first["pagination"]["next_cursor"]
    second = api.get(history, {"state_type": "attribute", "key": "n", "cursor": cursor}).json()

    assert [row["new_value"] for row in first["data"]] == [40, 30, 20]
    assert [row["new_value"] for row in second["data"]] == [10, 0]
    assert api.get(history, {"state_type": "x"}).status_code == 400


def test_each_row_says_when_the_participant_changed(api: APIClient) -> None:
    answer = api.patch(ANA, {"tags": ["x"], "phone": "1"}).json()

    newest = StateChange.objects.order_by("-id")[:4]

    assert {f"{row.changed_at:%Y-%m-%dT%H:%M:%S.%fZ}" for row in newest} == {answer["updated_at"]}


def test_calls_cost_few_statements(api: APIClient, program: Program, queries: list[str]) -> None:
    calls: list[tuple[int, Callable[[], object]]] = [
        (1, lambda: api.get(ANA)),
        (1, lambda: api.patch(ANA, {"tags": ["q"]})),
        (1, lambda: api.put(f"{ANA}/state/tags/w")),
        (1, lambda: api.get(f"{ANA}/state/attributes")),
        (2, lambda: api.put(f"{ANA}/enrollments/{program.id}", {})),
        (2, lambda: api.get(f"{ANA}/activity/state-history")),
    ]
    for count, call in calls:
        queries.clear()
        call()

        assert len(queries) == count
