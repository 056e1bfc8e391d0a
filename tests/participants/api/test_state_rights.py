import pytest
from django.contrib.auth.models import Permission, User
from rest_framework.test import APIClient

from participants import state
from participants.models import Counter, TierStanding
from programs.models import Program, TierLevel, TierTrack
from tests.conftest import TESTER

COUNTER = "/v1/participants/external:ana/state/counters/spent"
TIER = "/v1/participants/external:ana/state/tiers/status"


@pytest.fixture
def clerk(program: Program) -> APIClient:
    """A member of staff who may add counters and tiers of ana, and change none."""
    ana = state.Change(program_id=program.pk)
    state.change(ana, to="ana", by=TESTER, rights=state.ALL_RIGHTS)
    track = TierTrack.objects.create(program=program, key="status")
    TierLevel.objects.create(track=track, key="gold", rank=1)
    TierLevel.objects.create(track=track, key="platinum", rank=2)
    user = User.objects.create_user("clerk", is_staff=True)
    adding = Permission.objects.filter(codename__in=["add_counter", "add_tierstanding"])
    user.user_permissions.set(adding)
    client = APIClient()
    client.force_login(user)
    return client


def test_who_may_only_add_a_counter_does_not_overwrite_one(clerk: APIClient) -> None:
    assert clerk.put(COUNTER, {"value": "5"}).status_code == 200

    refused = clerk.put(COUNTER, {"value": "999"})

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert Counter.objects.get().value == 5


def test_who_may_only_add_a_tier_does_not_overwrite_one(clerk: APIClient) -> None:
    assert clerk.put(TIER, {"level": "gold"}).status_code == 200

    refused = clerk.put(TIER, {"level": "platinum"})

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert TierStanding.objects.get().level == "gold"
