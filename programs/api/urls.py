from programs.api.addresses import route
from programs.api.assets import AssetViewSet, LinkedAssetViewSet
from programs.api.programs import ProgramViewSet
from programs.api.rule_drafts import RuleDraftViewSet
from programs.api.rules import RuleVersionViewSet, RuleViewSet
from programs.api.tiers import TierTrackViewSet

LIST = {"get": "list", "post": "create"}
ONE = {"get": "retrieve", "patch": "partial_update"}
DELETE = {"delete": "destroy"}

urlpatterns = [
    route("programs", ProgramViewSet, "Programs", name="programs", **LIST),
    route("programs/<id:pk>", ProgramViewSet, **ONE),
    route("programs/<id:program_id>/assets", LinkedAssetViewSet, "Linked assets", **LIST),
    route("programs/<id:program_id>/tiers", TierTrackViewSet, "Tier tracks", **LIST),
    route("programs/<id:program_id>/tiers/<slug:track>", TierTrackViewSet, **ONE, **DELETE),
    route("assets", AssetViewSet, "Assets", **LIST),
    route("assets/<id:asset_id>", AssetViewSet, **ONE),
    route("rules", RuleViewSet, "Rules", **LIST),
    route("rules/validate", RuleDraftViewSet, "Validate", post="validate"),
    route("rules/<id:rule_id>", RuleViewSet, **ONE, **DELETE),
    route("rules/<id:rule_id>/restore", RuleViewSet, "Restore", post="restore"),
    route("rules/<id:rule_id>/history", RuleVersionViewSet, "History", get="list"),
]
