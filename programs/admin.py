"""The admin's pages of programs and API keys."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ERROR_FLAG, ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from programs import api_keys
from programs.actors import actor_of
from programs.models import ApiKey, ApiKeyQuerySet, Program, ProgramStatus, Scope

M = TypeVar("M", bound=Model)

admin.site.site_header = "Laurel"
admin.site.site_title = "Laurel"
admin.site.index_title = "Administration"

# Of the enrolments, which this app knows only as what refers to its programs.
ENROLLMENT_STATUSES = ("ACTIVE", "FROZEN", "LOCKED", "CLOSED")

HANDOVER = "issued_key"
HANDOVER_SECONDS = 60


def is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


class StrictAdmin(admin.ModelAdmin[M]):
    """Refuses the addresses and posts that Django's own would hand to PostgreSQL as they came."""

    # What the address of the list may ask for beside the filters. Django takes any field and any comparison: the digest
    # of a key letter by letter, or a regular expression that never ends.
    lookups: ClassVar[frozenset[str]] = frozenset()

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        filters = {
            getattr(each, "parameter_name", f"{each}__exact")
            for each in self.get_list_filter(request)
        }
        return lookup in self.lookups | filters

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # PostgreSQL takes no NUL in any text.
        if any("\0" in value for _, values in request.GET.lists() for value in values):
            return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")
        return super().changelist_view(request, extra_context)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {}  # Django's fills the fields from the address, with what they may be unable to show

    def response_action(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        posted = request.POST.copy()
        selected = posted.getlist(ACTION_CHECKBOX_NAME)
        posted.setlist(ACTION_CHECKBOX_NAME, [each for each in selected if is_id(each)])
        request.POST = posted  # type: ignore[assignment]
        return super().response_action(request, *args, **kwargs)


class ProgramChangeList(ChangeList):
    def get_queryset(self, request: HttpRequest, *args: Any) -> QuerySet[Program]:
        # Here, and not in the admin's queryset, which serves every key pressed in an autocomplete field.
        programs: QuerySet[Program] = super().get_queryset(request, *args)
        numbers = {f"enrolled_{status}": _enrolled(status) for status in ENROLLMENT_STATUSES}
        return programs.annotate(**numbers)


def _enrolled(status: str) -> Coalesce:
    same = Program.objects.filter(pk=OuterRef("pk"), enrollments__status=status).order_by()
    return Coalesce(
        Subquery(same.values("pk").annotate(n=Count("enrollments__status")).values("n")), 0
    )


def _enrolled_column(status: str) -> Callable[[Program], str]:
    @admin.display(description=f"{status.capitalize()} enrolments")
    def column(program: Program) -> str:
        return f"{getattr(program, f'enrolled_{status}'):,}"

    column.__name__ = f"enrolled_{status.lower()}"
    return column


def _set_status(status: ProgramStatus, label: str) -> Callable[..., None]:
    @admin.action(description=f"{label} selected programs", permissions=["change"])
    def action(page: "ProgramAdmin", request: HttpRequest, chosen: QuerySet[Program]) -> None:
        changing = list(chosen.exclude(status=status))
        chosen.exclude(status=status).update(status=status, updated_at=Now())
        for program in changing:
            page.log_change(request, program, f"Set the status to {status}.")
        page.message_user(request, f"{len(changing)} changed.")

    action.__name__ = label.lower()
    return action


class ProgramForm(forms.ModelForm[Program]):
    class Meta:
        model = Program
        fields = ["name", "description", "on_unknown_participant", "status"]
        widgets = {"description": forms.Textarea({"rows": 3, "class": "vLargeTextField"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # Two people who edit different fields must not undo each other, so the page carries what it showed.
            field.show_hidden_initial = not self.instance._state.adding


@admin.register(Program)
class ProgramAdmin(StrictAdmin[Program]):
    form = ProgramForm
    list_display = [
        "name",
        "status",
        *(_enrolled_column(status) for status in ENROLLMENT_STATUSES),
    ]
    list_filter = ["status"]
    show_facets = admin.ShowFacets.NEVER  # they would count the enrolments once more
    search_fields = ["name"]
    actions = [
        _set_status(ProgramStatus.ACTIVE, "Activate"),
        _set_status(ProgramStatus.SUSPENDED, "Suspend"),
        _set_status(ProgramStatus.ARCHIVED, "Archive"),
    ]

    class Media:
        css = {"all": ["programs/admin.css"]}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ProgramChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Program], search_term: str
    ) -> tuple[QuerySet[Program], bool]:
        if request.resolver_match and request.resolver_match.url_name == "autocomplete":
            # One chooses a program to enrol somebody in it, which the others refuse.
            queryset = queryset.filter(status=ProgramStatus.ACTIVE)
        return super().get_search_results(request, queryset, search_term.replace("\0", ""))

    def get_fields(self, request: HttpRequest, obj: Program | None = None) -> Any:
        fields = ["name", "description", "on_unknown_participant", "status"]
        return [*fields, "id", "created_at", "updated_at"] if obj else fields

    def get_readonly_fields(self, request: HttpRequest, obj: Program | None = None) -> list[str]:
        return ["id", "created_at", "updated_at"]

    def save_model(
        self, request: HttpRequest, obj: Program, form: ProgramForm, change: bool
    ) -> None:
        if not change:
            obj.save()
        elif form.changed_data:
            obj.save(update_fields=[*form.changed_data, "updated_at"])

    def has_delete_permission(self, request: HttpRequest, obj: Program | None = None) -> bool:
        return False  # archive it instead


class ApiKeyForm(forms.ModelForm[ApiKey]):
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, scope.value) for scope in Scope],
        widget=forms.CheckboxSelectMultiple,
        help_text="What the key may do. It cannot be changed later.",
    )

    class Meta:
        model = ApiKey
        fields = ["name", "scopes", "expires_at"]

    def clean_expires_at(self) -> datetime | None:
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if expires_at and expires_at <= timezone.now():
            raise forms.ValidationError("Give a time to come.")
        return expires_at


class RotateForm(forms.Form):
    overlap = forms.TypedChoiceField(
        choices=[(0, "It stops at once"), (1, "1 hour"), (24, "1 day"), (24 * 7, "7 days")],
        coerce=lambda hours: timedelta(hours=int(hours)),
        initial=24,
        label="The old key works on for",
    )


class ApiKeyStateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state.capitalize()) for state in ("usable", "expired", "revoked")]

    def queryset(self, request: HttpRequest, queryset: Any) -> ApiKeyQuerySet:
        keys: ApiKeyQuerySet = queryset
        match self.value():
            case "usable":
                return keys.usable()
            case "expired":
                return keys.filter(revoked_at=None, expires_at__lte=timezone.now())
            case "revoked":
                return keys.exclude(revoked_at=None)
        return keys


@admin.register(ApiKey)
class ApiKeyAdmin(StrictAdmin[ApiKey]):
    """Keys are issued, rotated and revoked. What one may do, and until when, never changes: only its name does.

    Who needs more scopes or more time gets another key.
    """

    form = ApiKeyForm
    list_display = [
        "name", "key", "scope_names", "state", "last_used_at", "expires_at", "created_at", "created_by",
    ]  # fmt: skip
    list_filter = [ApiKeyStateFilter]
    search_fields = ["name", "prefix", "suffix"]
    actions = ["revoke"]

    @admin.display(description="Key")
    def key(self, key: ApiKey) -> str:
        return f"{key.prefix}…{key.suffix}"

    @admin.display(description="Scopes")
    def scope_names(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description="State")
    def state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return "Revoked"
        return "Usable" if key.is_usable else "Expired"

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        if obj is None:
            return ["name", "scopes", "expires_at"]
        return ["name", *self.get_readonly_fields(request, obj)]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        if obj is None:
            return []
        return [
            "key", "scope_names", "state", "last_used_at", "expires_at", "revoked_at", "created_at", "created_by",
        ]  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        pages = [
            ("issued", self.issued_view),
            ("rotate", self.rotate_view),
            ("revoke", self.revoke_view),
        ]
        ours = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"programs_apikey_{name}",
            )
            for name, view in pages
        ]
        return [*ours, *super().get_urls()]

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        # What follows is the page that shows the key, whichever button was pressed.
        buttons = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**buttons, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: ApiKey, form: ApiKeyForm, change: bool) -> None:
        if change:
            obj.save(update_fields=["name"])
            return
        row, key = api_keys.issue(by=actor_of(request), **form.cleaned_data)
        obj.pk, obj.prefix, obj.suffix = row.pk, row.prefix, row.suffix
        request.issued_key = key  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._handed_over(request, obj, request.issued_key)  # type: ignore[attr-defined]

    def _handed_over(self, request: HttpRequest, row: ApiKey, key: str) -> HttpResponse:
        # In a cookie that only the next page gets, and deletes. The database and addresses (which are logged) are no
        # place for a key, and a page that answered the form itself would issue another when it is loaded again.
        page = reverse("admin:programs_apikey_issued", args=[row.pk])
        response = HttpResponseRedirect(page)
        response.set_signed_cookie(
            HANDOVER,
            key,
            salt=str(row.pk),
            max_age=HANDOVER_SECONDS,
            path=page,
            secure=request.is_secure(),
            httponly=True,
            samesite="Strict",
        )
        return response

    def issued_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        key = request.get_signed_cookie(
            HANDOVER, default=None, salt=str(row.pk), max_age=HANDOVER_SECONDS
        )
        if key is None:
            return HttpResponseRedirect(_page_of(row))
        response = self._page(request, "issued", {"original": row, "key": key, "title": "API key"})
        response.delete_cookie(HANDOVER, path=request.path, samesite="Strict")
        return response

    def rotate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self._found(request, object_id)
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = RotateForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            overlap = form.cleaned_data["overlap"]
            try:
                new, key = api_keys.rotate(row, by=actor_of(request), overlap=overlap)
            except ValueError as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
                return HttpResponseRedirect(_page_of(row))
            self.log_change(request, row, f"Rotated: {new} follows.")
            return self._handed_over(request, new, key)
        return self._page(
            request, "rotate", {"original": row, "form": form, "title": "Rotate API key"}
        )

    def revoke_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self._found(request, object_id)
        if request.method == "POST":
            self._revoke(request, [row])
            return HttpResponseRedirect(_page_of(row))
        return self._page(request, "revoke", {"chosen": [row], "title": "Revoke API key"})

    @admin.action(description="Revoke selected API keys", permissions=["change"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> HttpResponse | None:
        if "confirmed" in request.POST:
            self._revoke(request, list(chosen))
            return None
        return self._page(request, "revoke", {"chosen": list(chosen), "title": "Revoke API keys"})

    def _revoke(self, request: HttpRequest, rows: list[ApiKey]) -> None:
        for row in rows:
            api_keys.revoke(row)
            self.log_change(request, row, "Revoked.")
        self.message_user(
            request, f"{', '.join(map(str, rows))}: no longer works, within five seconds anywhere."
        )

    def _found(self, request: HttpRequest, object_id: str) -> ApiKey:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        return row

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        everywhere = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(
            request, f"admin/programs/apikey/{name}.html", {**everywhere, **context}
        )

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False  # revoke it instead


def _page_of(row: ApiKey) -> str:
    return reverse("admin:programs_apikey_change", args=[row.pk])
