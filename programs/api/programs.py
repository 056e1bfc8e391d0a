from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.mixins import (
    CreateModelMixin,
    ListModelMixin,
    RetrieveModelMixin,
    UpdateModelMixin,
)
from rest_framework.viewsets import GenericViewSet

from programs.api.addresses import EXAMPLE_PROGRAM_ID, path_parameter
from programs.api.filters import HidesArchived
from programs.api.strict import StrictModelSerializer
from programs.models import Program, ProgramStatus, UnknownParticipant


class ProgramSerializer(StrictModelSerializer):
    class Meta:
        model = Program
        fields = [
            "id",
            "name",
            "description",
            "on_unknown_participant",
            "status",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["id", "created_at", "updated_at"]
        extra_kwargs = {
            "on_unknown_participant": {"default": UnknownParticipant.CREATE},
            "status": {"default": ProgramStatus.ACTIVE},
        }

    def update(self, instance: Program, validated_data: dict[str, Any]) -> Program:
        # Only what the call names: two calls about two fields must not undo each other.
        for name, value in validated_data.items():
            setattr(instance, name, value)
        instance.save(update_fields=[*validated_data, "updated_at"])
        return instance


class ProgramFilter(HidesArchived):
    status = filters.ChoiceFilter(choices=ProgramStatus.choices, help_text="With this status.")


@extend_schema(parameters=[path_parameter("id", "The program.", EXAMPLE_PROGRAM_ID)])
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

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        # An archived program is hidden from the list, not from a caller who knows its id.
        return super().filter_queryset(queryset) if self.action == "list" else queryset
