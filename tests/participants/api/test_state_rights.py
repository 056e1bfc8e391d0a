"""Staff who may only add, or only change, are held to that also where one call does both."""

from decimal import Decimal

import pytest

from participants.models import Counter, Participant, TierStanding
from participants.state.counters import CounterChange, set_counter
from participants.state.tiers import TierChange, set_tier
from programs.models import Program
from tests.config.api.browsable_pages import signed_in, submit
from tests.conftest import TESTER
from tests.participants.api.tiers import enroll, make_track

STATE = "/v1/participants/external:ana/state"


@pytest.mark.parametrize(
    ("permission", "exists", "status", "value"),
    [
        ("add_counter", False, 200, 999),
        ("add_counter", True, 403, 5),
        ("change_counter", False, 403, None),
        ("change_counter", True, 200, 999),
    ],
)
def test_a_counter_is_added_and_changed_by_those_who_may(
    participant: Participant, permission: str, exists: bool, status: int, value: int | None
) -> None:
    if exists:
        set_counter("ana", "visits", CounterChange(Decimal(5)), by=TESTER)

    response = submit(signed_in(permission), "PUT", f"{STATE}/counters/visits", {"value": "999"})

    assert response.status_code == status
    assert Counter.objects.values_list("value", flat=True).first() == value


@pytest.mark.parametrize(
    ("permission", "exists", "status", "level"),
    [
        ("add_tierstanding", False, 200, "gold"),
        ("add_tierstanding", True, 403, "silver"),
        ("change_tierstanding", False, 403, None),
        ("change_tierstanding", True, 200, "gold"),
    ],
)
def test_a_tier_is_added_and_changed_by_those_who_may(
    participant: Participant,
    program: Program,
    permission: str,
    exists: bool,
    status: int,
    level: str | None,
) -> None:
    make_track(program, "status", "silver", "gold")
    enroll("ana", program)
    if exists:
        set_tier("ana", "status", program.id, TierChange("silver"), by=TESTER)

    response = submit(signed_in(permission), "PUT", f"{STATE}/tiers/status", {"level": "gold"})

    assert response.status_code == status
    assert TierStanding.objects.values_list("level", flat=True).first() == level
