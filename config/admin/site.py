"""The admin's site: its name, and the menu that stands beside every page."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path

OURS = ("participants", "programs")
# The menu's order. Other pages of ours follow; those of Django and its libraries stand at the end, as administration.
ORDER = (
    "Participant",
    "Event",
    "JournalEntry",
    "Enrollment",
    "StateChange",
    "Program",
    "Rule",
    "Asset",
    "TierTrack",
    "ApiKey",
    "Job",
)
NAMES = {"JournalEntry": "Journal", "TierTrack": "Tiers", "ApiKey": "API keys"}


class Entry(NamedTuple):
    """A line of the menu."""

    name: str
    url: str
    is_current: bool


class Site(AdminSite):
    site_header = "Laurel"
    site_title = "Laurel"
    index_title = "Administration"
    site_url = None
    enable_nav_sidebar = False  # the menu is ours

    def get_urls(self) -> list[Any]:
        # Imported here: the site is made before the pages that it finds in.
        from config.admin.find import find
        from config.admin.zones import zone_page
        from programs.admin import saved_views

        pages: list[tuple[str, Callable[..., HttpResponse], str]] = [
            ("find/", partial(find, self), "find"),
            ("time-zone/", partial(zone_page, self), "time-zone"),
            ("views/save/", saved_views.save, "save_view"),
            ("views/<uuid:view_id>/delete/", saved_views.delete, "delete_view"),
        ]
        ours = [path(route, self.admin_view(view), name=name) for route, view, name in pages]
        return [*ours, *super().get_urls()]

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        from participants.admin import home

        context = {**self.each_context(request), "title": "Home", **home.context(request)}
        return TemplateResponse(request, "admin/home.html", {**context, **(extra_context or {})})

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        return context | {"menu": _menu(context["available_apps"], request.path)}


def _menu(apps: list[dict[str, Any]], path: str) -> list[tuple[str, list[Entry]]]:
    """Return the menu's groups with their headings, of what the user may see."""
    groups: dict[str, list[dict[str, Any]]] = {"": [], "Administration": []}
    for app in apps:
        group = "" if app["app_label"] in OURS else "Administration"
        groups[group] += [model for model in app["models"] if model["admin_url"]]
    groups[""].sort(key=_place)
    return [
        (heading, [_entry(model, path) for model in models])
        for heading, models in groups.items()
        if models
    ]


def _place(model: dict[str, Any]) -> int:
    name = model["object_name"]
    return ORDER.index(name) if name in ORDER else len(ORDER)


def _entry(model: dict[str, Any], path: str) -> Entry:
    url = model["admin_url"]
    name = NAMES.get(model["object_name"], model["name"])
    return Entry(name, url, path.startswith(url))
