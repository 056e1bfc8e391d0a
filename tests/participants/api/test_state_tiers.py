"""Tiers through their own calls: set, kept, past, and back to the base."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from participants import state
from participants.models import Counter, Participant, StateChange, TierStanding
from participants.state.tiers import TierChange, expire_due, set_tier
from programs import tracks
from programs.kernel import instants
from programs.kernel.database import violated
from programs.models import Program, TierLevel, TierTrack
from tests.conftest import TESTER
from tests.participants.api.tiers import enroll, make_track
from tests.staff import staff_client

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
        "pinned": False,
        "earned_level": "",
        "progress": None,
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
        "pinned": False,
        "earned_level": "",
        "progress": None,
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
        ({"level": None}, "level"),
        ({"level": "x" * 65}, "level"),
        ({"level": 3}, "level"),
        ({"level": "gold", "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"level": "gold", "expires_at": "tomorrow"}, "expires_at"),
        ({"level": "gold", "expires_at": "2099-01-01T00:00:00"}, "expires_at"),
        ({"level": "gold", "expires_at": "9999-12-31T23:59:59-23:59"}, "expires_at"),
        ({"level": "gold", "rank": 3}, "rank"),
        ({"level": "gold", "pinned": "yes"}, "pinned"),
        ({"level": "gold", "pinned": None}, "pinned"),
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


# Earned, lent and pinned

NEXT_YEAR = "2098-12-31T00:00:00.000000Z"


def row(api: APIClient) -> tuple[Any, ...]:
    """Where ana stands, until when, whether pinned, and what she has earned."""
    answer = api.get(f"{PATH}/status").json()
    assert tiers_in_answer(api)["status"] == {"level": answer["level"], "rank": answer["rank"]}
    return answer["level"], answer["expires_at"], answer["pinned"], answer["earned_level"]


def tier_history() -> list[tuple[Any, ...]]:
    rows = StateChange.objects.filter(state_type="tier").order_by("changed_at", "id")
    return list(rows.values_list("key", "operation", "old_value", "new_value"))


@pytest.mark.parametrize(
    ("bodies", "stands"),
    [
        # For good, it is the earned level.
        (["gold"], ("gold", None, False, "gold")),
        (["gold", "bronze"], ("bronze", None, False, "bronze")),
        (["gold", ""], ("", None, False, "")),
        ([""], ("", None, False, "")),
        # A loan stands beside it, and is replaced as a whole.
        ([("gold", SOON)], ("gold", SOON, False, "")),
        (["silver", ("gold", SOON)], ("gold", SOON, False, "silver")),
        (["silver", ("bronze", SOON)], ("silver", SOON, False, "silver")),
        (["silver", ("gold", SOON), ("gold", NEXT_YEAR)], ("gold", NEXT_YEAR, False, "silver")),
        (["silver", ("gold", SOON), "bronze"], ("bronze", None, False, "bronze")),
        (["silver", ("gold", SOON), "gold"], ("gold", None, False, "gold")),
        (["silver", ("gold", SOON), ""], ("", None, False, "")),
        # One of the base is never the higher one.
        (["silver", ("", SOON)], ("silver", SOON, False, "silver")),
        ([("", SOON)], ("", SOON, False, "")),
        (["silver", ("gold", SOON), ("", NEXT_YEAR)], ("silver", NEXT_YEAR, False, "silver")),
        # A pin holds up and down, the base too, for good or for a while.
        (["silver", ("bronze", None, True)], ("bronze", None, True, "silver")),
        (["silver", ("gold", None, True)], ("gold", None, True, "silver")),
        (["silver", ("", None, True)], ("", None, True, "silver")),
        ([("", None, True)], ("", None, True, "")),
        (["silver", ("", SOON, True)], ("", SOON, True, "silver")),
        (["silver", ("gold", SOON), ("bronze", SOON, True)], ("bronze", SOON, True, "silver")),
        # What is left out is false or none.
        (["silver", ("bronze", SOON, True), ("bronze", SOON)], ("silver", SOON, False, "silver")),
        (["silver", ("bronze", SOON, True), "bronze"], ("bronze", None, False, "bronze")),
        (["silver", ("gold", SOON, True), ("gold", None, True)], ("gold", None, True, "silver")),
    ],
)
def test_put_replaces_everything(
    api: APIClient, program: Program, track: TierTrack, bodies: list[Any], stands: tuple[Any, ...]
) -> None:
    for body in bodies:
        members = body if isinstance(body, tuple) else (body,)
        sent = dict(zip(("level", "expires_at", "pinned"), members, strict=False))
        assert put(api, program, **sent).status_code == 200

    assert row(api) == stands
    assert api.delete(f"{PATH}/status").status_code == 204
    assert row(api) == ("", None, False, "")
    assert not TierStanding.objects.exists()


@pytest.mark.parametrize(
    ("pinned", "lent", "stands"),
    [(False, "gold", "silver"), (True, "bronze", "silver"), (False, "bronze", "silver")],
)
def test_a_loan_and_a_pin_end_at_what_was_earned(
    api: APIClient, program: Program, track: TierTrack, pinned: bool, lent: str, stands: str
) -> None:
    put(api, program, "silver")
    put(api, program, lent, expires_at=SOON, pinned=pinned)
    until = let_it_end()

    assert row(api) == (stands, None, False, "silver")
    acquired_at = api.get(f"{PATH}/status").json()["acquired_at"]
    assert list(expire_due(by=TESTER)) == [1]
    assert list(expire_due(by=TESTER)) == []

    assert row(api) == (stands, None, False, "silver")
    assert api.get(f"{PATH}/status").json()["acquired_at"] == acquired_at
    moved = lent != "bronze" or pinned
    assert (acquired_at == instants.written(until)) is moved
    last = [each for each in tier_history() if each[0] == "status"]
    assert last[-1] == (("status", "CHANGE", lent, "silver") if moved else ("status", "ADD", None, "silver"))  # fmt: skip


def let_it_end() -> datetime:
    """Put what is stored into the past; returns when the override ended."""
    until = timezone.now() - timedelta(hours=1)
    TierStanding.objects.update(acquired_at=until - timedelta(days=1), expires_at=until)
    return until


def test_what_a_put_changes_beside_the_level_is_in_the_history(
    api: APIClient, program: Program, track: TierTrack
) -> None:
    put(api, program, "silver")
    put(api, program, "silver", pinned=True)
    put(api, program, "silver", pinned=True, expires_at=SOON)
    put(api, program, "gold", expires_at=SOON)
    put(api, program, "gold", expires_at=SOON)  # changes nothing
    put(api, program, "gold")
    api.delete(f"{PATH}/status")

    assert tier_history() == [
        ("status", "ADD", None, "silver"),
        ("status.pinned", "ADD", None, True),
        ("status.expires_at", "ADD", None, SOON),
        ("status", "CHANGE", "silver", "gold"),
        ("status.pinned", "REMOVE", True, None),
        ("status.earned_level", "CHANGE", "silver", "gold"),
        ("status.expires_at", "REMOVE", SOON, None),
        ("status", "REMOVE", "gold", None),
    ]


def test_progress_tells_the_way_to_the_next_level(
    api: APIClient, program: Program, track: TierTrack
) -> None:
    criteria = [("spent", ">=", "100"), ("visits", ">", "10"), ("returns", "<", "3")]
    qualification = {
        "mode": "ALL",
        "criteria": [
            {"counter": counter, "operator": operator, "threshold": threshold}
            for counter, operator, threshold in criteria
        ],
    }
    TierLevel.objects.filter(key="gold").update(qualification=qualification)
    for key, value in (("spent", "40.50"), ("visits", "10"), ("returns", "5")):
        api.put(f"/v1/participants/external:ana/state/counters/{key}", {"value": value})

    answers = [api.get(f"{PATH}/status").json(), api.get(PATH).json()["data"][0]]
    answers.append(put(api, program, "silver").json())

    for answer in answers:
        assert answer["progress"] == {
            "level": "gold",
            "rank": 3,
            "mode": "ALL",
            "criteria": [
                {"counter": "spent", "operator": ">=", "value": "40.5", "threshold": "100", "missing": "59.5", "reached": False},
                {"counter": "visits", "operator": ">", "value": "10", "threshold": "10", "missing": "0", "reached": False},
                {"counter": "returns", "operator": "<", "value": "5", "threshold": "3", "missing": "2", "reached": False},
            ],
        }  # fmt: skip
    api.put(
        "/v1/participants/external:ana/state/counters/spent",
        {"value": "200", "reset_after": "1h"},
    )
    spent = api.get(f"{PATH}/status").json()["progress"]["criteria"][0]
    assert (spent["value"], spent["missing"], spent["reached"]) == ("200", "0", True)
    Counter.objects.filter(key="spent").update(last_reset_at=timezone.now() - timedelta(hours=1))
    spent = api.get(f"{PATH}/status").json()["progress"]["criteria"][0]
    assert (spent["value"], spent["missing"], spent["reached"]) == ("0", "100", False)
    assert put(api, program, "gold").json()["progress"] is None


@pytest.mark.parametrize("sees", [True, False])
def test_staff_who_may_not_see_counters_see_no_progress(track: TierTrack, sees: bool) -> None:
    client = staff_client("view_tierstanding", *(["view_counter"] if sees else []))

    answers = [client.get(f"{PATH}/status").json(), client.get(PATH).json()["data"][0]]

    assert [("progress" in answer) for answer in answers] == [sees, sees]


def test_a_row_of_the_version_before_is_an_earned_level_or_a_loan(
    api: APIClient, program: Program, track: TierTrack
) -> None:
    """Which writes neither `pinned` nor `earned_level`, also over a row that has them."""
    columns = "id, participant_id, track_id, level, acquired_at, expires_at"
    values = "gen_random_uuid(), %s, %s, %s, now() - interval '1 day', %s"
    replace = "level = EXCLUDED.level, expires_at = EXCLUDED.expires_at"
    statement = (
        f"INSERT INTO participants_tierstanding ({columns}) VALUES ({values})"
        f" ON CONFLICT (participant_id, track_id) DO UPDATE SET {replace}"
    )

    def write(level: str, expires_at: str | None) -> None:
        with connection.cursor() as cursor:
            ana = Participant.objects.get(external_id="ana").pk
            cursor.execute(statement, [ana, track.pk, level, expires_at])

    write("gold", None)
    assert row(api) == ("gold", None, False, "gold")
    write("gold", SOON)
    assert row(api) == ("gold", SOON, False, "")
    put(api, program, "silver")
    write("bronze", None)
    assert row(api) == ("bronze", None, False, "bronze")
    put(api, program, "gold", expires_at=SOON)
    assert row(api) == ("gold", SOON, False, "bronze")


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"level": ""}, "tier_standing_has_a_level"),
        ({"level": "", "earned_level": "gold"}, "tier_standing_has_a_level"),
        (
            {"level": "gold", "expires_at": timezone.now() - timedelta(days=2)},
            "tier_standing_expires_after_it_was_acquired",
        ),
    ],
)
def test_a_standing_that_cannot_be_is_refused_by_the_database(
    participant: Participant, track: TierTrack, fields: dict[str, Any], constraint: str
) -> None:
    since = timezone.now() - timedelta(days=1)

    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        TierStanding.objects.create(
            participant=participant, track=track, acquired_at=since, **fields
        )

    assert violated(refused.value) == constraint


def test_levels_on_a_deleted_track_end_with_a_row_of_history(
    api: APIClient, program: Program, track: TierTrack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("participants.state.tiers.ENDED_AT_ONCE", 2)
    other = make_track(program, "club")
    for who in ("bo", "cy", "di"):
        enroll(who, program)
        set_tier(who, "status", program.pk, TierChange("silver"), by=TESTER)
        set_tier(who, "status", program.pk, TierChange("gold", pinned=True), by=TESTER)
    set_tier("bo", "club", program.pk, TierChange("gold"), by=TESTER)
    before = set(StateChange.objects.values_list("pk", flat=True))

    assert list(expire_due(by=TESTER)) == []
    tracks.delete(track.pk, by=TESTER)
    assert list(expire_due(by=TESTER)) == [2, 1]
    assert list(expire_due(by=TESTER)) == []

    rows = StateChange.objects.exclude(pk__in=before).filter(key="status")
    values = rows.values_list(
        "participant__external_id",
        "operation",
        "old_value",
        "new_value",
        "changed_by",
        "program_id",
    )
    assert sorted(values) == [
        (who, "REMOVE", "gold", None, "tier_track:status v2", program.pk)
        for who in ("bo", "cy", "di")
    ]
    assert list(TierStanding.objects.values_list("track", flat=True)) == [other.pk]


def test_a_track_that_takes_a_deleted_ones_key_begins_at_the_base(
    api: APIClient, program: Program, track: TierTrack
) -> None:
    put(api, program, "gold")
    tracks.delete(track.pk, by=TESTER)
    make_track(program)

    assert row(api) == ("", None, False, "")
    put(api, program, "bronze")
    assert list(expire_due(by=TESTER)) == [1]

    assert row(api) == ("bronze", None, False, "bronze")
