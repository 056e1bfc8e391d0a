from functools import partial
from typing import Any

import pytest
from rest_framework.test import APIClient

from programs.models import Program, ProgramChange
from programs.rulebook import cache
from tests.threads import at_once


def test_a_program_is_created_with_its_defaults(api: APIClient) -> None:
    response = api.post("/v1/programs", {"name": "Club"})

    program = Program.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "id": str(program.id),
        "name": "Club",
        "description": "",
        "on_unknown_participant": "CREATE",
        "time_zone": "UTC",
        "status": "ACTIVE",
        "version": 1,
        "created_at": f"{program.created_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "updated_at": f"{program.updated_at:%Y-%m-%dT%H:%M:%S.%fZ}",
    }
    assert api.get(f"/v1/programs/{program.id}").json() == response.json()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": 7}, "name"),
        ({"name": None}, "name"),
        ({"name": "Club", "description": "x" * 1001}, "description"),
        ({"name": "Club", "status": "OPEN"}, "status"),
        ({"name": "Club", "on_unknown_participant": "ASK"}, "on_unknown_participant"),
        *(
            ({"name": "Club", "time_zone": zone}, "time_zone")
            for zone in (
                "",
                None,
                1,
                "europe/berlin",
                "Berlin",
                "CEST",
                "+02:00",
                "../UTC",
                "x" * 65,
            )
        ),
        *(({"name": "Club", "time_zone": zone}, "time_zone") for zone in ("localtime", "Factory")),
        ({"name": "Club", "colour": "red"}, "colour"),
        ({"name": "Club", "id": "x"}, "id"),
    ],
)
def test_a_program_outside_its_limits_is_refused(
    api: APIClient, body: dict[str, Any], field: str
) -> None:
    response = api.post("/v1/programs", body)

    assert response.status_code == 400
    assert {entry["field"] for entry in response.json()["details"]["fields"]} == {field}
    assert not Program.objects.exists()


def test_a_change_leaves_the_rest(api: APIClient, program: Program) -> None:
    response = api.patch(f"/v1/programs/{program.id}", {"status": "SUSPENDED"})

    assert response.status_code == 200
    assert (response.json()["name"], response.json()["status"]) == ("Club", "SUSPENDED")


def test_a_change_writes_only_what_it_names(
    api: APIClient, program: Program, queries: list[str]
) -> None:
    api.patch(f"/v1/programs/{program.id}", {"description": "new"})

    [update] = [sql for sql in queries if sql.startswith('UPDATE "programs_program"')]
    assert '"name"' not in update


def test_archived_programs_are_hidden_from_the_list_only(api: APIClient, program: Program) -> None:
    gone = Program.objects.create(name="Gone", status="ARCHIVED")

    def names(**query: str) -> list[str]:
        return [row["name"] for row in api.get("/v1/programs", query).json()["data"]]

    assert names() == ["Club"]
    assert names(include_archived="true") == ["Gone", "Club"]
    assert names(status="ARCHIVED") == ["Gone"]
    assert names(status="ACTIVE") == ["Club"]
    assert api.get(f"/v1/programs/{gone.id}").status_code == 200
    assert api.patch(f"/v1/programs/{gone.id}", {"status": "ACTIVE"}).status_code == 200


def test_programs_are_paged(api: APIClient) -> None:
    for name in "abc":
        Program.objects.create(name=name)

    first = api.get("/v1/programs", {"limit": 2}).json()
    second = api.get("/v1/programs", {"cursor": first["pagination"]["next_cursor"]}).json()

    assert [row["name"] for row in first["data"]] == ["c", "b"]
    assert [row["name"] for row in second["data"]] == ["a"]


def test_an_id_is_known_in_either_case(api: APIClient, program: Program) -> None:
    assert api.get(f"/v1/programs/{str(program.id).upper()}").status_code == 200


def test_a_change_of_the_time_zone_is_kept_and_reaches_rules(
    api: APIClient, program: Program
) -> None:
    before = cache.current([program.pk])[program.pk]

    response = api.patch(f"/v1/programs/{program.id}", {"time_zone": "Europe/Berlin"})
    api.patch(f"/v1/programs/{program.id}", {"time_zone": "Europe/Berlin"})

    after = cache.current([program.pk])[program.pk]
    kept = ProgramChange.objects.values_list("program", "field", "old_value", "new_value")
    assert response.json()["time_zone"] == "Europe/Berlin"
    assert list(kept) == [(program.pk, "time_zone", "UTC", "Europe/Berlin")]
    assert ProgramChange.objects.get().changed_by.startswith("api_key:")
    assert (before.facts["time_zone"], after.facts["time_zone"]) == ("UTC", "Europe/Berlin")
    assert before.revision != after.revision


def test_each_changed_field_is_kept(api: APIClient, program: Program) -> None:
    api.patch(
        f"/v1/programs/{program.id}", {"name": "Club", "description": "d", "status": "ACTIVE"}
    )
    api.patch(f"/v1/programs/{program.id}", {"name": "Inner circle", "description": ""})

    kept = ProgramChange.objects.values_list("field", "old_value", "new_value")
    assert sorted(kept) == [
        ("description", "", "d"), ("description", "d", ""), ("name", "Club", "Inner circle")
    ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_changes_at_once_make_a_history_without_a_gap(api: APIClient, program: Program) -> None:
    path = f"/v1/programs/{program.id}"
    zones = ["Europe/Berlin", "Asia/Tokyo", "America/Lima", "Africa/Cairo", "Pacific/Apia"]

    at_once([partial(api.patch, path, {"time_zone": zone}) for zone in zones])

    kept = list(ProgramChange.objects.order_by("changed_at", "id"))
    following = {change.old_value: change.new_value for change in kept}
    zone = "UTC"
    for _ in zones:
        zone = following.pop(zone)
    assert following == {}
    assert Program.objects.get().time_zone == zone
