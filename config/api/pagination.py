"""Keyset pagination: each page begins after the last row of the page before, and lists are never counted."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.db.models import F, Func, QuerySet, TextField, Value
from django.db.models.lookups import GreaterThan, LessThan
from django.template import loader
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from programs.kernel.exceptions import FieldError, ValidationFailed

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module by way of the settings

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


class KeysetPagination(BasePagination):
    """Reads the view's `sortings`: from `sort_by` to the columns that it sorts by, the last one unique.

    By default, rows are sorted by the first of them, the latest or highest first.

    All columns run in one direction, so that one index serves both and the place of a page is one comparison of rows.
    A cursor holds the sorting and the last row's values, signed: it stays right while rows come and go.
    """

    # For answers without a page: a detail, or a refusal.
    has_more = False
    is_first = True

    def paginate_queryset(  # type: ignore[override]
        self, queryset: QuerySet[Any], request: Request, view: "APIView | None" = None
    ) -> list[Any]:
        self.request = request
        self.limit = _limit(request.query_params.get("limit"))
        sortings: Mapping[str, Sequence[str]] = view.sortings  # type: ignore[union-attr]
        sort_by = _one_of("sort_by", request, [*sortings], next(iter(sortings)))
        sort_dir = _one_of("sort_dir", request, ["asc", "desc"], "desc")
        self.sorting = [sort_by, sort_dir]
        self.columns = sortings[sort_by]
        if cursor := request.query_params.get("cursor"):
            self.is_first = False
            queryset = self._after(queryset, cursor)
        sign = "-" if sort_dir == "desc" else ""
        queryset = queryset.order_by(*(sign + column for column in self.columns))
        rows = list(queryset[: self.limit + 1])
        self.has_more = len(rows) > self.limit
        self.page = rows[: self.limit]
        return self.page

    def _after(self, queryset: QuerySet[Any], cursor: str) -> QuerySet[Any]:
        model = queryset.model
        try:
            sorting, texts = signing.Signer(salt="cursor").unsign_object(cursor)
            fields = [model._meta.get_field(column) for column in self.columns]
            values = [field.to_python(text) for field, text in zip(fields, texts, strict=True)]
        except Exception as error:  # a forged text can break the decoder in many ways
            raise _invalid("cursor", "This is not a cursor from this API.") from error
        if sorting != self.sorting:
            raise _invalid("cursor", "This cursor belongs to another sort_by or sort_dir.")
        here = Func(*map(F, self.columns), function="ROW", output_field=TextField())
        there = Func(
            *(
                Value(value, output_field=field)
                for value, field in zip(values, fields, strict=True)
            ),
            function="ROW",
            output_field=TextField(),
        )
        beyond = LessThan if self.sorting[1] == "desc" else GreaterThan
        return queryset.filter(beyond(here, there))

    @property
    def next_cursor(self) -> str | None:
        if not self.has_more:
            return None
        fields = [self.page[-1]._meta.get_field(column) for column in self.columns]
        texts = [field.value_to_string(self.page[-1]) for field in fields]
        return signing.Signer(salt="cursor").sign_object([self.sorting, texts])

    def get_paginated_response(self, data: Any) -> Response:
        pagination = {"has_more": self.has_more, "next_cursor": self.next_cursor}
        return Response({"data": data, "pagination": pagination})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["data", "pagination"],
            "properties": {
                "data": schema,
                "pagination": {
                    "type": "object",
                    "required": ["has_more", "next_cursor"],
                    "properties": {
                        "has_more": {"type": "boolean"},
                        "next_cursor": {
                            "type": ["string", "null"],
                            "description": "Send it as `cursor` to read the next page; null on the last.",
                        },
                    },
                },
            },
        }

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:
        sortings = list(getattr(view, "sortings", {}))
        limits = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        parameters = [
            _query("limit", limits, "The maximum number of rows on a page."),
            _query("cursor", {"type": "string"}, "`next_cursor` of the previous page."),
            _query("sort_dir", _enum(["asc", "desc"], "desc"), "Which end comes first."),
        ]
        if len(sortings) > 1:
            schema = _enum(sortings, sortings[0])
            parameters.append(_query("sort_by", schema, "What the rows are sorted by."))
        return parameters

    # The rest is for the browsable API: the rows of an answer (it shows filters for a list), and links to pages.

    def get_results(self, data: Any) -> Any:
        return data["data"]

    template = "rest_framework/pagination/next_page.html"

    def to_html(self) -> str:
        first = self.request.query_params.copy()
        first.pop("cursor", None)
        following = first.copy()
        following["cursor"] = self.next_cursor or ""
        context = {
            "first_page": None if self.is_first else f"?{first.urlencode()}",
            "next_page": f"?{following.urlencode()}" if self.has_more else None,
        }
        return loader.get_template(self.template).render(context)

    @property
    def display_page_controls(self) -> bool:  # type: ignore[override]
        return self.has_more or not self.is_first


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= MAX_LIMIT):
        raise _invalid("limit", f"Give a whole number from 1 to {MAX_LIMIT}.")
    return int(text)


def _one_of(name: str, request: Request, choices: list[str], default: str) -> str:
    value: str = request.query_params.get(name, default)
    if value not in choices:
        raise _invalid(name, f"Give one of {', '.join(choices)}.")
    return value


def _invalid(field: str, message: str) -> ValidationFailed:
    return ValidationFailed([FieldError(field, "invalid", message)])


def _enum(choices: list[str], default: str) -> dict[str, Any]:
    return {"type": "string", "enum": choices, "default": default}


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}
