"""Filters of lists that refuse invalid values, where django-filter's own would ignore them or crash."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import django_filters
from django import forms
from django.db.models import QuerySet
from django_filters.fields import IsoDateTimeField

from programs.kernel import instants

Q = TypeVar("Q", bound=QuerySet[Any])
V = TypeVar("V")


class InstantField(IsoDateTimeField):
    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        try:
            return instants.read(value)
        except ValueError as error:
            message = 'Give a time with its offset, such as "2026-01-15T10:30:00Z".'
            raise forms.ValidationError(message, "invalid") from error


class InstantFilter(django_filters.IsoDateTimeFilter):
    field_class = InstantField


def period(field: str, happened: str) -> tuple[InstantFilter, InstantFilter]:
    """Return the filters of a period's start, which is included, and of its end, which is not."""
    return (
        InstantFilter(field, "gte", help_text=f"{happened} at this time or later."),
        InstantFilter(field, "lt", help_text=f"{happened} before this time."),
    )


def by(narrowed: Callable[[Q, V], QuerySet[Any]]) -> Callable[[Q, str, V], QuerySet[Any]]:
    """Return a filter's `method` that calls this method of the list's queryset."""
    return lambda queryset, name, value: narrowed(queryset, value)


class TrueOrFalseField(forms.TypedChoiceField):
    def __init__(self, **kwargs: Any) -> None:
        choices = [("", "---------"), ("true", "true"), ("false", "false")]
        super().__init__(
            choices=choices, coerce=lambda text: text == "true", empty_value=None, **kwargs
        )


class TrueOrFalseFilter(django_filters.BooleanFilter):
    field_class = TrueOrFalseField  # type: ignore[assignment]


class HidesArchived(django_filters.FilterSet):
    """The base of filters of lists that leave archived rows out unless they are asked for."""

    include_archived = TrueOrFalseFilter(
        method="unfiltered", help_text="true lists ARCHIVED ones too."
    )

    @classmethod
    def get_filters(cls) -> OrderedDict[str, Any]:
        filters: OrderedDict[str, Any] = super().get_filters()
        filters.move_to_end("include_archived")  # after those that a list declares
        return filters

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        given = self.form.cleaned_data
        if not given["include_archived"] and given["status"] != "ARCHIVED":
            queryset = queryset.exclude(status="ARCHIVED")
        return super().filter_queryset(queryset)

    def unfiltered(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return queryset
