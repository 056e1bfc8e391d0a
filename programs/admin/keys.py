from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from programs import api_keys
from programs.admin.base import ByGiver, StrictAdmin
from programs.api.callers import actor_of
from programs.api.permissions import scopes_given_by
from programs.models import ApiKey, ApiKeyQuerySet

HANDOVER = "issued_key"
HANDOVER_SECONDS = 60


class ApiKeyForm(forms.ModelForm[ApiKey]):
    giver: User  # set by the page
    scopes = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        help_text="What the key may do, of what you may do yourself. It cannot be changed later. "
        "The answer to a write shows what was written, also to a key that may not read: the participant, or the outcome of an event.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "scopes" in self.fields:
            scopes = [(scope.value, scope.value) for scope in scopes_given_by(self.giver)]
            self.fields["scopes"].choices = scopes  # type: ignore[attr-defined]

    class Meta:
        model = ApiKey
        fields = ["name", "scopes", "expires_at"]

    def clean_expires_at(self) -> datetime | None:
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if expires_at and expires_at <= timezone.now():
            raise forms.ValidationError("Give a time in the future.")
        return expires_at


class RotateForm(forms.Form):
    overlap = forms.TypedChoiceField(
        choices=[(0, "Stops at once"), (1, "1 hour"), (24, "1 day"), (24 * 7, "7 days")],
        coerce=lambda hours: timedelta(hours=int(hours)),
        initial=24,
        label="The old key keeps working for",
    )


class ApiKeyStateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        states = ("usable", "expired", "revoked", "exposed")
        return [(state, state.capitalize()) for state in states]

    def queryset(self, request: HttpRequest, queryset: Any) -> ApiKeyQuerySet:
        keys: ApiKeyQuerySet = queryset
        match self.value():
            case "usable":
                return keys.usable()
            case "expired":
                return keys.filter(revoked_at=None, expires_at__lte=timezone.now())
            case "revoked":
                return keys.exclude(revoked_at=None)
            case "exposed":
                return keys.usable().exclude(exposed_at=None)
        return keys


@admin.register(ApiKey)
class ApiKeyAdmin(ByGiver, StrictAdmin[ApiKey]):
    """API keys: issued, rotated and revoked. A key's scopes and expiry never change, only its name does.

    For more scopes or more time, issue another key.
    """

    form = ApiKeyForm
    list_display = [
        "name", "key", "scope_names", "state", "last_used_at", "expires_at", "created_at", "created_by",
    ]  # fmt: skip
    list_filter = [ApiKeyStateFilter]
    search_fields = ["name", "prefix", "suffix"]
    actions = ["revoke"]
    asks_itself = StrictAdmin.asks_itself | {"revoke"}

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
        if not key.is_usable:
            return "Expired"
        return "Exposed: came over plain HTTP" if key.exposed_at else "Usable"

    def page_context(self, request: HttpRequest, obj: ApiKey) -> dict[str, Any]:
        return {"may_rotate": self._may_rotate(request, obj)}

    def _may_rotate(self, request: HttpRequest, key: ApiKey) -> bool:
        may_give = scopes_given_by(request.user)
        return self.has_add_permission(request) and set(key.scopes) <= set(may_give)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        if obj is None:
            return ["name", "scopes", "expires_at"]
        return ["name", *self.get_readonly_fields(request, obj)]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        if obj is None:
            return []
        return [
            "key", "scope_names", "state", "last_used_at", "exposed_at", "expires_at", "revoked_at", "created_at",
            "created_by",
        ]  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        pages = [
            ("issued", self.issued_view),
            ("rotate", self.rotate_view),
            ("revoke", self.revoke_view),
            ("clear", self.clear_view),
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
        # The next page is the one that shows the key, whichever button was pressed.
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
        # In a cookie that only the next page receives, and deletes. Neither the database nor a URL, which is logged, is
        # a place for a key; and a page that answered the form directly would issue another key when reloaded.
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
        if not self._may_rotate(request, row):
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

    def clear_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self._found(request, object_id)
        if request.method == "POST":
            api_keys.clear_exposure(row)
            self.log_change(request, row, "No longer marked as exposed.")
        return HttpResponseRedirect(_page_of(row))

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
            request,
            f"{', '.join(map(str, rows))}: revoked. It stops working everywhere within five seconds.",
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


def _page_of(row: ApiKey) -> str:
    return reverse("admin:programs_apikey_change", args=[row.pk])
