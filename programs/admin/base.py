"""The base of every admin page."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ERROR_FLAG
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

M = TypeVar("M", bound=Model)
MOST_NAMED = 10  # in a message


def is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def named(rows: Iterable[object]) -> str:
    """The rows that something was done with: "ana, eva and 12 more"."""
    names = [str(row) for row in rows]
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"


class SelectById(AutocompleteSelect):
    """An autocomplete field for a relation."""

    def __init__(self, model: type[Model], field: str) -> None:
        super().__init__(model._meta.get_field(field), admin.site)

    def optgroups(self, name: str, value: Sequence[str], attrs: Any = None) -> Any:
        # Django looks up the chosen value to render it, even one that the field refused.
        return super().optgroups(name, [each for each in value if is_id(each)], attrs)


class ByGiver:
    """Tells the form, as its `giver`, who is signed in: nobody gives a right that they do not have themselves."""

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)  # type: ignore[misc]
        form.giver = request.user
        return form


class StrictAdmin(admin.ModelAdmin[M]):
    """An admin that refuses URLs and posts that Django's own would pass on to PostgreSQL unchecked."""

    # Lookups that the URL of the list may use besides the filters. Django allows any field and comparison: the digest of
    # a key letter by letter, or a regular expression that never ends.
    lookups: ClassVar[frozenset[str]] = frozenset()
    # Actions of the list that show a page of their own first. Of the others, StrictAdmin asks whether to carry them out.
    asks_itself: ClassVar[frozenset[str]] = frozenset({"delete_selected"})
    # Columns of the list that are set to the right.
    number_columns: ClassVar[frozenset[str]] = frozenset()

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        filters = {
            getattr(each, "parameter_name", f"{each}__exact")
            for each in self.get_list_filter(request)
        }
        return lookup in self.lookups | filters

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and db_field.choices:
            # Help names values as the API spells them; here people choose among their labels.
            for value, label in db_field.choices:
                field.help_text = re.sub(rf"\b{value}\b", str(label), str(field.help_text))
        return field

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # PostgreSQL accepts no NUL in text.
        if any("\0" in value for _, values in request.GET.lists() for value in values):
            return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")
        return super().changelist_view(request, extra_context)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: M | None = None,
    ) -> HttpResponse:
        more = self.page_context(request, obj) if obj else {}
        return super().render_change_form(request, context | more, add, change, form_url, obj)

    def page_context(self, request: HttpRequest, obj: M) -> dict[str, Any]:
        """Return what the page of an existing object shows besides its form."""
        return {}

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False  # history hangs on the rows: close, archive or revoke them instead

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {}  # Django's fills the fields from the URL, with values they may be unable to show

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[M], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        posted = request.POST.copy()
        selected = posted.getlist(ACTION_CHECKBOX_NAME)
        posted.setlist(ACTION_CHECKBOX_NAME, [each for each in selected if is_id(each)])
        request.POST = posted  # type: ignore[assignment]
        asked = self._confirmation(request, queryset)
        return asked or super().response_action(request, queryset, *args, **kwargs)

    def _confirmation(self, request: HttpRequest, queryset: QuerySet[M]) -> HttpResponse | None:
        """Return the page that asks whether to carry out an action, unless it was asked or there is nothing to ask."""
        name = request.POST.get("action", "")
        _, _, description = self.get_actions(request).get(name) or (None, name, "")
        selected = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if (
            not (description and selected)
            or "confirmed" in request.POST
            or name in self.asks_itself
        ):
            return None
        chosen = list(queryset.filter(pk__in=selected))
        count = len(chosen)
        noun = self.opts.verbose_name if count == 1 else self.opts.verbose_name_plural
        title = description.replace(f"selected {self.opts.verbose_name_plural}", f"{count} {noun}")
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "chosen": chosen,
            "action": name,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/programs/confirm_action.html", context)
