"""Public documentation: the OpenAPI document, the page that shows it and the page about the rule language."""

# mypy: allow-untyped-calls
# drf-spectacular is typed in part.

import functools
import json
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.renderers import ExactJSONRenderer
from programs.kernel import exact_json
from programs.rulebook import reference
from programs.rulebook.actions import ACTION_TYPES


class OpenAPIView(APIView):
    schema = None
    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    renderer_classes = [ExactJSONRenderer]

    def get(self, request: Request) -> Response:
        return Response(_document())


class SwaggerView(SpectacularSwaggerSplitView):
    """Swagger UI from local files, without its inline style, which the CSP forbids."""

    schema = None
    template_name = "docs.html"
    throttle_classes: list[Any] = []
    http_method_names = ["get", "head"]


@require_safe
def rule_language(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_rule_language())


@functools.cache
def _document() -> msgspec.Raw:
    # Generating it takes a second, and only the code changes it.
    return msgspec.Raw(json.dumps(SchemaGenerator().get_schema(public=True)).encode())


@functools.cache
def _rule_language() -> bytes:
    # The same for everybody: made of the code, and without the request.
    context = {
        "reference": reference,
        "actions": ACTION_TYPES.values(),
        "subjects": [
            (f"functions-{subject.lower().replace(' ', '-')}", subject, functions)
            for subject, functions in reference.functions_by_subject().items()
        ],
        "facts": {name: _shown(facts) for name, facts in reference.FACTS.items()},
    }
    return render_to_string("rule_language/page.html", context).encode()


def _shown(facts: object) -> str:
    return msgspec.json.format(exact_json.dumps(facts)).decode()
