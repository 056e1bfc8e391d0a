"""Stored moments are the database's, taken under the participant's lock."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from participants import state
from participants.models import Participant, StateChange, TierStanding
from participants.state.counters import CounterChange, set_counter
from participants.state.tiers import TierChange, expire_due, set_tier
from programs.kernel.exceptions import ValidationFailed
from programs.models import Program, TierLevel, TierTrack
from tests.conftest import TESTER
from tests.threads import at_once


@pytest.fixture
def track(program: Program) -> TierTrack:
    """A track with the level gold, of the program that ana is enrolled in."""
    enrolling = state.Change(program_id=program.pk)
    state.change(enrolling, to="ana", by=TESTER, rights=state.ALL_RIGHTS)
    track = TierTrack.objects.create(program=program, key="status")
    TierLevel.objects.create(track=track, key="gold", rank=1)
    return track


@pytest.mark.django_db
def test_a_process_whose_clock_is_behind_lists_its_change_as_the_latest() -> None:
    state.change(state.Change(), to="ana", by=TESTER, rights=state.ALL_RIGHTS)
    set_counter("ana", "spent", CounterChange(Decimal(1)), by=TESTER)

    with time_machine.travel(timezone.now() - timedelta(seconds=2)):
        set_counter("ana", "spent", CounterChange(Decimal(2)), by=TESTER)

    latest = StateChange.objects.all()[0]
    assert (latest.old_value, latest.new_value) == ("1", "2")


@pytest.mark.django_db
def test_a_clock_that_was_set_back_does_not_take_a_participant_back() -> None:
    state.change(state.Change(), to="ana", by=TESTER, rights=state.ALL_RIGHTS)
    Participant.objects.update(updated_at=F("updated_at") + timedelta(hours=1))
    ahead = Participant.objects.get().updated_at

    state.change(state.Change(add_tags=["vip"]), to="ana", by=TESTER)

    assert Participant.objects.get().updated_at > ahead


@pytest.mark.django_db
@pytest.mark.parametrize("by_chore", [True, False])
def test_the_history_of_a_level_that_expired_is_a_chain(track: TierTrack, by_chore: bool) -> None:
    soon = timezone.now() + timedelta(days=1)
    set_tier("ana", "status", track.program_id, TierChange("gold", soon), by=TESTER)
    past = timezone.now() - timedelta(days=1)
    TierStanding.objects.update(acquired_at=past - timedelta(days=1), expires_at=past)

    if by_chore:
        assert list(expire_due(by=TESTER)) == [1]
    set_tier("ana", "status", track.program_id, TierChange("gold"), by=TESTER)

    history = StateChange.objects.filter(state_type="tier").order_by("changed_at", "id")
    values = history.values_list("operation", "old_value", "new_value")
    assert list(values) == [("ADD", None, "gold"), ("REMOVE", "gold", None), ("ADD", None, "gold")]


@pytest.mark.django_db(transaction=True)
def test_an_expiry_that_passes_while_the_call_waits_is_refused(track: TierTrack) -> None:
    held = threading.Event()
    errors: list[ValidationFailed] = []

    def hold() -> None:
        with transaction.atomic():
            list(Participant.objects.select_for_update(no_key=True))
            held.set()
            threading.Event().wait(0.5)

    def set_it() -> None:
        held.wait()
        change = TierChange("gold", timezone.now() + timedelta(seconds=0.2))
        with pytest.raises(ValidationFailed) as refused:
            set_tier("ana", "status", track.program_id, change, by=TESTER)
        errors.append(refused.value)

    at_once([hold, set_it])

    assert [error.as_dict()["code"] for error in errors] == ["validation_failed"]
    assert not TierStanding.objects.exists()
