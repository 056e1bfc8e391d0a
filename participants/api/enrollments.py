"""A participant's enrollment in one program."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from participants.api.addresses import PARTICIPANT, is_of
from participants.api.permissions import rights_of
from participants.models import Enrollment, EnrollmentStatus
from participants.state.enrollments import set_enrollment
from programs.api.addresses import PROGRAM_ID
from programs.api.bodies import validated_body
from programs.api.callers import actor_of
from programs.api.strict import RowSerializer, StrictSerializer
from programs.exceptions import ProgramInactive


class EnrollmentSerializer(StrictSerializer, RowSerializer[Enrollment]):
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
        status = validated_body(self)["status"]
        rights = rights_of(request, "enrollment")
        set_enrollment(participant, program_id, status, by=actor_of(request), rights=rights)
        return self.retrieve(request, participant, program_id)

    def destroy(self, request: Request, participant: str | UUID, program_id: UUID) -> Response:
        """Close the enrollment.

        It stays in the history, and the participant's next event reopens it.
        """
        get_object_or_404(Enrollment, is_of(participant, "participant__"), program=program_id)
        closed = EnrollmentStatus.CLOSED
        set_enrollment(participant, program_id, closed, by=actor_of(request))
        return Response(status=204)
