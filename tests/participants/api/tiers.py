"""Tracks, and people enrolled in their program, for tests of tiers."""

from participants import state
from programs.models import Program, TierLevel, TierTrack
from tests.conftest import TESTER


def make_track(program: Program, key: str = "status", *levels: str) -> TierTrack:
    track = TierTrack.objects.create(program=program, key=key)
    for rank, level in enumerate(levels or ("bronze", "silver", "gold"), start=1):
        TierLevel.objects.create(track=track, key=level, rank=rank, benefits=[f"{level} gift"])
    return track


def enroll(who: str, program: Program, status: str = "ACTIVE") -> None:
    change = state.Change(program_id=program.pk, enrollment_status=status)
    state.change(change, to=who, by=TESTER, rights=state.ALL_RIGHTS)
