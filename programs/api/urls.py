from django.urls import path

from programs.api.assets import AssetViewSet, LinkedAssetViewSet
from programs.api.programs import ProgramViewSet
from programs.api.rule_drafts import RuleDraftViewSet
from programs.api.rules import RuleVersionViewSet, RuleViewSet
from programs.api.tiers import TierTrackViewSet

urlpatterns = [
    path(
        "programs",
        ProgramViewSet.as_view({"get": "list", "post": "create"}, name="Programs"),
        name="programs",
    ),
    path(
        "programs/<id:pk>",
        ProgramViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="program",
    ),
    path(
        "programs/<id:program_id>/assets",
        LinkedAssetViewSet.as_view({"get": "list", "post": "create"}, name="Linked assets"),
    ),
    path(
        "programs/<id:program_id>/tiers",
        TierTrackViewSet.as_view({"get": "list", "post": "create"}, name="Tier tracks"),
    ),
    path(
        "programs/<id:program_id>/tiers/<slug:track>",
        TierTrackViewSet.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
    ),
    path(
        "assets",
        AssetViewSet.as_view({"get": "list", "post": "create"}, name="Assets"),
    ),
    path(
        "assets/<id:asset_id>",
        AssetViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
    ),
    path("rules", RuleViewSet.as_view({"get": "list", "post": "create"}, name="Rules")),
    path(
        "rules/validate",
        RuleDraftViewSet.as_view({"post": "judge"}, name="Validate"),
    ),
    path(
        "rules/<id:rule_id>",
        RuleViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
    path(
        "rules/<id:rule_id>/history",
        RuleVersionViewSet.as_view({"get": "list"}, name="History"),
    ),
]
