"""Names for inputs that have no label of their own, as in a table with one row for each object."""

from django import template
from django.forms import BoundField
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def named(field: BoundField) -> SafeString:
    """Return the input with its label as what those hear who do not see the head of its column."""
    shown = field.as_widget(attrs={"aria-label": str(field.label)})
    if not field.field.show_hidden_initial:
        return shown
    # Without what the page showed, an untouched row would undo what somebody else made of it.
    return format_html("{}{}", shown, field.as_hidden(only_initial=True))
