"""The OpenAPI document and the page that shows it, for everybody."""

# mypy: allow-untyped-calls
# drf-spectacular is typed in part.

import functools
import json
from typing import Any

import msgspec
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.renderers import ExactJSONRenderer


class OpenAPIView(APIView):
    schema = None
    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    renderer_classes = [ExactJSONRenderer]

    def get(self, request: Request) -> Response:
        return Response(_document())


class SwaggerView(SpectacularSwaggerSplitView):
    """Swagger UI without its inline style, which the CSP forbids, on files of ours."""

    schema = None
    template_name = "docs.html"
    throttle_classes: list[Any] = []
    http_method_names = ["get", "head"]


@functools.cache
def _document() -> msgspec.Raw:
    # It takes a second, and changes with the code only.
    return msgspec.Raw(json.dumps(SchemaGenerator().get_schema(public=True)).encode())
