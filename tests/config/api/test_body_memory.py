"""What a process holds for bodies at once is bounded."""

from threading import Event, Thread

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from config.api import body_memory

PEOPLE = "/v1/participants/batch"


def large(values: int) -> str:
    """A body of 70 kB or more, with this many values that make it no participant."""
    return "[" + " " * 70_000 + ",".join(["[]"] * values) + "]"


def post(api: APIClient, body: str) -> tuple[int, str]:
    response = api.post(PEOPLE, body, content_type="application/json")
    return response.status_code, response.json()["code"]


@override_settings(BODY_MEMORY=1_000_000)
def test_a_body_that_would_take_more_than_all_of_it_is_too_large(api: APIClient) -> None:
    assert post(api, large(1_000)) == (400, "validation_failed")
    assert post(api, large(5_000)) == (413, "payload_too_large")
    assert post(api, large(1_000)) == (400, "validation_failed")


@override_settings(BODY_MEMORY=1_000_000)
def test_while_others_hold_it_a_body_is_refused_for_a_moment(api: APIClient) -> None:
    is_held, is_over = Event(), Event()

    def hold() -> None:
        body_memory.hold_raw(150_000)
        is_held.set()
        is_over.wait(10)
        body_memory.release()

    other = Thread(target=hold)
    other.start()
    is_held.wait(10)
    refused = api.post(PEOPLE, large(10), content_type="application/json")
    small = api.post("/v1/participants", {"external_id": "ana"})
    is_over.set()
    other.join()

    assert refused.status_code == 503
    assert refused.json()["code"] == "unavailable"
    assert refused.headers["Retry-After"] == "1"
    assert small.status_code == 201
    assert post(api, large(10)) == (400, "validation_failed")
    assert body_memory.held() == 0


@pytest.mark.parametrize("body", ["{", "[1, NaN]"])
def test_a_refused_body_is_no_longer_held(api: APIClient, body: str) -> None:
    assert post(api, " " * 70_000 + body)[0] == 400
    assert body_memory.held() == 0
