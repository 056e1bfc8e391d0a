from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.mixins import (
    CreateModelMixin,
    ListModelMixin,
    RetrieveModelMixin,
)
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from programs import programs
from programs.api.addresses import EXAMPLE_PROGRAM_ID, path_parameter
from programs.api.bodies import validated_body
from programs.api.callers import actor_of
from programs.api.filters import HidesArchived
from programs.api.strict import StrictModelSerializer, VersionField
from programs.exceptions import ChangedMeanwhile
from programs.models import Program, ProgramStatus, UnknownParticipant


class ProgramSerializer(StrictModelSerializer):
    class Meta:
        model = Program
        fields = [
            "id",
            "name",
            "description",
            "on_unknown_participant",
            "time_zone",
            "status",
            "version",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["id", "version", "created_at", "updated_at"]
        extra_kwargs = {
            "version": {"help_text": "1 when created; one more with each change."},
            "on_unknown_participant": {"default": UnknownParticipant.CREATE},
            # Without the names of all zones, 600 of them, in the document.
            "time_zone": {"default": "UTC"},
            "status": {"default": ProgramStatus.ACTIVE},
        }


class ProgramChangeSerializer(ProgramSerializer):
    """What can be changed of a program. What is left out stays as it is."""

    version = VersionField()


class ProgramFilter(HidesArchived):
    status = filters.ChoiceFilter(choices=ProgramStatus.choices, help_text="With this status.")


@extend_schema(parameters=[path_parameter("id", "The program.", EXAMPLE_PROGRAM_ID)])
class ProgramViewSet(
    CreateModelMixin,
    ListModelMixin,
    RetrieveModelMixin,
    GenericViewSet[Program],
):
    """The client's loyalty programs."""

    queryset = Program.objects.all()
    serializer_class = ProgramSerializer
    filterset_class = ProgramFilter
    http_method_names = ["get", "post", "patch", "head", "options"]
    sortings = {"created_at": ["created_at", "id"]}

    def get_serializer_class(self) -> type[Any]:
        return ProgramChangeSerializer if self.action == "partial_update" else ProgramSerializer

    @extend_schema(responses={200: ProgramSerializer, 409: ChangedMeanwhile})
    def partial_update(self, request: Request, pk: UUID) -> Response:
        values = validated_body(self, partial=True)
        shown = values.pop("version", None)
        program = programs.change(pk, values, by=actor_of(request), shown_version=shown)
        return Response(ProgramSerializer(program).data)

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        # An archived program is hidden from the list, not from a caller who knows its id.
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    def perform_create(self, serializer: serializers.BaseSerializer[Program]) -> None:
        serializer.instance = programs.create(serializer.validated_data)
