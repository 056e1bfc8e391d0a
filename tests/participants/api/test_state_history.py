import pytest
from rest_framework.test import APIClient

from participants import state
from participants.models import StateChange
from programs.models import Program
from tests.conftest import TESTER

ANA = "/v1/participants/external:ana"


@pytest.fixture(autouse=True)
def ana(api: APIClient) -> None:
    api.post(
        "/v1/participants",
        {"external_id": "ana", "tags": ["vip", "beta"], "attributes": {"plan": "free", "n": 1}},
    )


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


def test_it_says_why_where_somebody_said(api: APIClient) -> None:
    change = state.Change(tags=["vip", "regular"])
    state.change(change, to="ana", by=TESTER, reason="Asked at the till")

    rows = api.get(f"{ANA}/activity/state-history").json()["data"]

    assert [rows[0]["reason"], rows[-1]["reason"]] == ["Asked at the till", ""]
