"""How an answer is written: exact JSON, or DRF's browsable interface around it."""

import inspect
import re
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
from django.forms import Form
from rest_framework.exceptions import APIException, ErrorDetail
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.utils import html
from rest_framework.utils.serializer_helpers import BoundField

from programs.kernel import exact_json

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module by way of the settings


class ExactJSONRenderer(BaseRenderer):
    """Writes numbers digit for digit; what PostgreSQL wrote as JSON (`msgspec.Raw`) passes through unread."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if data is None:
            return b""
        body = exact_json.dumps(data)
        indent = (renderer_context or {}).get("indent")
        return msgspec.json.format(body, indent=int(indent)) if indent else body


class BrowsableRenderer(BrowsableAPIRenderer):
    """DRF's browsable interface, with a form for PATCH too. A refused form comes back as it was filled in."""

    def get_context(
        self,
        data: Any,
        accepted_media_type: str | None,
        renderer_context: Mapping[str, Any],
    ) -> dict[str, Any]:
        view, request = renderer_context["view"], renderer_context["request"]
        refused = renderer_context["response"].status_code >= 400
        self.refused_method = request.method if refused else None
        self.sent = _body_of(request) if refused else {}
        self.refusals = _refusals(data) if refused else {}
        context = super().get_context(data, accepted_media_type, renderer_context)
        context["links"], context["is_root"] = _links(request)
        context["calls"] = _calls(view)
        context["is_form_only"] = (
            request.method == "GET" and renderer_context["response"].status_code == 405
        )
        context["patch_form"] = self.get_rendered_html_form(data, view, "PATCH", request)
        # A style sheet inside the page, which the Content-Security-Policy forbids; the colors come by script.
        context["code_style"] = None
        return context

    def get_rendered_html_form(
        self, data: Any, view: "APIView", method: str, request: Request
    ) -> Any:
        # PUT shows what it replaces, where the answer has the form of the body. Other methods leave empty inputs out.
        answered_by = getattr(data, "serializer", None)
        shown = method == "PUT" and (
            answered_by is not None and type(answered_by) is view.get_serializer_class()  # type: ignore[attr-defined]
        )
        return super().get_rendered_html_form(data if shown else None, view, method, request)

    def render_form_for_serializer(self, serializer: BaseSerializer[Any]) -> str:
        is_refused = serializer.context["request"].method == self.refused_method
        sent = self.sent if is_refused and html.is_html_input(self.sent) else {}
        refusals = self.refusals if is_refused else {}
        inputs = [
            BoundField(field, sent.get(name, serializer.data.get(name)), refusals.get(name, []))
            for name, field in serializer.fields.items()  # type: ignore[attr-defined]
        ]
        form: Any = SimpleNamespace(serializer=inputs)
        style = {"template_pack": "rest_framework/horizontal"}
        return str(self.form_renderer_class().render(form, renderer_context={"style": style}))

    def get_raw_data_form(
        self, data: Any, view: "APIView", method: str, request: Request
    ) -> Form | None:
        form = super().get_raw_data_form(data, view, method, request)
        if form:
            form.auto_id = f"{method}_%s"  # one page has several
        was_refused = method == self.refused_method and not html.is_html_input(self.sent)
        if form and was_refused and self.sent:
            written = msgspec.json.format(exact_json.dumps(self.sent), indent=4)
            form.initial["_content"] = written.decode()
        return form


def _links(request: Request) -> tuple[list[Any], bool]:
    """What the page leads to below it, and whether it is where the API begins."""
    from config.api.root import links_of  # which imports this module by way of the views

    match = request._request.resolver_match
    if match is None or (not request.auth and not request.user.is_authenticated):
        return [], False
    route = match.route.removeprefix("v1").removeprefix("/")
    return links_of(request, route, request._request.get_full_path().partition("?")[0]), not route


def _calls(view: "APIView") -> dict[str, dict[str, str]]:
    """What each call of the page that takes a body does, in the words of the documentation."""
    calls = {}
    for method, action in view.action_map.items():  # type: ignore[attr-defined]
        title, _, text = (inspect.getdoc(getattr(type(view), action)) or "").partition("\n")
        if method in ("post", "put", "patch") and title:
            calls[method.upper()] = {
                "title": title.rstrip("."),
                "text": text.replace("`", "").strip(),
            }
    return calls


def _body_of(request: Request) -> Any:
    if not request.user.is_authenticated:
        return {}  # it was refused before it was read
    try:
        return request.data
    except APIException:
        return {}  # it could not be read, which is why it was refused


def _refusals(data: Any) -> dict[str, list[ErrorDetail]]:
    """What an error says of each input of a form; "tags[3]" is about the input "tags"."""
    refusals: dict[str, list[ErrorDetail]] = {}
    for error in data.get("details", {}).get("fields", []):
        name, *place = re.split(r"(?=[.\[])", error["field"], maxsplit=1)
        message = f"{error['field']}: {error['message']}" if place else error["message"]
        refusals.setdefault(name, []).append(ErrorDetail(message, error["reason"]))
    return refusals


class JSONUnlessBrowsing(DefaultContentNegotiation):
    """Content negotiation: JSON unless a page is requested; an Accept that matches nothing gets JSON too, not 406.

    `?format=json` and `?format=api` overrule the Accept header; Http404 for another format.
    """

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        names_format = "format=" in request.META.get("QUERY_STRING", "")
        if names_format and (wanted := request.query_params.get("format")):
            renderers = self.filter_renderers(renderers, wanted)
        elif "text/html" in request.META.get("HTTP_ACCEPT", ""):
            best: tuple[BaseRenderer, str] = super().select_renderer(request, renderers)
            return best
        first, *_ = renderers
        return first, first.media_type
