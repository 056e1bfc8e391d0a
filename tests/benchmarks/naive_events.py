"""An event as one stores it first: a ModelSerializer, look-ups by the ORM, a transaction for each event.

It checks what Laurel checks, makes and enrolls whom Laurel would, writes the same rows and gives the same answer. What it does
not have is safety: two simultaneous calls with one new key may answer 500.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Func, Value
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ModelViewSet

from participants.api.outcomes import EventSerializer, StoredEventSerializer
from participants.exceptions import IdempotencyConflict, ParticipantNotFound, UnknownParticipant
from participants.models import Enrollment, EnrollmentStatus, Event, EventStatus, Participant
from programs.api.callers import actor_of
from programs.exceptions import ProgramInactive, ProgramNotFound
from programs.kernel import exact_json
from programs.kernel.exceptions import DomainError
from programs.models import ApiKey, Program, ProgramStatus, Scope
from tests.benchmarks.naive import KeyAuthentication, beginnings, record

# What the column gives by itself, where an INSERT does not name it; the ORM names every column.
_NEXT = Func(Value("participants_event_sequence_seq"), function="nextval")


class MaySend(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, ApiKey) and Scope.EVENTS_WRITE in request.auth.scopes


class NaiveEventSerializer(serializers.ModelSerializer[Event]):
    program_id = serializers.UUIDField()
    external_id = serializers.CharField(max_length=255, required=False)
    participant_id = serializers.UUIDField(required=False)
    event_data = serializers.DictField(source="data")

    class Meta:
        model = Event
        fields = [
            "program_id",
            "external_id",
            "participant_id",
            "idempotency_key",
            "event_timestamp",
            "event_data",
        ]

    def validate_event_timestamp(self, moment: datetime) -> datetime:
        if moment > timezone.now() + timedelta(hours=24):
            raise serializers.ValidationError("At most 24 hours ahead of now.")
        return moment

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("external_id" in attrs) == ("participant_id" in attrs):
            raise serializers.ValidationError("Give one of external_id and participant_id.")
        return attrs


class NaiveEventViewSet(ModelViewSet[Event]):
    queryset = Event.objects.all()
    serializer_class = NaiveEventSerializer
    authentication_classes = [KeyAuthentication]
    permission_classes = [MaySend]
    throttle_classes = []
    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = DefaultContentNegotiation

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        event = _store(**serializer.validated_data, by=str(actor_of(request)))
        if event.status != EventStatus.PENDING:
            return Response(EventSerializer(event).data)
        return Response(StoredEventSerializer(event).data, status=202)


class NaiveEventBatchView(APIView):
    """The same for each of many."""

    authentication_classes = [KeyAuthentication]
    permission_classes = [MaySend]
    throttle_classes = []
    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = DefaultContentNegotiation

    def post(self, request: Request) -> Response:
        body: Any = request.data
        rows = [
            {"index": index, **self._stored(event)} for index, event in enumerate(body["events"])
        ]
        errors = sum(row["status"] == "error" for row in rows)
        return Response(
            {
                "total": len(rows),
                "success_count": len(rows) - errors,
                "error_count": errors,
                "results": rows,
            },
            status=202,
        )

    def _stored(self, body: Any) -> dict[str, Any]:
        serializer = NaiveEventSerializer(data=body)
        try:
            serializer.is_valid(raise_exception=True)
            event = _store(**serializer.validated_data, by=str(actor_of(self.request)))
        except ValidationError as error:
            return {"status": "error", "error": {"code": "validation_failed", "message": error}}
        except DomainError as error:
            return {"status": "error", "error": error.as_dict()}
        return {"status": "accepted", "event": StoredEventSerializer(event).data}


@transaction.atomic
def _store(
    *,
    program_id: UUID,
    idempotency_key: str,
    event_timestamp: datetime,
    data: dict[str, Any],
    by: str,
    external_id: str | None = None,
    participant_id: UUID | None = None,
) -> Event:
    program = Program.objects.filter(pk=program_id).first()
    if program is None:
        raise ProgramNotFound
    known = (
        Event.objects.select_related("participant")
        .filter(program=program, idempotency_key=idempotency_key)
        .first()
    )
    if known:
        is_same = (
            (known.participant.external_id == external_id or known.participant_id == participant_id)
            and known.event_timestamp == event_timestamp
            and known.data == exact_json.loads(exact_json.dumps(data))
        )
        if not is_same:
            raise IdempotencyConflict
        return known
    if program.status != ProgramStatus.ACTIVE:
        raise ProgramInactive
    participant = _participant(program, external_id, participant_id, by)
    _enroll(participant, program, by)
    return Event.objects.create(
        sequence=_NEXT,
        program=program,
        participant=participant,
        idempotency_key=idempotency_key,
        event_timestamp=event_timestamp,
        data=data,
        created_by=by,
    )


def _participant(
    program: Program, external_id: str | None, participant_id: UUID | None, by: str
) -> Participant:
    if participant_id is not None:
        participant = Participant.objects.filter(pk=participant_id).first()
    else:
        participant = Participant.objects.filter(external_id=external_id).first()
    if participant:
        return participant
    if program.on_unknown_participant == "REJECT":
        raise UnknownParticipant
    if external_id is None:
        raise ParticipantNotFound
    participant = Participant.objects.create(external_id=external_id)
    record(participant, beginnings(participant), by)
    return participant


def _enroll(participant: Participant, program: Program, by: str) -> None:
    enrollment, created = Enrollment.objects.get_or_create(participant=participant, program=program)
    if created:
        record(participant, [("enrollment", str(program.pk), None, EnrollmentStatus.ACTIVE)], by)
    elif enrollment.status != EnrollmentStatus.ACTIVE:
        before = enrollment.status
        enrollment.status = EnrollmentStatus.ACTIVE
        enrollment.updated_at = participant.updated_at = timezone.now()
        enrollment.save(update_fields=["status", "updated_at"])
        participant.save(update_fields=["updated_at"])
        record(participant, [("enrollment", str(program.pk), before, EnrollmentStatus.ACTIVE)], by)
