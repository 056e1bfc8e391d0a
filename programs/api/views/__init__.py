from programs.api.views.assets import AssetViewSet, LinkedAssetViewSet
from programs.api.views.programs import ProgramViewSet
from programs.api.views.rules import RuleDraftViewSet, RuleVersionViewSet, RuleViewSet
from programs.api.views.tiers import TierTrackViewSet

__all__ = [
    "AssetViewSet",
    "LinkedAssetViewSet",
    "ProgramViewSet",
    "RuleDraftViewSet",
    "RuleVersionViewSet",
    "RuleViewSet",
    "TierTrackViewSet",
]
