"""Events, to read and to retry. Nobody adds, changes or deletes one by hand."""

import time
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import quote, unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from participants.admin import outcomes, words
from participants.admin.filters import (
    DaysFilter,
    EventRuleFilter,
    ExternalIdFilter,
    ProgramFilter,
    RuleErrorsFilter,
)
from participants.admin.lists import ReadOnlyAdmin, SiftedChangeList, time_column
from participants.api.permissions import allows
from participants.events.retry import KINDS, retry, retry_each
from participants.models import Event, EventQuerySet, EventRetry, EventStatus
from programs.admin.base import is_id, named
from programs.api.callers import actor_of
from programs.kernel import exact_json
from programs.kernel.exceptions import DomainError
from programs.models import Program
from programs.reader import moment, moment_tag

SHOWN_RETRIES = 20
MOST_COUNTED = 10_000
RETRYING_SECONDS = 5.0  # in one request; `manage.py retry_events` is for millions
SHOWN_DATA = 100_000  # characters; the API returns all of it
EVENTS = "admin:participants_event_changelist"


class EventChangeList(SiftedChangeList):
    most_looked_at = 5_000  # outcomes are long

    def get_queryset(self, request: HttpRequest, *args: Any) -> QuerySet[Event]:
        found: QuerySet[Event] = super().get_queryset(request, *args)
        return found.defer("data")  # up to a megabyte each

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        reader = outcomes.Reader.of(request, self.result_list)
        for event in self.result_list:
            event.summary = outcomes.summary(event, reader.symbols, reader.may_see_balances)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin[Event]):
    list_display = ["received", "key", "whose_in", "state", "what_came_of_it"]
    list_filter = [
        "status", RuleErrorsFilter, ProgramFilter, EventRuleFilter, ExternalIdFilter, DaysFilter,
    ]  # fmt: skip
    list_select_related = ["participant", "program"]
    lookups: ClassVar[frozenset[str]] = frozenset(DaysFilter.parameters)
    sortable_by = ()
    search_fields = ["idempotency_key"]
    search_help_text = "A whole event id or idempotency key. With a program selected, the beginning of a key is enough."
    actions = ["try_again"]
    fieldsets = [
        (None, {"fields": ["state", "whose", "program", "idempotency_key", "happened_at"]}),
        ("Record", {"fields": ["received_at", "ended_at", "created_by", "attempts", "tried_next_at", "sequence", "id"]}),
    ]  # fmt: skip
    readonly_fields = ["state", "whose", "happened_at", "received_at", "ended_at", "tried_next_at"]

    happened_at = time_column("event_timestamp", "Happened at")
    received_at = time_column("created_at", "Received at")
    ended_at = time_column("processed_at", "Processed at")
    tried_next_at = time_column("next_attempt_at", "Next attempt at")

    class Media:
        css = {"all": ["participants/admin.css"]}

    @admin.display(description="Received")
    def received(self, event: Event) -> SafeString | str:
        return moment_tag(event.created_at)

    @admin.display(description="Key")
    def key(self, event: Event) -> SafeString:
        happened = f"happened {moment(event.event_timestamp)}"
        return format_html("{}{}", event.idempotency_key, _beneath(happened))

    @admin.display(description="Participant")
    def whose_in(self, event: Event) -> SafeString:
        return format_html("{}{}", self.whose(event), _beneath(f"in {event.program}"))

    @admin.display(description="Status")
    def state(self, event: Event) -> SafeString:
        mark, word = event.status.lower(), EventStatus(event.status).label
        errors = (
            _beneath(words.counted(event.rule_errors, "rule error")) if event.rule_errors else ""
        )
        tries = _beneath(_tries(event)) if event.attempts else ""
        return format_html('<span class="event-status {}">{}</span>{}{}', mark, word, errors, tries)

    @admin.display(description="Outcome")
    def what_came_of_it(self, event: Event) -> str:
        return str(getattr(event, "summary", ""))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        # The page of a single event shows them too.
        return super().get_queryset(request).select_related("participant", "program")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return EventChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        """Try one kind of match after another, each by its own index."""
        term = search_term.replace("\0", "").strip()
        if not term:
            return queryset, False
        if is_id(term) and Event.objects.filter(pk=UUID(term)).exists():
            return queryset.filter(pk=UUID(term)), False
        # The index on keys begins with the program. Without one, look in each: there are few.
        if is_id(request.GET.get(ProgramFilter.parameter_name) or ""):
            beginning = queryset.filter(idempotency_key__startswith=term)
            return beginning.order_by("idempotency_key"), False
        programs = list(Program.objects.order_by().values_list("pk", flat=True))
        return queryset.filter(program__in=programs, idempotency_key=term), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may_retry = self.has_retry_permission(request)
        return super().changelist_view(request, {**(extra_context or {}), "may_retry": may_retry})

    def page_context(self, request: HttpRequest, obj: Event) -> dict[str, Any]:
        reader = outcomes.Reader.of(request, [obj])
        sees = reader.may_see_balances
        may_retry = obj.is_retryable and self.has_retry_permission(request)
        return {
            "summary": outcomes.summary(obj, reader.symbols, sees),
            "failure": outcomes.failure(obj, sees),
            "rule_errors": outcomes.rule_errors(obj, sees),
            "rules": outcomes.rule_descriptions(obj, reader),
            "tiers": outcomes.tier_descriptions(obj),
            "omitted_rules": outcomes.omitted_rules(obj),
            "payload": _pretty(obj.data),
            "retries": EventRetry.objects.filter(participant=obj.participant_id, event_id=obj.pk)[
                :SHOWN_RETRIES
            ],
            **({"retry_url": _page_of(obj.pk, "retry")} if may_retry else {}),
        }

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.retry_view)
        all_view = self.admin_site.admin_view(self.retry_all_view)
        ours = [
            path("retry/", all_view, name="participants_event_retry_all"),
            path("<path:object_id>/retry/", view, name="participants_event_retry"),
        ]
        return [*ours, *super().get_urls()]

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # Nobody changes an event; its page says who retried it.
        page = "admin:participants_event_change"
        return HttpResponseRedirect(reverse(page, args=[object_id]))

    def retry_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not self.has_retry_permission(request):
            raise PermissionDenied
        event = self.get_object(request, unquote(object_id))
        if event is None:
            raise Http404("There is no such event.")
        # Signing in again on the way turns the button's POST into a GET.
        if request.method == "POST":
            try:
                retry(event.pk, by=actor_of(request))
                self.message_user(request, f"The event {event} will be retried.", messages.SUCCESS)
            except DomainError as refusal:
                self.message_user(request, refusal.message, messages.ERROR)
        return HttpResponseRedirect(_page_of(event.pk, "change"))

    def retry_all_view(self, request: HttpRequest) -> HttpResponse:
        """Retry the events of the list's filters, after a page that says how many they are."""
        if not self.has_retry_permission(request):
            raise PermissionDenied
        try:
            chosen = self.get_changelist_instance(request).queryset.select_related(None)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(reverse(EVENTS))
        back = f"{reverse(EVENTS)}?{request.GET.urlencode()}"
        before, is_confirmed = _moment_of(request)
        if is_confirmed and self._retry_all(request, chosen, before):
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Retry events",
            "counts": [
                _counted(chosen.retryable().filter(kind, processed_at__lt=before)) for kind in KINDS
            ],
            "before": before.isoformat(),
            "back_url": back,
        }
        return TemplateResponse(request, "admin/participants/event/retry_all.html", context)

    def _retry_all(self, request: HttpRequest, chosen: EventQuerySet, before: datetime) -> bool:
        """Retry until all are, or the time for one request is up; return whether all are."""
        until = time.monotonic() + RETRYING_SECONDS
        retried = left_out = 0
        is_done = True
        for page in retry_each(chosen, before=before, by=actor_of(request)):
            retried, left_out = retried + len(page.ids), left_out + page.left_out
            if time.monotonic() > until:
                is_done = False
                break
        # Whether they succeed is not known yet, and those that fail again come back into the list.
        self.message_user(request, f"{retried} will be retried.", messages.INFO)
        if left_out:
            text = f"{left_out} left out: their program or enrollment is not active."
            self.message_user(request, text, messages.WARNING)
        return is_done

    @admin.action(description="Retry selected events", permissions=["retry"])
    def try_again(self, request: HttpRequest, chosen: QuerySet[Event]) -> None:
        retried = []
        for event in chosen.defer("data", "outcome").order_by("created_at", "id"):
            try:
                retry(event.pk, by=actor_of(request))
                retried.append(event)
            except DomainError as refusal:
                self.message_user(request, f"{event}: {refusal.message}", messages.ERROR)
        if retried:
            self.message_user(request, f"Will be retried: {named(retried)}.")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return allows(request, "EventViewSet.retry")


def _moment_of(request: HttpRequest) -> tuple[datetime, bool]:
    """When the page of confirmation was shown, and whether this call confirms it. Events that fail later are not meant."""
    try:
        return datetime.fromisoformat(request.POST["before"]).astimezone(UTC), True
    except (KeyError, ValueError, OverflowError):
        return timezone.now(), False


def _counted(events: EventQuerySet) -> str:
    """How many events these are, up to a number that is counted in a moment."""
    count = events.order_by()[: MOST_COUNTED + 1].count()
    return f"{count:,}" if count <= MOST_COUNTED else f"more than {MOST_COUNTED:,}"


def _beneath(text: str) -> SafeString:
    return format_html(' <div class="event-beneath">{}</div>', text)


def _tries(event: Event) -> str:
    """ "failed 2 times unexpectedly, next attempt 2026-01-15 10:30:00 UTC" """
    times = "once" if event.attempts == 1 else f"{event.attempts} times"
    at = event.next_attempt_at
    following = f", next attempt {moment(at)}" if at else ""
    return f"failed {times} unexpectedly{following}"


def _pretty(data: Any) -> str:
    """Format JSON over several lines, with each number as it is stored."""
    text = msgspec.json.format(exact_json.dumps(data), indent=2).decode()
    return text if len(text) <= SHOWN_DATA else f"{text[:SHOWN_DATA]}\n… (cut here)"


def _page_of(event_id: UUID, name: str) -> str:
    return reverse(f"admin:participants_event_{name}", args=[quote(event_id)])
