"""Refusals as tests compare them: each field with its reason."""

from typing import Any


def refusals(response: Any) -> list[tuple[str, str]]:
    assert response.status_code == 400, response.json()
    assert response.json()["code"] == "validation_failed"
    return [(each["field"], each["reason"]) for each in response.json()["details"]["fields"]]
