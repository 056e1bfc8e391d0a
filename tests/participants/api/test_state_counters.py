"""Counters through their own calls: exact, and at zero again when their window has passed."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from rest_framework.test import APIClient

from participants.events import ingest, process
from participants.events.request import NewEvent
from participants.models import Counter, Participant, StateChange
from participants.state import persons
from programs import rulebook
from programs.kernel import instants, periods
from programs.models import Program
from tests.conftest import TESTER
from tests.threads import at_once

PATH = "/v1/participants/external:ana/state/counters"


def put(api: APIClient, key: str = "spent", **body: Any) -> Any:
    return api.put(f"{PATH}/{key}", body)


def fields_of(response: Any) -> list[tuple[str, str]]:
    return [(each["field"], each["reason"]) for each in response.json()["details"]["fields"]]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("12345678901234567890.123456789012345678", "12345678901234567890.123456789012345678"),
        ("-99999999999999999999.999999999999999999", "-99999999999999999999.999999999999999999"),
        ("0.1", "0.1"),
        ("0.2", "0.2"),
        ("100", "100"),
        ("100.500", "100.5"),
        ("0.000", "0"),
    ],
)
def test_a_counter_comes_back_digit_for_digit(
    api: APIClient, participant: Participant, value: str, written: str
) -> None:
    response = put(api, value=value)

    assert response.status_code == 200
    assert response.json()["value"] == written
    assert api.get(f"{PATH}/spent").json() == response.json()
    assert api.get(PATH).json() == {"data": [response.json()]}
    assert api.get("/v1/participants/external:ana").json()["counters"] == {"spent": written}
    upserted = api.post("/v1/participants", {"external_id": "ana"})
    assert upserted.json()["counters"] == {"spent": written}


@pytest.mark.parametrize(
    "value",
    [
        "1e3",
        "NaN",
        "-0",
        "-0.0",
        "+1",
        " 1",
        "01",
        ".5",
        "1.",
        "",
        "Infinity",
        "0x1",
        "\u0661",
        "1_000",
        "1" * 21,
        "0." + "1" * 19,
        "1" * 100000,
        1,
        1.5,
        True,
        None,
        [],
        {},
    ],
)
def test_what_is_not_plain_digits_in_a_text_is_refused(
    api: APIClient, participant: Participant, value: object
) -> None:
    response = put(api, value=value)

    assert response.status_code == 400
    assert [name for name, _ in fields_of(response)] == ["value"]
    assert not Counter.objects.exists()


def test_a_float_in_the_body_is_not_taken_for_a_number(
    api: APIClient, participant: Participant
) -> None:
    response = api.put(f"{PATH}/spent", b'{"value": 0.1}', content_type="application/json")

    assert response.status_code == 400
    assert response.json()["details"]["fields"][0]["message"] == (
        'Give the number as a string: "12.50".'
    )


def test_past_its_window_a_counter_stands_at_zero_at_once(
    api: APIClient, participant: Participant
) -> None:
    put(api, value="5", reset_after="24h")
    put(api, "month", value="7", reset_after="720h")
    Counter.objects.update(last_reset_at=F("last_reset_at") - timedelta(hours=25))

    assert Counter.objects.get(key="spent").value == 5
    assert api.get(f"{PATH}/spent").json()["value"] == "0"
    assert [row["value"] for row in api.get(PATH).json()["data"]] == ["7", "0"]
    whole = {"month": "7", "spent": "0"}
    assert api.get("/v1/participants/external:ana").json()["counters"] == whole
    assert api.post("/v1/participants", {"external_id": "ana"}).json()["counters"] == whole


def test_a_value_set_past_the_window_begins_a_new_one(
    api: APIClient, participant: Participant
) -> None:
    put(api, value="5", reset_after="24h")
    Counter.objects.update(last_reset_at=F("last_reset_at") - timedelta(hours=25))

    response = put(api, value="2")

    assert response.json()["value"] == "2"
    assert response.json()["reset_after"] == "24h"
    change = StateChange.objects.filter(state_type="counter").latest("id")
    assert (change.old_value, change.new_value) == ("0", "2")


def test_a_value_set_within_the_window_leaves_its_end(
    api: APIClient, participant: Participant
) -> None:
    first = put(api, value="5", reset_after="24h").json()

    kept = put(api, value="6").json()
    longer = put(api, value="6", reset_after="48h").json()
    removed = put(api, value="6", reset_after="").json()

    assert kept["last_reset_at"] == first["last_reset_at"]
    assert longer["last_reset_at"] > first["last_reset_at"]
    assert (longer["reset_after"], removed["reset_after"]) == ("48h", None)


@pytest.mark.parametrize(
    ("text", "written"),
    [("24h", "24h"), ("1h30m", "1h30m"), ("90m", "1h30m"), ("3600s", "1h"), ("876000h", "876000h")],
)
def test_a_window_is_hours_minutes_and_seconds(
    api: APIClient, participant: Participant, text: str, written: str
) -> None:
    assert put(api, value="1", reset_after=text).json()["reset_after"] == written


@pytest.mark.parametrize(
    "text",
    ["1y", "24", "h", "-1h", "0h", "0s", "0.5s", "24 h", "876001h", "9" * 12 + "h", 24],
)
def test_another_window_is_refused(api: APIClient, participant: Participant, text: object) -> None:
    response = put(api, value="1", reset_after=text)

    assert response.status_code == 400
    assert fields_of(response) == [("reset_after", "invalid")]


def test_a_counter_is_deleted_once_and_for_all(api: APIClient, participant: Participant) -> None:
    put(api, value="5")

    for _ in range(2):
        assert api.delete(f"{PATH}/spent").status_code == 204

    assert api.get(f"{PATH}/spent").status_code == 404
    changes = StateChange.objects.filter(state_type="counter").order_by("id")
    assert [(each.operation, each.old_value, each.new_value) for each in changes] == [
        ("ADD", None, "5"),
        ("REMOVE", "5", None),
    ]


def test_every_change_is_history_and_what_changes_nothing_is_not(
    api: APIClient, participant: Participant
) -> None:
    for value in ("1", "1.0", "2"):
        put(api, value=value)

    rows = api.get("/v1/participants/external:ana/activity/state-history?state_type=counter").json()
    assert [(row["key"], row["old_value"], row["new_value"]) for row in rows["data"]] == [
        ("spent", "1", "2"),
        ("spent", None, "1"),
    ]
    assert rows["data"][0]["changed_by"].startswith("api_key:tests")


@pytest.mark.parametrize("name", ["%20", "x" * 101, "a%00b"])
def test_a_key_has_1_to_100_characters(api: APIClient, participant: Participant, name: str) -> None:
    response = put(api, name, value="1")

    assert response.status_code == 400
    assert not Counter.objects.exists()


def test_a_suspended_participant_has_counters_too(api: APIClient, participant: Participant) -> None:
    Participant.objects.update(status="SUSPENDED")

    assert put(api, value="1").status_code == 200
    assert api.delete(f"{PATH}/spent").status_code == 204


def test_nobody_and_nothing_else_are_refused(api: APIClient, participant: Participant) -> None:
    assert (
        api.put("/v1/participants/external:bob/state/counters/a", {"value": "1"}).status_code == 404
    )
    assert api.get("/v1/participants/external:bob/state/counters").status_code == 404
    assert api.delete("/v1/participants/external:bob/state/counters/a").status_code == 404
    assert fields_of(put(api, value="1", colour="red")) == [("colour", "unknown")]
    assert fields_of(put(api)) == [("value", "required")]
    assert fields_of(
        api.post("/v1/participants", {"external_id": "ana", "counters": {"a": 1}})
    ) == [("counters", "read_only")]


@pytest.mark.django_db(transaction=True)
def test_twenty_calls_for_one_new_counter_make_one_and_a_history_without_a_gap(
    api: APIClient, participant: Participant
) -> None:
    calls = [partial(put, api, value=str(number)) for number in range(20)]

    assert {response.status_code for response in at_once(calls)} == {200}

    counter = Counter.objects.get()
    changes = StateChange.objects.filter(state_type="counter").order_by("id")
    assert [each.old_value for each in changes] == [None, *(each.new_value for each in changes)][
        :-1
    ]
    assert changes[len(changes) - 1].new_value == f"{counter.value.normalize():f}"


NOTHING = {"reset": None, "period_start": None}


def counted(program: Program, key: str, reset: str, happened: datetime) -> Counter:
    """The counter after one event, of a rule that adds 5 to it in each such period."""
    rule = {
        "program_id": str(program.pk),
        "name": key,
        "condition": f'event.key == "{key}"',
        "actions": [{"type": "COUNTER", "key": key, "value": "5", "reset": reset}],
    }
    rulebook.create(rulebook.clean_new(rule), by=TESTER)
    event = NewEvent(program.pk, "ana", f"{key} {happened}", happened, {"key": key})
    ingest.ingest_each([event], by=TESTER)
    process.process_now(Participant.objects.get(external_id="ana").pk)
    return Counter.objects.get(key=key)


@pytest.fixture
def berlin(program: Program, participant: Participant) -> Program:
    Program.objects.update(time_zone="Europe/Berlin")
    return program


def test_a_counter_of_a_calendar_period_shows_it(api: APIClient, berlin: Program) -> None:
    now = timezone.now()
    start, end = periods.around("MONTH", "Europe/Berlin", now)

    stored = counted(berlin, "month", "MONTH", now)

    assert (stored.last_reset_at, stored.period_end) == (start, end)
    assert api.get(f"{PATH}/month").json() == {
        "key": "month",
        "value": "5",
        "reset_after": None,
        "last_reset_at": instants.written(start),
        "reset": "MONTH",
        "period_start": instants.written(start),
    }


def test_past_its_period_a_counter_is_zero_in_the_one_of_now(
    api: APIClient, berlin: Program
) -> None:
    counted(berlin, "day", "DAY", datetime(2025, 5, 1, 22, tzinfo=UTC))
    today = instants.written(periods.around("DAY", "Europe/Berlin", timezone.now())[0])

    read = api.get(f"{PATH}/day").json()
    written = put(api, "day", value="3").json()

    assert (read["value"], read["last_reset_at"]) == ("0", "2025-05-01T22:00:00.000000Z")
    assert (read["reset"], read["period_start"]) == ("DAY", today)
    assert (written["value"], written["last_reset_at"], written["period_start"]) == (
        "3",
        today,
        today,
    )
    change = StateChange.objects.filter(state_type="counter").latest("id")
    assert (change.old_value, change.new_value) == ("0", "3")


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({}, {"reset": "YEAR", "reset_after": None}),
        ({"reset_after": ""}, {"reset": "YEAR", "reset_after": None}),
        ({"reset_after": None}, {"reset": "YEAR", "reset_after": None}),
        ({"reset_after": "24h"}, {**NOTHING, "reset_after": "24h"}),
    ],
)
def test_a_put_sets_the_current_period_which_only_a_duration_ends(
    api: APIClient, berlin: Program, body: dict[str, Any], shown: dict[str, Any]
) -> None:
    counted(berlin, "year", "YEAR", timezone.now())
    before = api.get(f"{PATH}/year").json()

    after = put(api, "year", value="7", **body).json()

    assert after == before | {"value": "7"} | shown | {"last_reset_at": after["last_reset_at"]}
    assert (after["last_reset_at"] == before["last_reset_at"]) == ("YEAR" in shown.values())


def test_a_put_takes_no_period(api: APIClient, participant: Participant) -> None:
    assert fields_of(put(api, value="1", reset="DAY")) == [("reset", "unknown")]


def test_python_and_sql_read_one_value_from_every_window(
    api: APIClient, participant: Participant
) -> None:
    now = timezone.now()
    hour, month = timedelta(hours=1), timedelta(days=30)
    rows: list[tuple[Any, ...]] = [
        # reset_after, reset, began, ends; whether it still counts
        (None, "", now - month, None, True),
        (None, "", now + hour, None, True),
        (hour, "", now, None, True),
        (month, "", now - month + hour, None, True),
        (month, "", now - month, None, False),
        (hour, "", now - month, None, False),
        (hour, "", now + hour, None, True),  # an event may be up to a day ahead
        (None, "DAY", now - hour, now + hour, True),
        (None, "DAY", now - hour, now, False),
        (None, "MONTH", now - month, now - hour, False),
        (None, "DAY", now + hour, now + month, True),
    ]
    Counter.objects.bulk_create(
        Counter(
            participant=participant,
            key=f"c{number:02}",
            value=number + 1,
            reset_after=reset_after,
            reset=reset,
            time_zone="Asia/Tokyo" if reset else "",
            last_reset_at=began,
            period_end=ends,
        )
        for number, (reset_after, reset, began, ends, _) in enumerate(rows)
    )
    expected = {
        f"c{number:02}": str(number + 1) if counts else "0"
        for number, (*_, counts) in enumerate(rows)
    }

    listed = api.get(PATH).json()["data"]
    [person] = persons.load([participant.pk], now).values()

    assert {row["key"]: row["value"] for row in listed} == expected
    assert {key: str(value) for key, value in person.counters_at(now).items()} == expected
    assert api.get("/v1/participants/external:ana").json()["counters"] == expected
    assert api.post("/v1/participants", {"external_id": "ana"}).json()["counters"] == expected


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("counter_reset_is_one_period", {"reset": "HOUR"}),
        ("counter_reset_is_one_period", {"reset_after": timedelta(1)}),
        ("counter_period_has_an_end", {"period_end": None}),
        ("counter_period_has_an_end", {"time_zone": ""}),
        ("counter_period_has_an_end", {"reset": ""}),
        ("counter_period_has_an_end", {"period_end": F("last_reset_at")}),
    ],
)
def test_the_database_refuses_half_a_period(
    berlin: Program, constraint: str, fields: dict[str, Any]
) -> None:
    counted(berlin, "day", "DAY", timezone.now())

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Counter.objects.update(**fields)
