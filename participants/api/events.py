"""Events: sent one by one or in batches, read, and retried."""

import re
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from participants.api.batches import (
    MAX_BATCH,
    BatchCountsSerializer,
    BatchRowSerializer,
    RefusedRowSerializer,
    batch_answer,
    bodies_of,
    either,
)
from participants.api.filters import EventFilter
from participants.api.outcomes import EventRowSerializer, EventSerializer, StoredEventSerializer
from participants.api.permissions import OUTCOME, allows, rights_of
from participants.events import ingest, retry, wait
from participants.events.request import (
    FURTHEST_AHEAD,
    NewEvent,
    clean_event,
    clean_reference,
)
from participants.exceptions import (
    EventNotFound,
    IdempotencyConflict,
    NotEnrolled,
    NotRetryable,
    ParticipantNotFound,
    UnknownParticipant,
)
from participants.models import MAX_EXTERNAL_ID_LENGTH, MAX_IDEMPOTENCY_KEY_LENGTH, Event
from participants.state.changes import clean_list
from programs.api.addresses import path_parameter
from programs.api.bodies import BodySchema, json_field, validated_body
from programs.api.callers import actor_of
from programs.api.strict import InstantField
from programs.exceptions import ProgramInactive, ProgramNotFound

_WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?:;[^,]*)?(?=,|$)", re.IGNORECASE)
_PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description=f"`wait=5` waits up to 5 seconds, at most {wait.LONGEST}, for the event to be processed.",
)


EventDataField = json_field({"type": "object", "additionalProperties": True})
EventsField = json_field(bodies_of("EventBodyRequest"))


class EventBodySerializer(BodySchema):
    """The event to store."""

    program_id = serializers.UUIDField(help_text="The program whose rules process it.")
    external_id = serializers.RegexField(
        r"\S",
        required=False,
        max_length=MAX_EXTERNAL_ID_LENGTH,
        help_text="Your application's id for the participant; either this or participant_id.",
    )
    participant_id = serializers.UUIDField(required=False, help_text="Our id of the participant.")
    idempotency_key = serializers.RegexField(
        r"\S",
        max_length=MAX_IDEMPOTENCY_KEY_LENGTH,
        help_text="Your own key for the event, unique in the program: sent again, it is the same event.",
    )
    event_timestamp = InstantField(
        help_text=f"When it happened; at most {FURTHEST_AHEAD.total_seconds() / 3600:.0f} hours ahead of now."
    )
    event_data = EventDataField(
        help_text='What happened; rules read it as `event`: {"type": "purchase", "amount": 49.90}; at most 1 MB.'
    )

    def read(self, body: Any) -> NewEvent:
        return clean_event(body, received_at=timezone.now())


class EventBatchSerializer(BodySchema):
    reader = staticmethod(partial(clean_list, name="events", most=MAX_BATCH))
    events = EventsField(
        help_text="1 to 1000 events, each as in the single call; an invalid one is reported in its row."
    )


class AcceptedEventSerializer(BatchRowSerializer):
    status = serializers.ChoiceField(choices=["accepted"])
    event = StoredEventSerializer()


class RefusedEventSerializer(RefusedRowSerializer):
    pass


class EventBatchAnswerSerializer(BatchCountsSerializer):
    """The result of each event, in the order of the body."""

    results = either("EventBatchResult", AcceptedEventSerializer, RefusedEventSerializer)


_EVENT_ID = path_parameter("event_id", "The event.", "0198c0e4-1b2c-7d3e-8f40-5162738495a6")


@extend_schema(parameters=[_EVENT_ID])
class EventViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[Event]):
    """What participants did, as your application reported it, and its outcome; newest first."""

    queryset = Event.objects.select_related("participant")
    filterset_class = EventFilter
    lookup_url_kwarg = "event_id"
    sortings = {"created_at": ["created_at", "id"]}

    def get_queryset(self) -> QuerySet[Event]:
        return Event.objects.in_rows() if self.action == "list" else super().get_queryset()

    def get_serializer_class(self) -> type[Any]:
        return {"create": EventBodySerializer, "list": EventRowSerializer}.get(
            str(self.action), EventSerializer
        )

    @extend_schema(
        parameters=[_PREFER],
        responses={
            202: StoredEventSerializer,
            200: EventSerializer,
            404: (ProgramNotFound, ParticipantNotFound),
            409: (ProgramInactive, IdempotencyConflict),
            422: UnknownParticipant,
        },
    )
    def create(self, request: Request) -> Response:
        """Store one event.

        202 once it is stored durably; it is processed within moments, in the order of the participant's events. 200 if it has been
        processed already: the same event was sent before, or `Prefer: wait` was sent and it was processed in time. The participant is
        enrolled, and created if unknown, unless the program rejects unknown participants.
        """
        event = validated_body(self)
        stored = ingest.ingest(event, by=actor_of(request), rights=rights_of(request))
        seconds = _preferred_wait(request)
        is_processed = not stored.is_pending
        if seconds is not None and not is_processed:
            is_processed = wait.wait_for(stored.id, stored.participant_id, seconds)
        if is_processed:
            return _processed(request, stored.id, seconds)
        return Response(stored.document(), status=202)

    @extend_schema(
        request=None,
        parameters=[_PREFER],
        responses={
            202: StoredEventSerializer,
            200: EventSerializer,
            409: (NotRetryable, ProgramInactive, NotEnrolled),
        },
    )
    def retry(self, request: Request, event_id: UUID) -> Response:
        """Retry one event that failed, or has rule errors.

        It keeps its place in the order of the participant's events, and runs under the current rules. All rules run if it FAILED;
        if it is COMPLETED with `rule_errors`, only the rules that failed run, and what the others did stays.
        """
        event = retry.retry(event_id, by=actor_of(request))
        seconds = _preferred_wait(request)
        if seconds is not None and wait.wait_for(event.pk, event.participant_id, seconds):
            return _processed(request, event.pk, seconds)
        return Response(StoredEventSerializer(event).data, status=202)


class EventByKeyViewSet(GenericViewSet[Event]):
    """One event by your own key for it."""

    queryset = Event.objects.select_related("participant")
    serializer_class = EventSerializer

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "program_id", UUID, required=True, description="The program of the event."
            ),
            OpenApiParameter(
                "idempotency_key", str, required=True, description="Your own key for the event."
            ),
        ],
        responses={200: EventSerializer, 404: EventNotFound},
    )
    def by_key(self, request: Request) -> Response:
        """Read one event by its key."""
        program_id, key = clean_reference(request.query_params.dict())
        event = self.queryset.filter(program=program_id, idempotency_key=key).first()
        if event is None:
            raise EventNotFound
        return Response(EventSerializer(event).data)


class EventBatchViewSet(GenericViewSet[Event]):
    """Up to 1000 events at once, each on its own."""

    queryset = Event.objects.all()
    serializer_class = EventBatchSerializer
    body_limit = settings.BATCH_BODY_LIMIT

    @extend_schema(responses={202: EventBatchAnswerSerializer})
    def create(self, request: Request) -> Response:
        """Store many events.

        Each row stands alone: an invalid one does not stop the others. Events arrive in the order of the body.
        """
        results = ingest.ingest_bodies(
            validated_body(self),
            by=actor_of(request),
            received_at=timezone.now(),
            rights=rights_of(request),
        )
        return Response(batch_answer(results, _accepted), status=202)


def _processed(request: Request, event_id: UUID, seconds: int | None) -> Response:
    event = EventViewSet.queryset.get(pk=event_id)
    headers = {} if seconds is None else {"Preference-Applied": f"wait={seconds}"}
    shown = EventSerializer if allows(request, OUTCOME) else StoredEventSerializer
    return Response(shown(event).data, headers=headers)


def _accepted(stored: ingest.Stored) -> dict[str, Any]:
    return {"status": "accepted", "event": stored.document()}


def _preferred_wait(request: Request) -> int | None:
    """The seconds of `Prefer: wait=N` (RFC 7240, section 4.3), at most ten; None without one."""
    wanted = _WAIT.search(request.META.get("HTTP_PREFER", ""))
    return min(int(wanted[1]), wait.LONGEST) if wanted else None
