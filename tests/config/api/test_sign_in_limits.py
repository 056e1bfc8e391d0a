"""Guessing passwords stops neither the API nor somebody else's sign-in."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings

from config.api import sign_in
from config.api.sign_in import MOST_FAILURES, PERIOD, SignInMiddleware, network_of

PAGES = ["/admin/login/", "/api-auth/login/"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("config.api.sign_in.time.monotonic", lambda: now[0])
    return now


def guess(client: Client, name: str, page: str, password: str) -> int:
    return client.post(page, {"username": name, "password": password}).status_code


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES)
def test_guesses_on_distinct_names_end_for_the_address(
    client: Client, page: str, clock: list[float]
) -> None:
    User.objects.create_user("rosa", password="right", is_staff=True)

    judged = [guess(client, f"name{number}", page, "wrong") for number in range(MOST_FAILURES)]
    response = client.post(page, {"username": "rosa", "password": "right"})

    assert set(judged) == {200}
    assert (response.status_code, response["Retry-After"]) == (429, str(int(PERIOD) + 1))
    elsewhere = client.post(
        page, {"username": "rosa", "password": "right"}, REMOTE_ADDR="192.0.2.7"
    )
    assert elsewhere.status_code == 302
    clock[0] += PERIOD
    assert guess(client, "rosa", page, "right") == 302


@pytest.mark.django_db
def test_behind_a_proxy_the_address_is_the_callers(client: Client) -> None:
    with override_settings(BEHIND_PROXY=True):
        for number in range(MOST_FAILURES + 1):
            last = client.post(
                PAGES[0],
                {"username": f"name{number}", "password": "wrong"},
                headers={"X-Forwarded-For": f"{number}.0.0.1, 192.0.2.7"},
            )
        other = client.post(
            PAGES[0],
            {"username": "x", "password": "wrong"},
            headers={"X-Forwarded-For": "192.0.2.8"},
        )
    assert (last.status_code, other.status_code) == (429, 200)


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", ["x" * 151, "x" * 100_000, "é" * 400, "a\0b", "", " "])
def test_a_name_that_nobody_has_is_a_plain_refusal(client: Client, page: str, name: str) -> None:
    assert guess(client, name, page, "wrong") in (200, 400)


def test_one_is_judged_while_one_waits_and_others_are_refused_at_once() -> None:
    inside, most_inside, go_on = [], [0], threading.Event()

    def judge(request: HttpRequest) -> HttpResponse:
        inside.append(request)
        most_inside[0] = max(most_inside[0], len(inside))
        go_on.wait(10)
        inside.pop()
        return HttpResponse(status=302)

    middleware = SignInMiddleware(judge)
    request = RequestFactory().post
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(middleware, request(PAGES[0])) for _ in range(8)]
        until = time.monotonic() + 10
        while sum(call.done() for call in calls) < 6 and time.monotonic() < until:
            time.sleep(0.01)
        statuses = [call.result().status_code for call in calls if call.done()]
        # What is no sign-in waits for nobody.
        go_on_at_once = threading.Thread(target=middleware, args=[request("/v1/events")])
        go_on.set()
        go_on_at_once.start()
        go_on_at_once.join(10)
    assert statuses == [503] * 6
    assert sorted(call.result().status_code for call in calls) == [302] * 2 + [503] * 6
    assert middleware(request(PAGES[0])).status_code == 302


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "MOST_ADDRESSES", 3)
    failures = sign_in.Failures()
    for address in "abcde":
        failures.note(address)
    assert list(failures._counts) == ["c", "d", "e"]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("", ""),
        ("unknown", "unknown"),
    ],
)
def test_a_subscriber_has_one_network(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES)
def test_a_refusal_is_a_page_for_a_browser_and_json_for_who_asks_for_it(
    client: Client, page: str
) -> None:
    for number in range(MOST_FAILURES):
        guess(client, f"name{number}", page, "wrong")

    seen = client.post(page, {"username": "rosa"}, headers={"Accept": "text/html,*/*;q=0.8"})
    told = client.post(page, {"username": "rosa"}, headers={"Accept": "application/json"})

    assert (seen.status_code, told.status_code) == (429, 429)
    assert seen["Content-Type"].startswith("text/html")
    assert "Try again in 15 minutes." in seen.content.decode()
    assert "Content-Security-Policy" in seen
    assert seen["X-Frame-Options"] == "DENY"
    assert told.json()["code"] == "too_many_requests"
    assert told.json()["request_id"] == told["X-Request-ID"]
    assert int(told["Retry-After"]) > 0


@pytest.mark.parametrize("page", PAGES)
def test_one_too_many_at_once_is_a_page_too(page: str) -> None:
    middleware = SignInMiddleware(lambda _: HttpResponse(status=302))
    for _ in range(sign_in.MOST_AT_ONCE):
        middleware._places.acquire()

    response = middleware(RequestFactory().post(page))

    assert (response.status_code, response["Retry-After"]) == (503, "1")
    assert "<h1>Not signed in</h1>" in response.content.decode()
