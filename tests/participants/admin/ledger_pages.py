"""The pages about value in the admin, as a browser sees them."""

from typing import Any

from participants.models import Participant, StateChange
from programs.models import Program, TierLevel, TierTrack
from tests.participants.ledger_world import World

PEOPLE = "/admin/participants/participant/"


def ana() -> Participant:
    return Participant.objects.get(external_id="ana")


def page_of(participant: Participant, page: str = "change/") -> str:
    return f"{PEOPLE}{participant.pk}/{page}"


def asked(world: World, **fields: str) -> dict[str, str]:
    """What the form to adjust is sent with."""
    return {
        "asset": f"{world.program.pk}:{world.asset.pk}",
        "action": "CREDIT",
        "bucket": "AVAILABLE",
        "amount": "5",
        "description": "A present.",
        "step": "preview",
        **fields,
    }


def changes_of(participant: Participant) -> list[tuple[Any, ...]]:
    """The changes of a counter or a tier."""
    rows = StateChange.objects.filter(participant=participant, state_type__in=["counter", "tier"])
    columns = ("state_type", "key", "operation", "old_value", "new_value", "changed_by")
    return list(rows.order_by("id").values_list(*columns))


def make_track(program: Program, key: str = "status") -> TierTrack:
    track = TierTrack.objects.create(program=program, key=key, display_name=key.capitalize())
    for rank, level in enumerate(("silver", "gold"), 1):
        TierLevel.objects.create(track=track, key=level, rank=rank, display_name=level.capitalize())
    return track
