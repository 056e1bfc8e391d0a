from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from participants import state
from participants.admin import columns, overview, words
from participants.admin.adjust import adjust_page
from participants.admin.counters import counter_page
from participants.admin.enrollments import enroll_page, warn_of_reactivation
from participants.admin.filters import BalanceFilter, EnrolledInFilter, TagFilter, TierFilter
from participants.admin.forms import (
    EnrollForm,
    EnrollmentFormSet,
    EnrollmentRowForm,
    ParticipantForm,
)
from participants.admin.lists import LargeTableAdmin, SiftedChangeList
from participants.admin.status import VERBS, status_page
from participants.admin.subpages import page_of
from participants.admin.tags import tags_page
from participants.admin.tiers import tier_page
from participants.api.permissions import ENROLLING
from participants.exceptions import NotAllowed
from participants.models import (
    PROFILE_FIELDS,
    Enrollment,
    Participant,
    ParticipantQuerySet,
    ParticipantStatus,
)
from programs.admin.base import named
from programs.admin.verb_pages import VerbAdmin, VerbForm
from programs.api.callers import actor_of
from programs.kernel import exact_json
from programs.reader import moment

PER_PAGE = 50
EVERYWHERE = (
    "everywhere"  # the parameter of a search through names and addresses, whatever ids begin so
)


class EnrollmentInline(admin.TabularInline[Enrollment, Participant]):
    model = Enrollment
    form = EnrollmentRowForm
    formset = EnrollmentFormSet  # type: ignore[assignment]
    fields = ["program", "status", "since", "changed"]
    readonly_fields = ["since", "changed"]
    extra = 0
    can_delete = False
    verbose_name = "enrollment"
    verbose_name_plural = "enrollments"

    # Not the fields themselves: for a blank row Django would show the database default as an object.
    @admin.display(description="Since")
    def since(self, enrollment: Enrollment) -> str:
        return "" if enrollment._state.adding else moment(enrollment.created_at)

    @admin.display(description="Changed")
    def changed(self, enrollment: Enrollment) -> str:
        return "" if enrollment._state.adding else moment(enrollment.updated_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Enrollment]:
        return super().get_queryset(request).select_related("program")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "program" and field:
            widget: Any = field.widget  # its links to add and edit programs belong on other pages
            widget.can_add_related = widget.can_change_related = widget.can_view_related = False
        return field

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _set_status(status: ParticipantStatus) -> Callable[..., None]:
    label, done = VERBS[status]

    @admin.action(description=f"{label} selected participants", permissions=["change"])
    def action(
        page: "ParticipantAdmin", request: HttpRequest, chosen: QuerySet[Participant]
    ) -> None:
        page.change_each(request, chosen, state.Change(status=status), done.capitalize())

    action.__name__ = label.lower()
    return action


class ParticipantChangeList(SiftedChangeList):
    """Searched by the beginning of ids alone where more people than a page shows have such an id: words that nearly all
    share are in all of the index. The list says so, and offers to look for the words.
    """

    switches = SiftedChangeList.switches | {EVERYWHERE}
    beginning = ""

    def get_queryset(self, request: HttpRequest, *args: Any) -> QuerySet[Participant]:
        term = _term(self.query)
        begin = Participant.objects.filter(external_id__startswith=term).order_by("external_id")
        is_common = term and EVERYWHERE not in self.params and begin[PER_PAGE : PER_PAGE + 1]
        if not is_common:
            found: QuerySet[Participant] = super().get_queryset(request, *args)
            return found
        self.beginning, self.query = term, ""  # which would be searched for
        found = super().get_queryset(request, *args).filter(external_id__startswith=term)
        self.query = self.beginning
        return found if self.looked_back_to else found.order_by("external_id")

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        shown = columns.read(request, self.result_list)
        for person in self.result_list:
            person.columns = shown

    @property
    def everywhere_url(self) -> str:
        return self.get_query_string({EVERYWHERE: "1"})


def _term(text: str) -> str:
    return text.replace("\0", "").strip()[:255]


def _columns(participant: Any) -> columns.Columns:
    """What was read for the rows of the page."""
    found: columns.Columns = participant.columns
    return found


def _lines(texts: Sequence[str]) -> SafeString:
    return format_html_join("", '<span class="in-cell">{}</span>', ((text,) for text in texts))


@admin.register(Participant)
class ParticipantAdmin(VerbAdmin[Participant], LargeTableAdmin[Participant]):
    form = ParticipantForm
    inlines = [EnrollmentInline]
    list_per_page = PER_PAGE
    list_display = [
        "external_id", "name", "email", "status", "tiers", "balances", "tagged", "last_activity", "created_at",
    ]  # fmt: skip
    list_filter = ["status", EnrolledInFilter, TierFilter, TagFilter, BalanceFilter]
    lookups = frozenset(BalanceFilter.parameters[1:])
    number_columns = frozenset({"balances"})
    sortable_by = ["external_id", "created_at"]
    search_fields = ["external_id", *PROFILE_FIELDS]
    search_help_text = "Words, each of which is part of an id, email address, phone number or name. Fewer than three letters match the beginning of an id."
    actions = [
        _set_status(ParticipantStatus.SUSPENDED),
        _set_status(ParticipantStatus.ACTIVE),
        _set_status(ParticipantStatus.CLOSED),
        "enroll",
    ]
    asks_itself = VerbAdmin.asks_itself | {"enroll"}

    class Media:
        css = {"all": ["participants/admin.css"]}

    @admin.display(description="Name", empty_value="")
    def name(self, participant: Participant) -> str:
        return words.person(participant)

    @admin.display(description="Tier", empty_value="")
    def tiers(self, participant: Participant) -> SafeString:
        return _lines(columns.shortened(_columns(participant).tiers.get(participant.pk, [])))

    @admin.display(description="Available", empty_value="")
    def balances(self, participant: Participant) -> SafeString:
        return _lines(columns.shortened(_columns(participant).balances.get(participant.pk, [])))

    @admin.display(description="Tags", empty_value="")
    def tagged(self, participant: Participant) -> SafeString:
        return _lines(columns.shortened(participant.tags))

    @admin.display(description="Last activity", empty_value="")
    def last_activity(self, participant: Participant) -> str:
        return moment(_columns(participant).last_activity.get(participant.pk))

    @admin.display(description="Tags")
    def shown_tags(self, participant: Participant) -> SafeString:
        tags = ((tag,) for tag in participant.tags)
        return format_html_join(" ", '<span class="tag">{}</span>', tags)

    @admin.display(description="Attributes")
    def shown_attributes(self, participant: Participant) -> SafeString:
        rows = (
            (key, value if isinstance(value, str) else exact_json.dumps(value).decode())
            for key, value in participant.attributes.items()
        )
        return format_html_join("", "<div><b>{}</b>: {}</div>", rows)

    def get_fieldsets(self, request: HttpRequest, obj: Participant | None = None) -> Any:
        editable = not obj or self.has_change_permission(request, obj)
        state_fields = ["tags", "attributes"] if editable else ["shown_tags", "shown_attributes"]
        sets = [
            (None, {"fields": ["external_id", "status"]}),
            ("Profile", {"fields": PROFILE_FIELDS}),
            ("Tags and attributes", {"fields": state_fields}),
        ]
        return [*sets, ("Record", {"fields": ["id", "created_at", "updated_at"]})] if obj else sets

    def get_readonly_fields(
        self, request: HttpRequest, obj: Participant | None = None
    ) -> list[str]:
        fixed = ["id", "created_at", "updated_at", "shown_tags", "shown_attributes"]
        return ["external_id", *fixed] if obj else fixed

    def get_list_display(self, request: HttpRequest) -> Any:
        hidden = {
            "balances": not columns.sees_balances(request),
            "tiers": not columns.sees_tiers(request),
            "last_activity": not columns.sees_events(request),
        }
        return [name for name in self.list_display if not hidden.get(str(name))]

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        hidden: dict[Any, bool] = {
            BalanceFilter: not columns.sees_balances(request),
            TierFilter: not columns.sees_tiers(request),
        }
        return [each for each in self.list_filter if not hidden.get(each)]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ParticipantChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Participant], search_term: str
    ) -> tuple[QuerySet[Participant], bool]:
        term = _term(search_term)
        if term and isinstance(queryset, ParticipantQuerySet):
            queryset = queryset.matching(term)
        return queryset, False

    def carry_out(
        self,
        request: HttpRequest,
        form: ParticipantForm,
        formsets: list[EnrollmentFormSet],
        obj: Participant | None,
    ) -> Participant | None:
        rows = [row for formset in formsets for row in formset.edited]
        results = state.change_in_turn(
            [form.change, *(row.change for row in rows)],
            to=obj.pk if obj else form.external_id,
            by=actor_of(request),
            rights=state.Rights(may_create=obj is None, may_change=obj is not None),
        )
        parts: list[VerbForm[Any]] = [form, *rows]
        refused = parts[len(results) - 1]
        if isinstance(results[-1].refusal, NotAllowed):
            refused.add_error("external_id", "A participant with this external_id already exists.")
        elif results[-1].refusal:
            refused.add_refusal(results[-1].refusal)
        else:
            for row in rows:
                program = row.cleaned_data.get("program") or row.instance.program
                warn_of_reactivation(request, program, row.cleaned_data["status"])
            return Participant.objects.get(pk=results[-1].participant_id)
        return None

    def page_context(self, request: HttpRequest, obj: Participant) -> dict[str, Any]:
        return {
            "name": words.person(obj),
            "title": "Edit",
            "status_badge": overview.STATUS_BADGES[ParticipantStatus(obj.status)],
            "overview_url": page_of(obj.pk, "change"),
        }

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the overview, to which every link to a participant leads; the form has a tab of its own."""
        participant = self.get_object(request, unquote(object_id))
        if participant is None:
            return self.edit_view(request, object_id)  # which says so
        if not self.has_view_or_change_permission(request, participant):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": str(participant),
            "opts": self.opts,
            "media": self.media,
            "original": participant,
            "edit_url": page_of(participant.pk, "edit"),
            **overview.context(request, participant),
        }
        return TemplateResponse(request, "admin/participants/participant/overview.html", context)

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.changeform_view(request, object_id)

    def response_post_save_change(
        self, request: HttpRequest, obj: Participant
    ) -> HttpResponseRedirect:
        return HttpResponseRedirect(page_of(obj.pk, "change"))

    def response_post_save_add(
        self, request: HttpRequest, obj: Participant
    ) -> HttpResponseRedirect:
        return HttpResponseRedirect(page_of(obj.pk, "change"))

    def get_urls(self) -> list[URLPattern]:
        pages: list[tuple[str, Callable[..., HttpResponse], str]] = [
            ("adjust/", adjust_page, "adjust"),
            ("status/", status_page, "status"),
            ("tags/", tags_page, "tags"),
            ("enroll/", enroll_page, "enroll"),
            ("counter/", counter_page, "counter"),
            ("tiers/<str:track_id>/", tier_page, "tier"),
        ]
        ours = [
            path(
                f"<path:object_id>/{route}",
                self.admin_site.admin_view(partial(self.page_below, view)),
                name=f"participants_participant_{name}",
            )
            for route, view, name in pages
        ]
        edit = path(
            "<path:object_id>/edit/",
            self.admin_site.admin_view(self.edit_view),
            name="participants_participant_edit",
        )
        return [*ours, edit, *super().get_urls()]

    def page_below(
        self, view: Callable[..., HttpResponse], request: HttpRequest, object_id: str, **more: str
    ) -> HttpResponse:
        return view(self, request, unquote(object_id), **more)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # Django's history knows only that something was saved here, not what changed.
        return HttpResponseRedirect(f"{page_of(UUID(unquote(object_id)), 'change')}#timeline")

    def change_each(
        self, request: HttpRequest, chosen: QuerySet[Participant], change: state.Change, done: str
    ) -> None:
        """Make the same change to all selected rows, at most one page of them, and say what was `done` to whom."""
        people = list(chosen.order_by("external_id"))
        results = state.change_each([(each.pk, change) for each in people], by=actor_of(request))
        outcomes = list(zip(people, results, strict=True))
        changed = [who for who, result in outcomes if result.changed and not result.refusal]
        same = [who for who, result in outcomes if not result.changed and not result.refusal]
        if changed:
            self.message_user(request, f"{done}: {named(changed)}.", messages.SUCCESS)
        if same:
            self.message_user(request, f"Was so already: {named(same)}.")
        refused: dict[str, list[Participant]] = {}
        for who, result in outcomes:
            if result.refusal:
                refused.setdefault(result.refusal.message, []).append(who)
        for message, whose in refused.items():
            self.message_user(request, f"{named(whose)}: {message}", messages.ERROR)

    def has_enroll_permission(self, request: HttpRequest) -> bool:
        return ENROLLING.staff_may(request)

    @admin.action(description="Enroll selected participants in a program", permissions=["enroll"])
    def enroll(self, request: HttpRequest, chosen: QuerySet[Participant]) -> HttpResponse | None:
        form = EnrollForm(request.POST if "program" in request.POST else None)
        if form.is_valid():
            program = form.cleaned_data["program"]
            change = state.Change(program_id=program.pk)
            self.change_each(request, chosen, change, f"Enrolled in {program}")
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": "Enroll participants in a program",
            "opts": self.opts,
            "media": self.media + form.media,
            "form": form,
            "chosen": list(chosen),
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/participants/participant/enroll.html", context)
