from typing import Any, TypedDict
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

from participants import state
from participants.answers import (
    AttributeAnswerSerializer,
    AttributeListSerializer,
    BatchAnswerSerializer,
    ParticipantSerializer,
    TagListSerializer,
    TagSerializer,
)
from participants.exceptions import EnrollingNotAllowed, ParticipantNotFound
from participants.filters import ParticipantFilter, StateChangeFilter
from participants.models import (
    Enrollment,
    EnrollmentStatus,
    Participant,
    StateChange,
)
from participants.serializers import (
    AttributeSerializer,
    AttributesSerializer,
    BatchSerializer,
    ChangeSerializer,
    EnrollmentSerializer,
    ParticipantRowSerializer,
    StateChangeSerializer,
    StatusSerializer,
    TagsSerializer,
    UpsertSerializer,
)
from participants.state.changes import clean_change, clean_tag
from programs import exact_json
from programs.actors import actor_of
from programs.database import retried
from programs.exceptions import DomainError, ProgramInactive, ProgramNotFound
from programs.models import ApiKey, Scope

PARTICIPANT_SCOPES = {
    "GET": Scope.PARTICIPANTS_READ,
    "POST": Scope.PARTICIPANTS_WRITE,
    "PUT": Scope.PARTICIPANTS_WRITE,
    "PATCH": Scope.PARTICIPANTS_WRITE,
    "DELETE": Scope.PARTICIPANTS_WRITE,
}


class ParticipantViewSet(ListModelMixin, GenericViewSet[Participant]):
    """The people of the client's application."""

    queryset = Participant.objects.all()
    filterset_class = ParticipantFilter
    required_scopes = PARTICIPANT_SCOPES
    # Staff with one of the two may use the upsert for that half of it.
    staff_verbs = {"POST": ("add", "change")}
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
    required_scopes = PARTICIPANT_SCOPES
    staff_verbs = {"POST": ("add", "change")}

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


class PartViewSet(GenericViewSet[Participant]):
    """One part of what a participant is, read and changed by itself."""

    queryset = Participant.objects.all()
    required_scopes = PARTICIPANT_SCOPES
    staff_verbs = {"DELETE": ("change",)}

    def change(self, request: Request, participant: str | UUID) -> state.Result:
        """Apply what the body says, read by this view's serializer."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return state.apply(serializer.validated_data, to=participant, by=actor_of(request))


class StatusViewSet(PartViewSet):
    """Whether a participant earns and spends."""

    serializer_class = StatusSerializer

    @extend_schema(responses=ParticipantSerializer)
    def partial_update(self, request: Request, participant: str | UUID) -> Response:
        """Change a participant's status."""
        return Response(self.change(request, participant).answer)


class TagViewSet(PartViewSet):
    """The tags of a participant."""

    def get_serializer_class(self) -> type[Any]:
        # The URL says which tag to add: the form of that call has no inputs.
        return Serializer if self.action == "add" else TagsSerializer

    @extend_schema(responses=TagListSerializer)
    def list(self, request: Request, participant: str | UUID) -> Response:
        """List a participant's tags."""
        return _tags(state.answer(participant))

    @extend_schema(responses=TagListSerializer)
    def replace(self, request: Request, participant: str | UUID) -> Response:
        """Replace all tags."""
        return _tags(self.change(request, participant).answer)

    @extend_schema(request=None, responses={201: TagSerializer, 200: TagSerializer})
    def add(self, request: Request, participant: str | UUID, tag: str) -> Response:
        """Add one tag.

        201 where it is new, 200 where it was there.
        """
        tag = clean_tag(tag)
        change = state.Change(add_tags=[tag])
        result = state.apply(change, to=participant, by=actor_of(request))
        return Response({"tag": tag}, status=201 if result.changed else 200)

    def remove(self, request: Request, participant: str | UUID, tag: str) -> Response:
        """Remove one tag, if it is there."""
        change = state.Change(remove_tags=[tag.lower()])
        state.apply(change, to=participant, by=actor_of(request))
        return Response(status=204)


class AttributeViewSet(PartViewSet):
    """The attributes of a participant."""

    def get_serializer_class(self) -> type[Any]:
        return AttributeSerializer if self.action == "set" else AttributesSerializer

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "key": self.kwargs.get("key", "")}

    @extend_schema(responses=AttributeListSerializer)
    def list(self, request: Request, participant: str | UUID) -> Response:
        """List a participant's attributes."""
        return _attributes(state.answer(participant))

    @extend_schema(responses=AttributeListSerializer)
    def merge(self, request: Request, participant: str | UUID) -> Response:
        """Merge attributes, key by key."""
        return _attributes(self.change(request, participant).answer)

    @extend_schema(responses=AttributeAnswerSerializer)
    def set(self, request: Request, participant: str | UUID, key: str) -> Response:
        """Set one attribute."""
        answer = exact_json.loads(bytes(self.change(request, participant).answer))
        return Response({"key": key, "value": answer["attributes"][key]})

    def remove(self, request: Request, participant: str | UUID, key: str) -> Response:
        """Remove one attribute, if it is there."""
        change = clean_change({"attributes": {key: None}})
        state.apply(change, to=participant, by=actor_of(request))
        return Response(status=204)


class EnrollmentViewSet(GenericViewSet[Enrollment]):
    """A participant's enrolment in one program."""

    queryset = Enrollment.objects.all()
    serializer_class = EnrollmentSerializer
    required_scopes = PARTICIPANT_SCOPES
    # One of the two opens the call; which of them it takes depends on whether the enrolment exists.
    staff_verbs = {"PUT": ("add", "change")}

    def retrieve(self, request: Request, participant: str | UUID, program_id: UUID) -> Response:
        enrollment = get_object_or_404(
            Enrollment, _is(participant, "participant__"), program=program_id
        )
        return Response(self.get_serializer(enrollment).data)

    @extend_schema(responses={200: EnrollmentSerializer, 409: ProgramInactive})
    def update(self, request: Request, participant: str | UUID, program_id: UUID) -> Response:
        """Enrol, or change the status of the enrolment."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        by_key = isinstance(request.auth, ApiKey)
        set_status = self._set_status if by_key else self._set_status_as_permitted
        set_status(participant, program_id, serializer.validated_data["status"])
        return self.retrieve(request, participant, program_id)

    def destroy(self, request: Request, participant: str | UUID, program_id: UUID) -> Response:
        """Close the enrolment.

        It stays in the history, and the participant's next event reopens it.
        """
        get_object_or_404(Enrollment, _is(participant, "participant__"), program=program_id)
        self._set_status(participant, program_id, EnrollmentStatus.CLOSED)
        return Response(status=204)

    @retried
    def _set_status_as_permitted(
        self, participant: str | UUID, program_id: UUID, status: str
    ) -> None:
        with transaction.atomic():
            # Whoever writes an enrolment holds its participant's row. With that row in our hands nobody enrols between
            # our look and our write, and who may only add enrolments never changes one.
            people = Participant.objects.filter(_is(participant)).select_for_update(no_key=True)
            holder = people.first()
            if holder is None:  # and nothing is held: somebody could create and enrol them now
                raise ParticipantNotFound
            known = Enrollment.objects.filter(participant=holder, program=program_id).exists()
            permission = f"participants.{'change' if known else 'add'}_enrollment"
            if not self.request.user.has_perm(permission):
                raise PermissionDenied(f"You lack the permission {permission}.")
            self._set_status(participant, program_id, status)

    def _set_status(self, participant: str | UUID, program_id: UUID, status: str) -> None:
        change = state.Change(program_id=program_id, enrollment_status=status)
        state.apply(change, to=participant, by=actor_of(self.request))


class StateHistoryViewSet(ListModelMixin, GenericViewSet[StateChange]):
    """Every change of what a participant is: old value, new value, who and when; newest first."""

    queryset = StateChange.objects.all()
    serializer_class = StateChangeSerializer
    filterset_class = StateChangeFilter
    required_scopes = PARTICIPANT_SCOPES
    sortings = {"changed_at": ["id"]}
    default_sorting = ("changed_at", "desc")

    def get_queryset(self) -> QuerySet[StateChange]:
        address = self.kwargs["participant"]
        known = Participant.objects.filter(_is(address)).values_list("pk", flat=True).first()
        if known is None:
            raise ParticipantNotFound
        return StateChange.objects.filter(participant=known)


class UpsertRights(TypedDict):
    may_create: bool
    may_change: bool
    may_enroll: bool


def _upsert_rights(request: Request) -> UpsertRights:
    """What of an upsert the caller may do: an API key with the scope all of it, staff what their permissions say."""
    if isinstance(request.auth, ApiKey):
        return {"may_create": True, "may_change": True, "may_enroll": True}
    may = request.user.has_perm
    return {
        "may_create": may("participants.add_participant"),
        "may_change": may("participants.change_participant"),
        # A program_id makes the enrolment or reactivates it, so it takes both, as the admin's action to enrol does.
        "may_enroll": may("participants.add_enrollment") and may("participants.change_enrollment"),
    }


def _is(address: str | UUID, prefix: str = "") -> Q:
    return Q(**{f"{prefix}id" if isinstance(address, UUID) else f"{prefix}external_id": address})


def _batch_row(index: int, result: state.Result | DomainError) -> dict[str, Any]:
    if isinstance(result, DomainError):
        return {"index": index, "status": "error", "error": result.as_dict()}
    return {
        "index": index,
        "status": result.outcome,
        "participant_id": result.participant_id,
    }


def _tags(answer: msgspec.Raw) -> Response:
    tags = exact_json.loads(bytes(answer))["tags"]
    return Response({"data": [{"tag": tag} for tag in tags]})


def _attributes(answer: msgspec.Raw) -> Response:
    attributes = exact_json.loads(bytes(answer))["attributes"]
    return Response({"data": [{"key": key, "value": value} for key, value in attributes.items()]})
