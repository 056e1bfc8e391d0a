"""Lists of tables too large to count: each page knows whether another follows, and none starts deep in the table."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import Page, Paginator
from django.db.models import F, Func, Model, QuerySet, TextField
from django.db.models.lookups import GreaterThanOrEqual, LessThan
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from programs.admin import StrictAdmin, is_id
from programs.reader import moment_tag

M = TypeVar("M", bound=Model)
T = TypeVar("T")

# OFFSET reads what it skips. To go further, search or filter.
LAST_PAGE = 100
BEFORE = "before"  # the parameter of a list that goes on from a row
NEWEST_FIRST = ("-created_at", "-id")


def time_column(field: str, description: str) -> Callable[[Any, Any], SafeString | str]:
    """Return a column of an admin page with this time, "-" where there is none."""

    @admin.display(description=description)
    def column(page: Any, row: Any) -> SafeString | str:
        time = getattr(row, field)
        return moment_tag(time) or "-"

    return column


def _place(created_at: Any, pk: Any) -> Func:
    return Func(created_at, pk, function="ROW", output_field=TextField())


_PLACE = _place(F("created_at"), F("id"))


class UncountedPage(Page[T]):
    def __init__(self, rows: list[T], number: int, paginator: "UncountedPaginator[T]") -> None:
        super().__init__(rows[: paginator.per_page], number, paginator)
        self.more_exist = len(rows) > paginator.per_page

    @property
    def is_last_shown(self) -> bool:
        return self.more_exist and self.number >= LAST_PAGE

    def has_next(self) -> bool:
        return self.more_exist and self.number < LAST_PAGE


class UncountedPaginator(Paginator[T]):
    """A paginator that fetches one row more than a page shows, to know whether there is a next page."""

    num_pages = LAST_PAGE  # autocomplete asks for it, and Django would count the table

    def page(self, number: int | str) -> UncountedPage[T]:
        number = min(max(int(number), 1), LAST_PAGE)
        first = (number - 1) * self.per_page
        rows = list(self.object_list[first : first + self.per_page + 1])
        return UncountedPage(rows, number, self)


class UncountedChangeList(ChangeList):
    page: UncountedPage[Any]

    def get_results(self, request: HttpRequest) -> None:
        paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        self.paginator = paginator
        self.page = paginator.page(self.page_num)  # type: ignore[assignment]
        self.page_num = self.page.number
        self.result_list = list(self.page)
        # Django offers actions on "all N rows" where this differs from the rows of the page.
        self.result_count = len(self.result_list)
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = False
        self.multi_page = self.page.has_other_pages()

    @property
    def previous_url(self) -> str:
        return self.page_url(self.page.number - 1)

    @property
    def next_url(self) -> str:
        return self.page_url(self.page.number + 1)

    def page_url(self, number: int) -> str:
        return self.get_query_string({PAGE_VAR: number})

    def get_ordering_field(self, field_name: Any) -> Any:
        # Django shows no link for the other columns but obeys the URL, and would sort a million rows.
        if field_name not in (self.sortable_by or ()):
            return None
        return super().get_ordering_field(field_name)


class Sieve(admin.SimpleListFilter):
    """A filter by what no index has."""

    @property
    def is_on(self) -> bool:
        return bool(self.value())

    def sift(self, queryset: Any) -> QuerySet[Any]:
        """Return the rows that it lets through."""
        raise NotImplementedError


class SiftedChangeList(UncountedChangeList):
    """A list whose sieves look at the newest rows, at most `most_looked_at` of them, and from there on if asked to."""

    most_looked_at = 10_000
    switches: ClassVar[frozenset[str]] = frozenset({BEFORE})  # parameters that filter by no field
    before = ""  # the row that was looked at last
    next_before = ""
    looked_back_to: datetime | None = None

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        found: dict[str, Any] = super().get_filters_params(params)
        return {name: values for name, values in found.items() if name not in self.switches}

    def get_queryset(self, request: HttpRequest, *args: Any) -> QuerySet[Any]:
        found = super().get_queryset(request, *args)
        self.before = self.params.pop(BEFORE, "")  # of no link but those below
        sieves = [spec for spec in self.filter_specs if isinstance(spec, Sieve) and spec.is_on]
        if not sieves:
            return found
        found = self._window(found.order_by(*NEWEST_FIRST))
        for sieve in sieves:
            found = sieve.sift(found)
        return found

    def _window(self, found: QuerySet[Any]) -> QuerySet[Any]:
        if self.before:
            found = found.filter(LessThan(_PLACE, self._place_of(self.before)))
        # In the order of an index, which alone is read to get there.
        places = found.values_list("created_at", "id")
        last = places[self.most_looked_at - 1 : self.most_looked_at].first()
        if last is None:
            return found
        self.looked_back_to, self.next_before = last[0], str(last[1])
        return found.filter(GreaterThanOrEqual(_PLACE, _place(*last)))

    def _place_of(self, pk: str) -> Func:
        row = self.model._default_manager.filter(pk=pk) if is_id(pk) else None
        found = row.order_by().values_list("created_at", "id").first() if row is not None else None
        if found is None:
            raise IncorrectLookupParameters
        return _place(*found)

    @property
    def go_on_url(self) -> str:
        return self.get_query_string({BEFORE: self.next_before})

    def page_url(self, number: int) -> str:
        return self.get_query_string({PAGE_VAR: number, BEFORE: self.before or None})


class LargeTableAdmin(StrictAdmin[M]):
    paginator = UncountedPaginator
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # which are counts

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return UncountedChangeList

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[M], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        # Only the checked rows, whatever the request says: "select across" means the whole table.
        posted = request.POST.copy()
        posted["select_across"] = "0"
        request.POST = posted  # type: ignore[assignment]
        return super().response_action(request, queryset, *args, **kwargs)


class ReadOnlyAdmin(LargeTableAdmin[M]):
    """Rows of participants that nobody adds, changes or deletes by hand."""

    @admin.display(description="Participant")
    def whose(self, row: Any) -> SafeString:
        page = reverse("admin:participants_participant_change", args=[row.participant_id])
        return format_html('<a href="{}">{}</a>', page, row.participant)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False
