"""The zone that the admin's pages show times in: one that the user chose, else that of the program that a page is about."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from programs import reader
from programs.models import Program
from programs.models.programs import time_zones

CHOSEN = "time_zone"  # in the session
# Which programs a page of one row is about.
_ABOUT = {"programs_program": "pk", "programs_rule": "rules", "programs_tiertrack": "tier_tracks"}


class ReaderMiddleware:
    """Writes the times and numbers of the admin for whoever reads them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/admin/"):
            return self.get_response(request)
        with reader.reading(request.headers.get("Accept-Language", ""), chosen(request)):
            return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        match = request.resolver_match
        if match is None or "admin" not in match.namespaces or chosen(request):
            return
        about = _ABOUT.get("_".join((match.url_name or "").split("_")[:2]))
        pk = kwargs.get("object_id")
        if not (about and pk and request.user.is_authenticated):
            return
        if (name := _zone(about, pk)) in time_zones():
            timezone.activate(name)


def chosen(request: HttpRequest) -> str | None:
    """The zone that the user chose, None without one or where it is known no more."""
    name = request.session.get(CHOSEN)
    return name if name in time_zones() else None


def _zone(about: str, pk: str) -> str:
    try:
        programs = Program.objects.filter(**{about: pk})
        return programs.values_list("time_zone", flat=True).first() or ""
    except (ValidationError, ValueError):  # an address that names nothing
        return ""


class ZoneForm(forms.Form):
    """The choice of a zone; none is the one that pages have by themselves."""

    zone = forms.ChoiceField(
        required=False,
        label="Time zone",
        help_text="In which every page shows and reads times. Times are stored in UTC.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(name, name.replace("_", " ")) for name in sorted(time_zones())]
        self.fields["zone"].choices = [  # type: ignore[attr-defined]
            ("", "That of the program, else the installation's"),
            *names,
        ]


def zone_page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """A page to choose the zone, which leads back to where it was asked for."""
    form = ZoneForm(request.POST or None, initial={"zone": chosen(request) or ""})
    asked = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(asked, {request.get_host()}, request.is_secure())
    back = asked if is_ours else "/admin/"
    if request.method == "POST" and form.is_valid():
        request.session[CHOSEN] = form.cleaned_data["zone"]
        name = form.cleaned_data["zone"] or "the program's, else the installation's"
        messages.success(request, f"Times are shown in the zone {name}.")
        return HttpResponseRedirect(back)
    context = {**site.each_context(request), "title": "Time zone", "form": form, "next": back}
    return TemplateResponse(request, "admin/time_zone.html", context)
