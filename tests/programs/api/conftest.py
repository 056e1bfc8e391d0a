from typing import Any

import pytest
from rest_framework.test import APIClient

from programs.models import Program
from tests.programs.api.tracks import GOLD

RULES = "/v1/rules"
TAG = {"type": "TAG", "tag": "vip"}
SILVER = {"key": "silver", "rank": 1}


@pytest.fixture
def new(program: Program) -> dict[str, Any]:
    """A body that creates a rule."""
    return {
        "program_id": str(program.id),
        "name": "Welcome",
        "condition": "true",
        "actions": [TAG],
    }


@pytest.fixture
def rule(api: APIClient, new: dict[str, Any]) -> str:
    """The address of a rule."""
    created = api.post(RULES, new)
    assert created.status_code == 201, created.json()
    return f"{RULES}/{created.json()['id']}"


LADDER = {"key": "status", "display_name": "Status", "levels": [GOLD, SILVER]}


@pytest.fixture
def path(program: Program) -> str:
    return f"/v1/programs/{program.id}/tiers"


@pytest.fixture
def ladder(api: APIClient, path: str) -> str:
    """The address of a track with two levels."""
    assert api.post(path, LADDER).status_code == 201
    return f"{path}/status"
