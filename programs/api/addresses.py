"""How a URL names what has an id, in routes and in the OpenAPI document; importing this makes `<id:..>` known."""

from typing import Any

from django.urls import URLPattern, path, register_converter
from django.urls.converters import UUIDConverter
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.viewsets import GenericViewSet

UUID_SCHEMA = {"type": "string", "format": "uuid"}


class IdConverter(UUIDConverter):
    """A UUID in either case, as bodies and filters take it; Django's own accepts lower case only."""

    regex = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


register_converter(IdConverter, "id")  # once: Django will make a second time an error


def route(
    address: str,
    viewset: type[GenericViewSet[Any]],
    title: str | None = None,
    *,
    name: str | None = None,
    **calls: str,
) -> URLPattern:
    """Route each method to a call of the viewset (get="list"); the browsable API shows the title."""
    return path(address, viewset.as_view({**calls}, name=title), name=name)


def path_parameter(
    name: str, description: str, example: str, schema: dict[str, Any] = UUID_SCHEMA
) -> OpenApiParameter:
    """Describe a variable of a path, for `extend_schema(parameters=[...])` on the viewset whose URLs have it."""
    examples = [OpenApiExample(name, example)]
    return OpenApiParameter(
        name, schema, OpenApiParameter.PATH, description=description, examples=examples
    )


def text_parameter(
    name: str, description: str, example: str, *, longest: int, **more: str
) -> OpenApiParameter:
    """Describe a variable of a path that is a text of 1 to `longest` characters."""
    schema = {"type": "string", "minLength": 1, "maxLength": longest, **more}
    return path_parameter(name, description, example, schema)


EXAMPLE_PROGRAM_ID = "0198c0de-7a3b-7c21-9f4e-2b1d5a6c7e80"
PROGRAM_ID = path_parameter("program_id", "The program.", EXAMPLE_PROGRAM_ID)
