"""What a tier track would do as its form has it: counted at once, or by a job where many take part."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.forms.formsets import all_valid
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from participants.api.permissions import allows_job
from participants.jobs import track_preview
from participants.models import Job
from programs.admin import is_id
from programs.api.callers import actor_of
from programs.models import TierTrack


def of_track(request: HttpRequest) -> HttpResponse:
    """Preview the track of the form that is posted; `track` in the address names a stored one.

    The script of the page asks for a fragment of it.
    """
    if not allows_job(request, track_preview.TRACK_PREVIEW):
        raise PermissionDenied
    track = _stored(request)
    page: Any = admin.site.get_model_admin(TierTrack)
    form, formsets, _ = page.forms_of(request, track)
    is_fragment = request.headers.get("X-Fragment") == "1"
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "opts": Job._meta,
        "title": "Preview of a tier track",
        "is_fragment": is_fragment,
    }
    if not (all_valid(formsets) & form.is_valid()):
        # To a script, it is an answer like others; a browser would complain of another status.
        status = 200 if is_fragment else 400
        return _shown(request, {**context, "errors": _errors(form, formsets)}, status=status)
    program = track.program if track else form.cleaned_data["program"]
    levels = formsets[0].levels
    report = track_preview.answer(program, track, levels)
    if report is not None:
        return _shown(request, {**context, "report": report})
    assert isinstance(request.user, User)
    name = form.cleaned_data["display_name"] or (track.key if track else form.cleaned_data["key"])
    job = track_preview.request(
        program,
        track,
        levels,
        title=f"Preview of the track “{name}” in {program}",
        by=actor_of(request),
        user=request.user,
    )
    url = reverse("admin:participants_job_change", args=[job.pk])
    if not is_fragment:
        return HttpResponseRedirect(url)
    return _shown(request, {**context, "job_url": url, "most": track_preview.ANSWERED_AT_ONCE})


def _stored(request: HttpRequest) -> TierTrack | None:
    track_id = request.GET.get("track", "")
    if not track_id:
        return None
    tracks = TierTrack.objects.current().select_related("program")
    track = tracks.filter(pk=UUID(track_id)).first() if is_id(track_id) else None
    if track is None:
        raise Http404("There is no such track.")
    return track


def _errors(form: Any, formsets: list[Any]) -> list[str]:
    errors = [f"{name}: {error}" for name, each in form.errors.items() for error in each]
    for formset in formsets:
        errors += [str(error) for error in formset.non_form_errors()]
        for level in formset.forms:
            name = level["key"].value() or "A level"
            errors += [f"{name}: {error}" for each in level.errors.values() for error in each]
    return errors


def _shown(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    part = "track_preview_part" if context["is_fragment"] else "track_preview_page"
    return TemplateResponse(request, f"admin/participants/job/{part}.html", context, status=status)
