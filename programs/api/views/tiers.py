from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from programs import tracks
from programs.api.callers import actor_of
from programs.api.serializers.tiers import (
    NewTierTrackSerializer,
    TierTrackChangeSerializer,
    TierTrackSerializer,
)
from programs.models import TierTrack


class TierTrackViewSet(ListModelMixin, GenericViewSet[TierTrack]):
    """The tier tracks of a program: ladders of levels, such as bronze, silver and gold."""

    queryset = TierTrack.objects.all()
    sortings = {"created_at": ["created_at", "id"]}
    default_sorting = ("created_at", "desc")

    def get_queryset(self) -> QuerySet[TierTrack]:
        return tracks.current(self.kwargs["program_id"])

    def get_serializer_class(self) -> type[Any]:
        bodies = {"create": NewTierTrackSerializer, "partial_update": TierTrackChangeSerializer}
        return bodies.get(str(self.action), TierTrackSerializer)

    @extend_schema(responses={201: TierTrackSerializer})
    def create(self, request: Request, program_id: UUID) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        track = tracks.create(program_id, serializer.validated_data, by=actor_of(request))
        return Response(TierTrackSerializer(track).data, status=201)

    def retrieve(self, request: Request, program_id: UUID, track: str) -> Response:
        return Response(self.get_serializer(tracks.found(program_id, track)).data)

    @extend_schema(responses=TierTrackSerializer)
    def partial_update(self, request: Request, program_id: UUID, track: str) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        known = tracks.found(program_id, track)
        changed = tracks.change(known.pk, serializer.validated_data, by=actor_of(request))
        return Response(TierTrackSerializer(changed).data)

    def destroy(self, request: Request, program_id: UUID, track: str) -> Response:
        """Delete one tier track.

        Whoever holds a level of it stands at the base. Its key is free for another track.
        """
        tracks.delete(tracks.found(program_id, track).pk, by=actor_of(request))
        return Response(status=204)
