"""The rules of programs in the admin."""

from programs.admin.rules.rule_admin import RuleAdmin

__all__ = ["RuleAdmin"]
