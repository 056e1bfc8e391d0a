"""How a URL names what has an id, in routes and in the OpenAPI document; importing this makes `<id:..>` known."""

from typing import Any

from django.urls import register_converter
from django.urls.converters import UUIDConverter
from drf_spectacular.utils import OpenApiExample, OpenApiParameter

UUID_SCHEMA = {"type": "string", "format": "uuid"}


class IdConverter(UUIDConverter):
    """A UUID in either case, as bodies and filters take it; Django's own accepts lower case only."""

    regex = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


register_converter(IdConverter, "id")  # once: Django will make a second time an error


def path_parameter(
    name: str, description: str, example: str, schema: dict[str, Any] = UUID_SCHEMA
) -> OpenApiParameter:
    """Describe a variable of a path, for `extend_schema(parameters=[...])` on the viewset whose URLs have it."""
    examples = [OpenApiExample(name, example)]
    return OpenApiParameter(
        name, schema, OpenApiParameter.PATH, description=description, examples=examples
    )


EXAMPLE_PROGRAM_ID = "0198c0de-7a3b-7c21-9f4e-2b1d5a6c7e80"
PROGRAM_ID = path_parameter("program_id", "The program.", EXAMPLE_PROGRAM_ID)
