from programs.api.views.rules import RuleDraftViewSet, RuleVersionViewSet, RuleViewSet

__all__ = ["RuleDraftViewSet", "RuleVersionViewSet", "RuleViewSet"]
