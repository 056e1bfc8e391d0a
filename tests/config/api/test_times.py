"""Times are read and written in one way at every door: RFC 3339 with an offset, and years of four digits."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework import serializers
from rest_framework.test import APIClient

import config.urls  # noqa: F401 (imports every serializer)
from participants.models import Participant
from programs.api.strict import InstantField
from programs.models import Asset, Program, Rule, TierTrack
from tests.config.api.test_query import address_of

WRITTEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
BAD = [
    "2026-01-15T10:30:00",
    "2026-01-15",
    "2026-01-15T10:30Z",
    "2026-01-15T10:30:00+10:60",
    "2026-01-15T10:30:00+10:99",
    "2026-01-15T10:30:00+24:00",
    "2026-01-15T24:00:00Z",
    "26-01-15T10:30:00Z",
    "12026-01-15T10:30:00Z",
    "0001-01-01T00:00:00+01:00",
    "2026-01-15T10:30:00 01:00",
    "1768473000",
    "now",
]


def subclasses(of: type) -> Iterator[type]:
    for each in of.__subclasses__():
        yield each
        yield from subclasses(each)


def test_no_serializer_of_ours_writes_times_in_a_way_of_its_own() -> None:
    ours: list[Any] = [
        each
        for each in subclasses(serializers.Serializer)
        if each.__module__.startswith(("programs.", "participants.", "config."))
    ]
    assert len(ours) > 40
    for serializer in ours:
        if issubclass(serializer, serializers.ModelSerializer) and not hasattr(serializer, "Meta"):
            continue
        for name, field in serializer().fields.items():
            is_time = isinstance(field, serializers.DateTimeField)
            assert not is_time or isinstance(field, InstantField), (serializer, name)


@pytest.mark.django_db
def test_a_query_takes_no_time_that_is_not_exact(api: APIClient, participant: Participant) -> None:
    document = api.get("/v1/openapi.json").json()
    seen = set()
    for path, operations in document["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", []):
            if parameter["in"] != "query" or parameter["schema"].get("format") != "date-time":
                continue
            name = parameter["name"]
            seen.add((path, name))
            for text in BAD:
                answer = api.get(address_of(path), {name: text})
                assert answer.status_code == 400, (path, name, text)
                [refused] = answer.json()["details"]["fields"]
                assert (refused["field"], refused["reason"]) == (name, "invalid")
    assert len(seen) > 12


@pytest.mark.django_db
@pytest.mark.parametrize("text", BAD)
def test_a_body_takes_no_time_that_is_not_exact(
    api: APIClient, program: Program, text: str
) -> None:
    event = {"program_id": str(program.pk), "external_id": "ana", "idempotency_key": "k"}
    answer = api.post("/v1/events", {**event, "event_timestamp": text, "event_data": {}})

    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["details"]["fields"]] == ["event_timestamp"]
    assert not Participant.objects.exists()


@pytest.mark.django_db
def test_a_year_has_four_digits_at_every_door(api: APIClient, program: Program) -> None:
    body = {
        "program_id": str(program.pk),
        "external_id": "ana",
        "idempotency_key": "k",
        "event_timestamp": "0002-09-07T06:44:01Z",
        "event_data": {},
    }
    rule = {"program_id": str(program.pk), "name": "R", "condition": "true", "actions": []}
    window = {"active_from": "0002-09-07T06:44:01Z"}
    made = api.post("/v1/rules", rule | window).json()
    sent = api.post("/v1/events", body, headers={"Prefer": "wait=5"}).json()
    answers = [
        made,
        sent,
        api.post("/v1/events/batch", {"events": [body]}).json(),
        api.get("/v1/events").json(),
        api.get(f"/v1/events/{sent['id']}").json(),
        api.get(
            "/v1/events/by-key", {"program_id": str(program.pk), "idempotency_key": "k"}
        ).json(),
        api.get("/v1/participants/external:ana/activity/events").json(),
        api.get("/v1/rules").json(),
        api.get(f"/v1/rules/{made['id']}/history").json(),
        api.get("/v1/programs").json(),
        api.get("/v1/participants").json(),
        api.get("/v1/participants/external:ana").json(),
        api.get(f"/v1/participants/external:ana/enrollments/{program.pk}").json(),
    ]

    def walk(value: Any, name: str = "") -> Iterator[str]:
        if isinstance(value, dict):
            for key, each in value.items():
                yield from walk(each, key)
        elif isinstance(value, list):
            for each in value:
                yield from walk(each, name)
        elif isinstance(value, str) and name.endswith(("_at", "_from", "_to", "_timestamp")):
            yield value

    times = [time for answer in answers for time in walk(answer)]
    assert all(WRITTEN.fullmatch(time) for time in times), times
    assert times.count("0002-09-07T06:44:01.000000Z") >= 9


@pytest.mark.django_db
def test_a_change_is_never_before_the_creation(api: APIClient) -> None:
    program = api.post("/v1/programs", {"name": "Club"}).json()
    asset = {"name": "Points", "symbol": "POINTS", "scale": 0, "program_id": program["id"]}
    asset = api.post("/v1/assets", asset).json()
    track = {"key": "status", "display_name": "Status", "levels": []}
    track = api.post(f"/v1/programs/{program['id']}/tiers", track).json()
    rule = {"program_id": program["id"], "name": "R", "condition": "true", "actions": []}
    rule = api.post("/v1/rules", rule).json()
    rows = [program, asset, track, rule]
    assert all(row["created_at"] == row["updated_at"] for row in rows)

    changes = [
        api.patch(f"/v1/programs/{program['id']}", {"name": "Other"}).json(),
        api.patch(f"/v1/assets/{asset['id']}", {"name": "Other"}).json(),
        api.patch(f"/v1/programs/{program['id']}/tiers/status", {"display_name": "O"}).json(),
        api.patch(f"/v1/rules/{rule['id']}", {"name": "Other"}).json(),
    ]
    assert all(
        new["updated_at"] > old["updated_at"] for old, new in zip(rows, changes, strict=True)
    )

    # A clock that was ahead when the row was made, and has been put right since.
    for model in (Program, Asset, TierTrack, Rule):
        model.objects.update(created_at="2100-01-01T00:00:00Z")
    later = api.patch(f"/v1/programs/{program['id']}", {"name": "Third"}).json()
    assert later["updated_at"] == "2100-01-01T00:00:00.000000Z"
