"""A participant's enrollment in one program."""

from uuid import UUID

from django.db import transaction
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from participants import state
from participants.api.addresses import PARTICIPANT, is_of
from participants.exceptions import ParticipantNotFound
from participants.models import Enrollment, EnrollmentStatus, Participant
from programs.api.addresses import PROGRAM_ID
from programs.api.callers import actor_of
from programs.api.strict import StrictSerializer
from programs.kernel.database import retried
from programs.kernel.exceptions import ProgramInactive
from programs.models import ApiKey


class EnrollmentSerializer(StrictSerializer, serializers.ModelSerializer[Enrollment]):
    status = serializers.ChoiceField(
        choices=EnrollmentStatus.choices, required=False, default=EnrollmentStatus.ACTIVE
    )

    class Meta:
        model = Enrollment
        fields = ["program_id", "status", "created_at", "updated_at"]
        read_only_fields = ["program_id", "created_at", "updated_at"]


@extend_schema(parameters=[PARTICIPANT, PROGRAM_ID], tags=["enrollments"])
class EnrollmentViewSet(GenericViewSet[Enrollment]):
    """A participant's enrollment in one program."""

    queryset = Enrollment.objects.all()
    serializer_class = EnrollmentSerializer

    def retrieve(self, request: Request, participant: str | UUID, program_id: UUID) -> Response:
        enrollment = get_object_or_404(
            Enrollment, is_of(participant, "participant__"), program=program_id
        )
        return Response(self.get_serializer(enrollment).data)

    @extend_schema(responses={200: EnrollmentSerializer, 409: ProgramInactive})
    def update(self, request: Request, participant: str | UUID, program_id: UUID) -> Response:
        """Enroll, or change the status of the enrollment."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        by_key = isinstance(request.auth, ApiKey)
        set_status = self._set_status if by_key else self._set_status_as_permitted
        set_status(participant, program_id, serializer.validated_data["status"])
        return self.retrieve(request, participant, program_id)

    def destroy(self, request: Request, participant: str | UUID, program_id: UUID) -> Response:
        """Close the enrollment.

        It stays in the history, and the participant's next event reopens it.
        """
        get_object_or_404(Enrollment, is_of(participant, "participant__"), program=program_id)
        self._set_status(participant, program_id, EnrollmentStatus.CLOSED)
        return Response(status=204)

    @retried
    def _set_status_as_permitted(
        self, participant: str | UUID, program_id: UUID, status: str
    ) -> None:
        with transaction.atomic():
            # Whoever writes an enrollment holds its participant's row. With that row in our hands nobody enrols between
            # our look and our write, and who may only add enrollments never changes one.
            people = Participant.objects.filter(is_of(participant)).select_for_update(no_key=True)
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
        state.change(change, to=participant, by=actor_of(self.request))
