"""The query of a call: each parameter is one that the call has, is not empty, and is given once."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from programs.kernel.cleaning import Errors

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module by way of the settings

_KNOWN: dict[tuple[type, str], frozenset[str]] = {}


class KnownQuery(BasePermission):
    """Raises ValidationFailed for a parameter that would be ignored: the answer would be about something else than was asked.

    Among the permissions, since those are checked on every call, after authentication.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        # Once: a page asks again for each form on it whether its call would be allowed.
        if request.META.get("QUERY_STRING") and not hasattr(request._request, "query_is_checked"):
            request._request.query_is_checked = True  # type: ignore[attr-defined]
            if request.accepted_renderer.format == "api" and request.auth is None:
                _drop_blanks(request)
            _check(request, view)
        return True


def _drop_blanks(request: Request) -> None:
    """Leave out what a form on a page was not filled in with."""
    filled = request.query_params.copy()
    for name, values in request.query_params.lists():
        filled.setlist(name, [value for value in values if value])
        if not filled.getlist(name):
            del filled[name]
    request._request.GET = filled  # type: ignore[assignment]


def _check(request: Request, view: "APIView") -> None:
    if view.action in (None, "metadata"):  # type: ignore[attr-defined]
        return  # a method that is answered with 405, and OPTIONS, which reads nothing of it
    known = _known(view)
    errors = Errors()
    for name, values in request.query_params.lists():
        if name not in known:
            meant = get_close_matches(name.lower(), known, n=1)
            hint = f" Did you mean {meant[0]}?" if meant else ""
            errors.add(name[:100], "unknown", f"This call has no such parameter.{hint}")
        elif len(values) > 1:
            errors.add(name, "repeated", "Give this parameter once.")
        elif not values[0]:
            errors.add(name, "blank", "Give a value, or leave the parameter out.")
    errors.raise_if_any()


def _known(view: Any) -> frozenset[str]:
    """The parameters of a call: those of its list's filters and pages, and those that `extend_schema` declares."""
    call = (type(view), view.action)
    if call not in _KNOWN:
        _KNOWN[call] = frozenset(_declared(view))
    return _KNOWN[call]


def _declared(view: Any) -> Iterator[str]:
    yield "format"
    if view.action == "list" and hasattr(view, "sortings"):
        filters = getattr(view, "filterset_class", None)
        yield from filters.base_filters if filters else ()
        for parameter in view.paginator.get_schema_operation_parameters(view):
            yield parameter["name"]
    extended = getattr(getattr(view, view.action), "kwargs", {}).get("schema")
    if extended:
        schema = extended()
        schema.view = view
        for parameter in schema.get_override_parameters():
            if parameter.location == OpenApiParameter.QUERY:
                yield parameter.name
