from programs.views.assets import AssetViewSet, LinkedAssetViewSet
from programs.views.programs import ProgramViewSet
from programs.views.rules import RuleDraftViewSet, RuleVersionViewSet, RuleViewSet
from programs.views.tiers import TierTrackViewSet

__all__ = [
    "AssetViewSet",
    "LinkedAssetViewSet",
    "ProgramViewSet",
    "RuleDraftViewSet",
    "RuleVersionViewSet",
    "RuleViewSet",
    "TierTrackViewSet",
]
