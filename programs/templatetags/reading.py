"""Times and amounts on pages: every one goes through these."""

from django import template

from programs import reader

register = template.Library()
register.filter("amount", reader.amount)
register.filter("moment", reader.moment)
register.filter("moment_tag", reader.moment_tag)
register.filter("day", reader.day)


@register.simple_tag
def zone() -> str:
    """The name of the zone that times are shown in."""
    return str(reader.zone_name())
