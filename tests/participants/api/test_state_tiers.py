"""Tiers through their own calls: set, kept, past, and back to the base."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from participants import state
from participants.models import Participant, StateChange, TierStanding
from programs.models import Program, TierLevel, TierTrack
from tests.conftest import TESTER
from tests.participants.api.tiers import enroll, make_track

PATH = "/v1/participants/external:ana/state/tiers"
BASE = {"level": "", "rank": 0}
SOON = "2099-12-31T00:00:00.000000Z"


@pytest.fixture
def track(program: Program, participant: Participant) -> TierTrack:
    """A track of the program that ana is enrolled in."""
    enroll("ana", program)
    return make_track(program)


def put(api: APIClient, program: Program, level: str, **body: Any) -> Any:
    return api.put(f"{PATH}/status?program_id={program.pk}", {"level": level, **body})


def tiers_in_answer(api: APIClient) -> Any:
    """The map of the whole participant, the same from both doors."""
    read = api.get("/v1/participants/external:ana").json()["tiers"]
    assert api.post("/v1/participants", {"external_id": "ana"}).json()["tiers"] == read
    return read


def test_a_participant_is_put_on_a_level_and_back(
    api: APIClient, program: Program, track: TierTrack
) -> None:
    assert tiers_in_answer(api) == {"status": BASE}

    response = put(api, program, "silver", expires_at=SOON)

    assert response.status_code == 200
    answer = response.json()
    assert answer == {
        "key": "status",
        "program_id": str(program.pk),
        "level": "silver",
        "rank": 2,
        "benefits": ["silver gift"],
        "acquired_at": answer["acquired_at"],
        "expires_at": SOON,
    }
    assert api.get(f"{PATH}/status?program_id={program.pk}").json() == answer
    assert api.get(f"{PATH}/status").json() == answer
    assert api.get(PATH).json() == {"data": [answer]}
    assert tiers_in_answer(api) == {"status": {"level": "silver", "rank": 2}}
    for _ in range(2):
        assert api.delete(f"{PATH}/status?program_id={program.pk}").status_code == 204
    assert api.get(f"{PATH}/status").json()["level"] == ""
    assert tiers_in_answer(api) == {"status": BASE}
    changes = StateChange.objects.filter(state_type="tier").order_by("id")
    assert [(each.operation, each.old_value, each.new_value) for each in changes] == [
        ("ADD", None, "silver"),
        ("REMOVE", "silver", None),
    ]
    assert {each.program_id for each in changes} == {program.pk}


def test_past_its_time_a_tier_is_the_base_at_once(
    api: APIClient, program: Program, track: TierTrack
) -> None:
    then = timezone.now() - timedelta(days=2)
    put(api, program, "gold", expires_at=SOON)
    TierStanding.objects.update(acquired_at=then, expires_at=then + timedelta(days=1))

    assert TierStanding.objects.get().level == "gold"
    assert api.get(f"{PATH}/status").json() == {
        "key": "status",
        "program_id": str(program.pk),
        **BASE,
        "benefits": [],
        "acquired_at": None,
        "expires_at": None,
    }
    assert tiers_in_answer(api) == {"status": BASE}
    assert put(api, program, "gold").json()["acquired_at"] > then.isoformat()
    history = StateChange.objects.filter(state_type="tier").order_by("changed_at", "id")
    assert list(history.values_list("operation", "old_value", "new_value")) == [
        ("ADD", None, "gold"),
        ("REMOVE", "gold", None),
        ("ADD", None, "gold"),
    ]


def test_who_stays_on_a_level_keeps_when_they_came(
    api: APIClient, program: Program, track: TierTrack
) -> None:
    first = put(api, program, "gold").json()

    again = put(api, program, "gold", expires_at=SOON).json()
    other = put(api, program, "silver").json()

    assert again["acquired_at"] == first["acquired_at"]
    assert other["acquired_at"] > first["acquired_at"]
    assert other["expires_at"] is None


def test_a_level_that_the_track_has_no_more_is_the_base(
    api: APIClient, program: Program, track: TierTrack
) -> None:
    put(api, program, "gold")
    TierLevel.objects.filter(key="gold").delete()

    assert api.get(f"{PATH}/status").json()["rank"] == 0
    assert tiers_in_answer(api) == {"status": BASE}


def test_of_two_tracks_with_one_key_the_map_has_the_one_enrolled_in_first(
    api: APIClient, program: Program, track: TierTrack
) -> None:
    other = Program.objects.create(name="Other")
    make_track(other)
    enroll("ana", other)
    api.put(f"{PATH}/status?program_id={other.pk}", {"level": "gold"})
    put(api, program, "bronze")

    assert tiers_in_answer(api) == {"status": {"level": "bronze", "rank": 1}}
    levels = [row["level"] for row in api.get(PATH).json()["data"]]
    assert levels == ["bronze", "gold"]
    assert api.get(f"{PATH}/status").json()["level"] == "bronze"
    only = api.get(f"{PATH}?program_id={other.pk}").json()["data"]
    assert [row["program_id"] for row in only] == [str(other.pk)]


def test_the_upsert_that_enrols_shows_the_new_programs_tracks(
    api: APIClient, program: Program
) -> None:
    make_track(program)

    body = {"external_id": "new", "program_id": str(program.pk)}

    assert api.post("/v1/participants", body).json()["tiers"] == {"status": BASE}
    assert api.post("/v1/participants", body).json()["tiers"] == {"status": BASE}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"participant": "SUSPENDED"}, 409, "participant_inactive"),
        ({"participant": "CLOSED"}, 409, "participant_inactive"),
        ({"program": "SUSPENDED"}, 409, "program_inactive"),
        ({"enrollment": "FROZEN"}, 409, "not_enrolled"),
    ],
)
def test_it_takes_an_active_participant_enrolled_in_an_active_program(
    api: APIClient,
    program: Program,
    track: TierTrack,
    change: dict[str, str],
    status: int,
    code: str,
) -> None:
    put(api, program, "bronze")
    if "enrollment" in change:
        enroll("ana", program, change["enrollment"])
    if "participant" in change:
        state.change(state.Change(status=change["participant"]), to="ana", by=TESTER)
    Program.objects.update(status=change.get("program", "ACTIVE"))

    for response in (
        put(api, program, "gold"),
        api.delete(f"{PATH}/status?program_id={program.pk}"),
    ):
        assert (response.status_code, response.json()["code"]) == (status, code)

    assert TierStanding.objects.get().level == "bronze"


def test_what_is_not_there_is_not_found(api: APIClient, program: Program, track: TierTrack) -> None:
    nothing = "00000000-0000-7000-8000-000000000000"
    bob = "/v1/participants/external:bob/state/tiers"

    assert api.get(bob).status_code == 404
    assert api.put(f"{bob}/status?program_id={program.pk}", {"level": "gold"}).status_code == 404
    assert api.put(f"{PATH}/status?program_id={nothing}", {"level": "gold"}).status_code == 404
    assert api.put(f"{PATH}/other?program_id={program.pk}", {"level": "gold"}).status_code == 404
    assert api.get(f"{PATH}/other").status_code == 404
    assert api.get(f"{PATH}/status?program_id={nothing}").status_code == 404
    TierTrack.objects.update(deleted_at=timezone.now())
    assert api.get(f"{PATH}/status?program_id={program.pk}").status_code == 404
    assert tiers_in_answer(api) == {}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "level"),
        ({"level": "platinum"}, "level"),
        ({"level": ""}, "level"),
        ({"level": 3}, "level"),
        ({"level": "gold", "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"level": "gold", "expires_at": "tomorrow"}, "expires_at"),
        ({"level": "gold", "expires_at": "2099-01-01T00:00:00"}, "expires_at"),
        ({"level": "gold", "expires_at": "9999-12-31T23:59:59-23:59"}, "expires_at"),
        ({"level": "gold", "rank": 3}, "rank"),
    ],
)
def test_a_bad_body_is_refused(
    api: APIClient, program: Program, track: TierTrack, body: dict[str, object], field: str
) -> None:
    response = api.put(f"{PATH}/status?program_id={program.pk}", body)

    assert response.status_code == 400
    assert response.json()["details"]["fields"][0]["field"] == field
    assert not TierStanding.objects.exists()


def test_a_program_id_that_is_none_is_refused(api: APIClient, track: TierTrack) -> None:
    assert api.get(f"{PATH}?program_id=1").status_code == 400
    assert api.get(f"{PATH}/status?program_id=").status_code == 400


def test_a_list_of_tiers_costs_the_same_however_many_there_are(
    api: APIClient, program: Program, track: TierTrack, queries: list[str]
) -> None:
    def cost() -> int:
        queries.clear()
        assert api.get(PATH).status_code == 200
        return len(queries)

    api.get(PATH)
    before = cost()
    for number in range(5):
        other = Program.objects.create(name=f"Other {number}")
        make_track(other, f"other{number}")
        enroll("ana", other)

    assert cost() == before <= 4
