"""The journal, to read and to export."""

from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from participants.admin import export, outcomes, words
from participants.admin.filters import (
    ActionFilter,
    ActorFilter,
    AssetFilter,
    DaysFilter,
    EntryRuleFilter,
    HappenedFilter,
    ProgramFilter,
)
from participants.admin.history import HAS_PARTICIPANT
from participants.admin.lists import ReadOnlyAdmin, UncountedChangeList, time_column
from participants.api.permissions import BALANCE_AFTER, allows
from participants.models import Event, JournalEntry, Participant
from programs.admin import is_id
from programs.kernel import exact_json
from programs.reader import amount, moment_tag

BY_SEQUENCE = ("-sequence", "-id")
# Each has an index of its own. Of two at once, one is looked for among the rows of the other, which may be all.
INDEXED = [ActionFilter, AssetFilter, ProgramFilter, EntryRuleFilter, ActorFilter]
WINDOWS = (30, 90, 365)  # days


class JournalChangeList(UncountedChangeList):
    """The journal; with two filters at once, of the last 30 days where it is not said of which."""

    window = 0  # days, 0 for all

    def get_queryset(self, request: HttpRequest, *args: Any) -> QuerySet[JournalEntry]:
        found: QuerySet[JournalEntry] = super().get_queryset(request, *args)
        narrowing = [each for each in INDEXED if request.GET.get(str(each.parameter_name))]
        bounds = (HAS_PARTICIPANT, *DaysFilter.parameters[:1])
        is_bound = self.query or any(request.GET.get(name) for name in bounds)
        if len(narrowing) < 2 or is_bound:
            return found
        self.window = WINDOWS[0]
        return found.filter(created_at__gte=_day_before(self.window))

    def wider(self) -> list[tuple[str, str]]:
        """The addresses of the list over longer windows."""
        return [
            (f"{days} days", self.get_query_string({"from": str(_day_before(days).date())}))
            for days in WINDOWS[1:]
        ]


def _day_before(days: int) -> datetime:
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days)


@admin.register(JournalEntry)
class JournalEntryAdmin(ReadOnlyAdmin[JournalEntry]):
    list_display = [
        "when", "whose", "what", "signed_amount", "program", "description", "created_by",
    ]  # fmt: skip
    number_columns = frozenset({"signed_amount"})
    list_filter = [*INDEXED, DaysFilter, HappenedFilter]
    list_select_related = ["participant", "asset", "program"]
    lookups: ClassVar[frozenset[str]] = frozenset(
        {HAS_PARTICIPANT, *DaysFilter.parameters, *HappenedFilter.parameters}
    )
    sortable_by = ()
    search_fields = ["participant__external_id"]
    search_help_text = "A participant's whole external_id, or the id of an event or entry."
    fields = [
        "id", "sequence", "recorded_at", "effective_at_shown", "whose", "what", "program", "asset", "exact_amount", "postings",
        "balances_after", "description", "created_by", "event_id", "rule_id", "idempotency_key", "requested", "hash",
    ]  # fmt: skip
    readonly_fields = [
        "recorded_at", "effective_at_shown", "whose", "what", "exact_amount", "postings", "balances_after", "requested", "hash",
    ]  # fmt: skip

    recorded_at = time_column("created_at", "Created at")
    effective_at_shown = time_column("happened_at", "Happened at")

    class Media:
        css = {"all": ["participants/admin.css"]}

    @admin.display(description="When")
    def when(self, entry: JournalEntry) -> SafeString:
        written_at, happened = moment_tag(entry.created_at), words.happened(entry)
        return format_html("{}<br><small>{}</small>" if happened else "{}", written_at, happened)

    @admin.display(description="What")
    def what(self, entry: JournalEntry) -> str:
        return words.action(entry)

    @admin.display(description="Amount")
    def signed_amount(self, entry: JournalEntry) -> str:
        return f"{words.signed_amount(entry)} {entry.asset.symbol}"

    @admin.display(description="Amount")
    def exact_amount(self, entry: JournalEntry) -> str:
        return f"{amount(entry.amount, entry.asset.scale)} {entry.asset.symbol}"

    @admin.display(description="Postings")
    def postings(self, entry: JournalEntry) -> SafeString:
        moved = amount(entry.amount, entry.asset.scale)
        rows = [(entry.get_source_display(), "-"), (entry.get_destination_display(), "+")]
        return format_html_join(
            "", "<div>{} {}{}</div>", ((account, sign, moved) for account, sign in rows)
        )

    @admin.display(description="Balances after it")
    def balances_after(self, entry: JournalEntry) -> SafeString:
        rows = (
            (name.capitalize(), amount(getattr(entry, name), entry.asset.scale))
            for name in ("available", "held", "deferred")
        )
        return format_html_join("", "<div>{}: {}</div>", rows)

    @admin.display(description="Request")
    def requested(self, entry: JournalEntry) -> str:
        return "-" if entry.request is None else exact_json.dumps(entry.request).decode()

    @admin.display(description="Hash")
    def hash(self, entry: JournalEntry) -> SafeString:
        return format_html("<code>{}</code>", bytes(entry.entry_hash).hex())

    def get_fields(self, request: HttpRequest, obj: JournalEntry | None = None) -> Any:
        hidden = () if allows(request, BALANCE_AFTER) else ("balances_after",)
        return [name for name in self.fields if name not in hidden]

    def get_queryset(self, request: HttpRequest) -> QuerySet[JournalEntry]:
        # The page of a single entry shows them too.
        return super().get_queryset(request).select_related("participant", "asset", "program")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return JournalChangeList

    def get_ordering(self, request: HttpRequest) -> list[str | Combinable]:
        # One participant's entries are numbered in chronological order, and an index serves that order.
        return [*BY_SEQUENCE] if HAS_PARTICIPANT in request.GET else ["-created_at", "-id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[JournalEntry], search_term: str
    ) -> tuple[QuerySet[JournalEntry], bool]:
        """Try one kind of match after another, each by its own index: an OR would read the whole table."""
        term = search_term.replace("\0", "").strip()
        if not term:
            return queryset, False
        whose = request.GET.get(HAS_PARTICIPANT, "")
        if is_id(whose) and (entry := _with_key(UUID(whose), term)):
            return queryset.filter(pk=entry), False
        found = Participant.objects.filter(external_id=term).values_list("pk", flat=True).first()
        if found:
            return queryset.filter(participant=found).order_by(*BY_SEQUENCE), False
        if not is_id(term):
            return queryset.none(), False
        if JournalEntry.objects.filter(pk=UUID(term)).exists():
            return queryset.filter(pk=UUID(term)), False
        return queryset.filter(event_id=UUID(term)), False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        return [
            path("export/", view, name="participants_journalentry_export"),
            *super().get_urls(),
        ]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Stream all entries of the filtered list as one CSV file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        back = reverse("admin:participants_journalentry_changelist")
        if any("\0" in value for _, values in request.GET.lists() for value in values):
            return HttpResponseRedirect(f"{back}?{ERROR_FLAG}=1")
        try:
            changes = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{back}?{ERROR_FLAG}=1")
        name = f"journal-{timezone.now():%Y-%m-%dT%H%M%S}Z.csv"
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        }
        lines = export.lines(changes.queryset, with_balances=allows(request, BALANCE_AFTER))
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)

    def page_context(self, request: HttpRequest, obj: JournalEntry) -> dict[str, Any]:
        return {
            "subtitle": f"{self.what(obj)} {self.signed_amount(obj)}",
            "event_url": _event_url(request, obj),
        }

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # An entry never changes, so it has no history.
        page = "admin:participants_journalentry_change"
        return HttpResponseRedirect(reverse(page, args=[object_id]))


def _event_url(request: HttpRequest, entry: JournalEntry) -> str:
    """Return the URL of the event that caused the entry; "" where there is none or the user may not see it."""
    if not entry.event_id or not allows(request, "EventViewSet.retrieve"):
        return ""
    # An entry names its event by a plain id, and that event may not exist here.
    is_here = Event.objects.filter(pk=entry.event_id).exists()
    return outcomes.event_page(entry.event_id) if is_here else ""


def _with_key(participant_id: UUID, key: str) -> UUID | None:
    mine = JournalEntry.objects.filter(participant=participant_id, idempotency_key=key)
    return mine.order_by().values_list("pk", flat=True).first()
