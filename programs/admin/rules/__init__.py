"""The rules of programs in the admin: their list, the page of each, what is done at a press, and their order."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from programs.admin.rules.changelist import RuleChangelist
from programs.admin.rules.order import RuleOrder
from programs.admin.rules.page import RulePage
from programs.admin.rules.verbs import RuleVerbs
from programs.models import Rule


@admin.register(Rule)
class RuleAdmin(RulePage, RuleVerbs, RuleOrder, RuleChangelist):
    class Media:
        css = {"all": ["programs/admin.css", "programs/rule.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rule]:
        return super().get_queryset(request).select_related("program")

    def has_delete_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        return False  # archive it instead
