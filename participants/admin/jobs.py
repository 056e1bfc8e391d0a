"""Jobs: their list, and the page of each with its progress, report and files."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote as quoted
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from participants import jobs
from participants.admin import job_reports, replays, track_previews
from participants.admin.lists import ReadOnlyAdmin
from participants.api.permissions import allows_job
from participants.exceptions import JobFinished
from participants.jobs import KINDS
from participants.models import Job, JobStatus
from programs.admin import is_id
from programs.api.callers import actor_of
from programs.kernel import exact_json
from programs.reader import moment_tag

BADGES: Final = {
    JobStatus.WAITING: "neutral",
    JobStatus.RUNNING: "warn",
    JobStatus.COMPLETED: "good",
    JobStatus.FAILED: "bad",
    JobStatus.CANCELLED: "neutral",
}


class MineFilter(admin.SimpleListFilter):
    title = "who asked"
    parameter_name = "mine"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "I did")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(user_id=request.user.pk) if self.value() else queryset


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in JobStatus.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(status=self.value()) if self.value() else queryset


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin[Job]):
    """Everybody sees the jobs that they asked for; the permission to view jobs shows those of others too."""

    list_display = ["title", "badge", "progress", "program", "requested_by", "when"]
    list_filter = [MineFilter, StatusFilter]
    list_select_related = ["program"]
    sortable_by = ()

    @admin.display(description="Status")
    def badge(self, job: Job) -> SafeString:
        kind = BADGES[JobStatus(job.status)]
        return format_html('<span class="badge {}">{}</span>', kind, job.get_status_display())

    @admin.display(description="Progress")
    def progress(self, job: Job) -> str:
        return f"{job.done:,} of {job.total:,}" if job.total is not None else "-"

    @admin.display(description="Asked")
    def when(self, job: Job) -> Any:
        return moment_tag(job.created_at)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        if request.user.has_perm("participants.view_job"):
            return True
        if obj is not None:
            return obj.user_id == request.user.pk
        return any(allows_job(request, kind) for kind in KINDS.values())

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        jobs = super().get_queryset(request).select_related("program").defer("state", "report")
        may_see_all = request.user.has_perm("participants.view_job")
        return jobs if may_see_all else jobs.filter(user_id=request.user.pk)

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        return {**super().get_model_perms(request), "view": self.has_view_permission(request)}

    def get_urls(self) -> list[URLPattern]:
        def view(page: Callable[..., HttpResponseBase], **options: Any) -> Any:
            return self.admin_site.admin_view(page, **options)

        return [
            path("<uuid:pk>/cancel/", view(require_POST(self.cancel)), name="participants_job_cancel"),
            path("<uuid:pk>/files/<str:name>", view(self.file), name="participants_job_file"),
            path("replay/rule/", view(require_POST(replays.of_rule)), name="participants_job_replay_rule"),
            path("replay/program/<uuid:pk>/", view(replays.of_program), name="participants_job_replay_program"),
            path("preview/track/", view(require_POST(track_previews.of_track)), name="participants_job_preview_track"),
            *super().get_urls(),
        ]  # fmt: skip

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        job = self._found(request, object_id)
        kind = KINDS.get(job.kind)
        may_read = kind is not None and allows_job(request, kind)
        report = job.report if may_read else None
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": job.title,
            "media": self.media,
            "job": job,
            "kind": kind.label if kind else job.kind,
            "badge": BADGES[JobStatus(job.status)],
            "progress": self.progress(job),
            "may_read": may_read,
            "may_cancel": not job.is_finished and self._may_cancel(request, job),
            "files": _files(job) if may_read else [],
            **job_reports.context(request, job.kind, report),
            "report_text": _text(report) if report is not None else "",
        }
        return TemplateResponse(request, "admin/participants/job/page.html", context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(page_of(object_id))

    def cancel(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        job = self._found(request, str(pk))
        if not self._may_cancel(request, job):
            raise PermissionDenied
        try:
            jobs.cancel(pk, by=actor_of(request))
        except JobFinished as refusal:
            messages.warning(request, refusal.message)
        else:
            messages.success(request, "The job is cancelled. What its steps have done stays.")
        return HttpResponseRedirect(page_of(pk))

    def file(self, request: HttpRequest, pk: UUID, name: str) -> HttpResponseBase:
        job = self._found(request, str(pk))
        kind = KINDS.get(job.kind)
        if kind is None or not allows_job(request, kind):
            raise PermissionDenied
        numbers = list(job.parts.filter(name=name).values_list("number", flat=True))
        if "\0" in name or not numbers:
            raise Http404("The job has no such file.")
        # One part at a time: a file may be longer than memory.
        parts = (bytes(job.parts.get(name=name, number=number).content) for number in numbers)
        return StreamingHttpResponse(
            parts,
            content_type="application/octet-stream",
            headers={
                "Content-Disposition": f"attachment; filename*=UTF-8''{quoted(name)}",
                "Cache-Control": "no-store",
            },
        )

    def _found(self, request: HttpRequest, object_id: str | None) -> Job:
        if object_id is None or not is_id(object_id):
            raise Http404("There is no such job.")
        job = Job.objects.select_related("program").defer("state").filter(pk=object_id).first()
        if job is None:
            raise Http404("There is no such job.")
        if not self.has_view_permission(request, job):
            raise PermissionDenied
        return job

    def _may_cancel(self, request: HttpRequest, job: Job) -> bool:
        may_any = request.user.has_perm("participants.change_job")
        return may_any or job.user_id == request.user.pk


def page_of(pk: Any) -> str:
    return reverse("admin:participants_job_change", args=[pk])


def _files(job: Job) -> list[str]:
    return list(job.parts.filter(number=1).values_list("name", flat=True))


def _text(report: Any) -> str:
    return exact_json.dumps(report).decode()
