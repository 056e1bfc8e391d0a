from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework.mixins import (
    CreateModelMixin,
    ListModelMixin,
    RetrieveModelMixin,
    UpdateModelMixin,
)
from rest_framework.viewsets import GenericViewSet

from programs.api.filters import TrueOrFalseFilter
from programs.api.serializers.programs import ProgramSerializer
from programs.models import Program, ProgramStatus


class ProgramFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=ProgramStatus.choices, help_text="With this status.")
    include_archived = TrueOrFalseFilter(
        method="unfiltered", help_text="true lists ARCHIVED programs too."
    )

    class Meta:
        model = Program
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Program]) -> QuerySet[Program]:
        asked = self.form.cleaned_data
        if not asked["include_archived"] and asked["status"] != ProgramStatus.ARCHIVED:
            queryset = queryset.exclude(status=ProgramStatus.ARCHIVED)
        return super().filter_queryset(queryset)

    def unfiltered(self, queryset: QuerySet[Program], name: str, value: bool) -> QuerySet[Program]:
        return queryset


class ProgramViewSet(
    CreateModelMixin,
    ListModelMixin,
    RetrieveModelMixin,
    UpdateModelMixin,
    GenericViewSet[Program],
):
    """The client's loyalty programs."""

    queryset = Program.objects.all()
    serializer_class = ProgramSerializer
    filterset_class = ProgramFilter
    http_method_names = ["get", "post", "patch", "head", "options"]
    sortings = {"created_at": ["created_at", "id"]}
    default_sorting = ("created_at", "desc")

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        # An archived program is hidden from the list, not from whoever knows its id.
        return super().filter_queryset(queryset) if self.action == "list" else queryset
