import pytest

from programs import tracks
from programs.api.tiers import NewTierTrackSerializer
from programs.models import Asset, AssetLink, Program, Rule, TierTrack
from tests.conftest import TESTER
from tests.programs.admin.rules.pages import make_rule


@pytest.fixture
def asset(program: Program) -> Asset:
    """An asset of the program."""
    asset = Asset.objects.create(name="Points", symbol="PTS", scale=2)
    AssetLink.objects.create(program=program, asset=asset)
    return asset


@pytest.fixture
def track(program: Program) -> TierTrack:
    """A track of the program with one level."""
    gold = {"key": "gold", "rank": 1, "display_name": "Gold", "qualification": None, "benefits": []}
    new = NewTierTrackSerializer.read({"key": "status", "display_name": "Status", "levels": [gold]})
    return tracks.create(program.pk, new, by=TESTER)


@pytest.fixture
def rule(program: Program) -> Rule:
    """A rule that tags."""
    return make_rule(program)
