"""What pages of the programs, which know nothing of participants, offer about jobs."""

from typing import Any

from django import template

from participants.api.permissions import allows_job
from participants.jobs import KINDS

register = template.Library()


@register.simple_tag(takes_context=True)
def may_ask_for(context: Any, kind: str) -> bool:
    """Whether the user may ask for a job of this kind."""
    return allows_job(context["request"], KINDS[kind])
