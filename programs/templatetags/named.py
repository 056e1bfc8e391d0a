"""Names for inputs that have no label of their own, as in a table with one row for each object."""

from django import template
from django.forms import BoundField
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def named(field: BoundField) -> SafeString:
    """Return the input with its label as what those hear who do not see the head of its column."""
    return field.as_widget(attrs={"aria-label": str(field.label)})
