"""Participants as wholes: the upsert, one by one and in batches, lists and details."""

from typing import Any, TypedDict
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from participants import state
from participants.api.answers import BatchAnswerSerializer, ParticipantSerializer
from participants.api.filters import ParticipantFilter
from participants.api.rights import CHANGING_A_PARTICIPANT, CREATING_A_PARTICIPANT, ENROLLING
from participants.api.serializers.participants import (
    BatchSerializer,
    ChangeSerializer,
    ParticipantRowSerializer,
    UpsertSerializer,
)
from participants.exceptions import EnrollingNotAllowed
from participants.models import Participant
from programs.api.callers import actor_of
from programs.kernel.exceptions import DomainError, ProgramInactive, ProgramNotFound


class ParticipantViewSet(ListModelMixin, GenericViewSet[Participant]):
    """The people of the client's application."""

    queryset = Participant.objects.all()
    filterset_class = ParticipantFilter
    sortings = {
        "created_at": ["created_at", "id"],
        "external_id": ["external_id"],
        "status": ["status", "created_at", "id"],
    }
    default_sorting = ("created_at", "desc")

    def get_serializer_class(self) -> type[Any]:
        return {"list": ParticipantRowSerializer, "create": UpsertSerializer}.get(
            str(self.action), ChangeSerializer
        )

    @extend_schema(
        operation_id="participants_upsert",
        responses={
            201: ParticipantSerializer,
            200: ParticipantSerializer,
            404: ProgramNotFound,
            409: ProgramInactive,
        },
    )
    def create(self, request: Request) -> Response:
        """Create the participant, or update the one with this external_id.

        201 for a new one, 200 for one that was there. What the body leaves out stays as it is; attributes merge key by key;
        given tags replace the set.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        external_id, change = serializer.validated_data
        rights = _upsert_rights(request)
        if change.program_id and not rights["may_enroll"]:
            raise EnrollingNotAllowed
        result = state.apply(
            change,
            to=external_id,
            by=actor_of(request),
            may_create=rights["may_create"],
            may_change=rights["may_change"],
        )
        return Response(result.answer, status=201 if result.created else 200)

    @extend_schema(responses=ParticipantSerializer)
    def retrieve(self, request: Request, participant: str | UUID) -> Response:
        return Response(state.answer(participant))

    @extend_schema(responses=ParticipantSerializer)
    def partial_update(self, request: Request, participant: str | UUID) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        result = state.apply(serializer.validated_data, to=participant, by=actor_of(request))
        return Response(result.answer)


class BatchViewSet(GenericViewSet[Participant]):
    """Upserts of up to 1000 participants, each on its own."""

    queryset = Participant.objects.all()
    serializer_class = BatchSerializer
    body_limit = settings.BATCH_BODY_LIMIT

    @extend_schema(operation_id="participants_batch_upsert", responses={200: BatchAnswerSerializer})
    def create(self, request: Request) -> Response:
        """Upsert many participants.

        Each row stands for itself, and a bad one stops no other. Of two rows with one external_id the last counts, the
        earlier is the error duplicate_in_batch.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        results = state.upsert_each(
            serializer.validated_data, by=actor_of(request), **_upsert_rights(request)
        )
        rows = [_batch_row(index, result) for index, result in enumerate(results)]
        errors = sum(row["status"] == "error" for row in rows)
        return Response(
            {
                "total": len(rows),
                "success_count": len(rows) - errors,
                "error_count": errors,
                "results": rows,
            }
        )


class UpsertRights(TypedDict):
    may_create: bool
    may_change: bool
    may_enroll: bool


def _upsert_rights(request: Request) -> UpsertRights:
    """What of an upsert the caller may do: an API key with the scope all of it, staff what their permissions say."""
    return {
        "may_create": CREATING_A_PARTICIPANT.is_met_by(request),
        "may_change": CHANGING_A_PARTICIPANT.is_met_by(request),
        "may_enroll": ENROLLING.is_met_by(request),
    }


def _batch_row(index: int, result: state.Result | DomainError) -> dict[str, Any]:
    if isinstance(result, DomainError):
        return {"index": index, "status": "error", "error": result.as_dict()}
    return {
        "index": index,
        "status": result.outcome,
        "participant_id": result.participant_id,
    }
