"""Where the API begins, and which calls lie below which: what leads from page to page, and from `/v1` to every list."""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, reverse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

import participants.api.urls
import programs.api.urls
from config.api.permissions import may_call


@dataclass(frozen=True, slots=True)
class Link:
    title: str
    path: str
    url: str


class RootViewSet(ViewSet):
    """Every list that you may see."""

    schema = None  # the OpenAPI document begins with what is said here

    def retrieve(self, request: Request) -> Response:
        whole = request.build_absolute_uri
        return Response(
            {
                "lists": [
                    {"title": link.title, "url": whole(link.url)} for link in links_of(request)
                ],
                "docs": whole(reverse("docs")),
                "rule_language": whole(reverse("rule-language")),
                "openapi": whole(reverse("schema")),
            }
        )


def links_of(request: Request, route: str = "", path: str = "/v1") -> list[Link]:
    """What lies one word below this route, of which the caller may make some call."""
    return [
        Link(title, word, f"{path}/{word}")
        for word, title, calls in _below(route)
        if any(may_call(request, call) for call in calls)
    ]


@functools.cache
def _below(route: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    return tuple(_words_below(_unnamed(route)))


def _words_below(route: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """The rest of each address, its title, and its calls: reading it, where it can be read."""
    patterns = [*participants.api.urls.urlpatterns, *programs.api.urls.urlpatterns]
    for pattern in patterns:
        assert isinstance(pattern, URLPattern)
        address = _unnamed(str(pattern.pattern))
        before, _, word = address.rpartition("/")
        # What only gathers others has no page, such as a participant's state.
        skipped = before.removesuffix("/state").removesuffix("/activity")
        if "<" in word or route not in (before, skipped):
            continue
        view: Any = pattern.callback
        actions = [view.actions["get"]] if "get" in view.actions else view.actions.values()
        calls = tuple(f"{view.cls.__name__}.{action}" for action in actions)
        rest = address.removeprefix(route).removeprefix("/")
        yield rest, view.initkwargs.get("name") or _titled(word), calls


def _unnamed(route: str) -> str:
    """The route without the names of its parameters: `programs/<id:pk>` is `programs/<id>`."""
    return re.sub(r"<(\w+):\w+>", r"<\1>", route)


def _titled(word: str) -> str:
    return word.replace("-", " ").capitalize()
