"""One key's checks of rules leave time for other calls."""

from threading import Event, Thread
from typing import Any

import pytest
from rest_framework.test import APIClient

from programs.api import rule_checks
from programs.api.rule_checks import Checks, TooManyChecks

VALIDATE = "/v1/rules/validate"


def test_a_key_that_has_used_its_time_waits_and_others_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rule_checks, "BURST", 0)
    monkeypatch.setattr(rule_checks, "SHARE", 0.001)
    checks = Checks()
    with checks.turn("greedy", is_long=False):
        sum(range(3_000_000))

    with pytest.raises(TooManyChecks) as refused, checks.turn("greedy", is_long=False):
        pass
    with checks.turn("modest", is_long=False):
        pass

    assert refused.value.wait >= 1
    monkeypatch.setattr(rule_checks, "SHARE", 1e9)
    with checks.turn("greedy", is_long=False):
        pass


def test_a_key_has_one_long_body_checked_at_a_time() -> None:
    checks = Checks()
    is_checking, is_over = Event(), Event()

    def check() -> None:
        with checks.turn("greedy", is_long=True):
            is_checking.set()
            is_over.wait(10)

    other = Thread(target=check)
    other.start()
    is_checking.wait(10)
    with pytest.raises(TooManyChecks), checks.turn("greedy", is_long=True):
        pass
    with checks.turn("greedy", is_long=False), checks.turn("modest", is_long=True):
        pass
    is_over.set()
    other.join()

    with checks.turn("greedy", is_long=True):
        pass


def test_every_call_that_checks_rules_is_bounded(
    api: APIClient, new: dict[str, Any], rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_checks, "BURST", -1)
    program = f"/v1/programs/{new['program_id']}/simulate"
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("post", VALIDATE, {"condition": "true"}),
        ("post", "/v1/rules", new),
        ("patch", rule, {"condition": "true"}),
        ("post", f"{rule}/restore", {"version": 1}),
        ("post", f"{rule}/simulate", {"event": {}, "participant_state": {}}),
        ("post", program, {"event": {}, "participant_state": {}}),
    ]

    for method, path, body in calls:
        response = getattr(api, method)(path, body)

        assert response.status_code == 429, path
        assert response.json()["code"] == "too_many_requests"
        assert int(response.headers["Retry-After"]) >= 1
