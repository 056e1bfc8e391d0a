"""How a URL names what has an id; importing this makes `<id:..>` known."""

from django.urls import register_converter
from django.urls.converters import UUIDConverter


class IdConverter(UUIDConverter):
    """A UUID in either case, as bodies and filters take it; Django's own knows small letters only."""

    regex = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


register_converter(IdConverter, "id")  # once: a second time is an error to come in Django
