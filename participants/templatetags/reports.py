"""Figures on pages of the programs, which know nothing of participants."""

from typing import Any

from django import template

from participants.admin import hub
from programs.models import Rule

register = template.Library()


@register.simple_tag(takes_context=True)
def report_of_rule(context: Any, rule: Rule) -> hub.RuleReport | None:
    """The figures of a rule that the user may see, in the period that the address names."""
    return hub.of_rule(context["request"], rule)
