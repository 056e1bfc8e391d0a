from django.urls import path

from programs.api import (
    addresses,  # noqa: F401 (knows <id:..>)
    views,
)

urlpatterns = [
    path(
        "programs",
        views.ProgramViewSet.as_view({"get": "list", "post": "create"}, name="Programs"),
        name="programs",
    ),
    path(
        "programs/<id:pk>",
        views.ProgramViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="program",
    ),
    path(
        "programs/<id:program_id>/assets",
        views.LinkedAssetViewSet.as_view({"get": "list", "post": "create"}, name="Linked assets"),
    ),
    path(
        "programs/<id:program_id>/tiers",
        views.TierTrackViewSet.as_view({"get": "list", "post": "create"}, name="Tier tracks"),
    ),
    path(
        "programs/<id:program_id>/tiers/<slug:track>",
        views.TierTrackViewSet.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
    ),
    path(
        "assets",
        views.AssetViewSet.as_view({"get": "list", "post": "create"}, name="Assets"),
    ),
    path(
        "assets/<id:asset_id>",
        views.AssetViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
    ),
    path("rules", views.RuleViewSet.as_view({"get": "list", "post": "create"}, name="Rules")),
    path(
        "rules/validate",
        views.RuleDraftViewSet.as_view({"post": "judge"}, name="Validate"),
    ),
    path(
        "rules/<id:rule_id>",
        views.RuleViewSet.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
    ),
    path(
        "rules/<id:rule_id>/history",
        views.RuleVersionViewSet.as_view({"get": "list"}, name="History"),
    ),
]
