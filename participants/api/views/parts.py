"""One part of what a participant is, read and changed by itself: status, tags, attributes, counters, tiers."""

from typing import Any
from uuid import UUID

import msgspec
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

from participants import state
from participants.api.answers import (
    AttributeAnswerSerializer,
    AttributeListSerializer,
    CounterAnswerSerializer,
    CounterListSerializer,
    ParticipantSerializer,
    TagListSerializer,
    TagSerializer,
    TierAnswerSerializer,
    TierListSerializer,
)
from participants.api.serializers.participants import (
    AttributeSerializer,
    AttributesSerializer,
    CounterSerializer,
    StatusSerializer,
    TagsSerializer,
    TierSerializer,
)
from participants.exceptions import NotEnrolled, ParticipantInactive
from participants.models import Counter, Participant, TierStanding
from participants.state import counters, tiers
from participants.state.changes import clean_change, clean_tag
from participants.state.people import found
from programs.api.callers import actor_of
from programs.kernel import durations, exact_json, instants
from programs.kernel.cleaning import Errors, uuid_of
from programs.kernel.decimals import written
from programs.kernel.exceptions import ProgramInactive


class PartViewSet(GenericViewSet[Participant]):
    """One part of what a participant is, read and changed by itself."""

    queryset = Participant.objects.all()

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


class CounterViewSet(GenericViewSet[Counter]):
    """The counters of a participant, as they count now: past its window a counter stands at "0"."""

    queryset = Counter.objects.all()
    serializer_class = CounterSerializer

    @extend_schema(responses=CounterListSerializer)
    def list(self, request: Request, participant: str | UUID) -> Response:
        """List a participant's counters."""
        rows = counters.counters_of(found(participant))
        return Response({"data": [_counter(row) for row in rows]})

    @extend_schema(responses=CounterAnswerSerializer)
    def retrieve(self, request: Request, participant: str | UUID, counter: str) -> Response:
        """Read one counter."""
        return Response(_counter(counters.counter_of(found(participant), counter)))

    @extend_schema(responses=CounterAnswerSerializer)
    def set(self, request: Request, participant: str | UUID, counter: str) -> Response:
        """Set a counter, or make it.

        A window begins anew where the last one has ended or `reset_after` changes; else it goes on.
        """
        counters.clean_counter_key(counter)
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        change = serializer.validated_data
        return Response(
            _counter(counters.set_counter(participant, counter, change, by=actor_of(request)))
        )

    def remove(self, request: Request, participant: str | UUID, counter: str) -> Response:
        """Delete a counter, if it is there."""
        counters.delete_counter(participant, counter, by=actor_of(request))
        return Response(status=204)


_PROGRAM_ID = OpenApiParameter(
    "program_id",
    {"type": "string", "format": "uuid"},
    description="The track's program. Left out, it is the one that the participant was enrolled in first.",
)


class TierViewSet(GenericViewSet[TierStanding]):
    """Where a participant stands on the tracks of the programs that they are or were enrolled in.

    The base is level "" and rank 0; past `expires_at` that is where they stand.
    """

    queryset = TierStanding.objects.all()
    serializer_class = TierSerializer

    @extend_schema(responses=TierListSerializer, parameters=[_PROGRAM_ID])
    def list(self, request: Request, participant: str | UUID) -> Response:
        """List a participant's tiers."""
        rows = tiers.tiers_of(found(participant), self._program_id(request))
        return Response({"data": [_tier(row) for row in rows]})

    @extend_schema(responses=TierAnswerSerializer, parameters=[_PROGRAM_ID])
    def retrieve(self, request: Request, participant: str | UUID, tier: str) -> Response:
        """Read one tier."""
        holder = found(participant)
        program_id = self._program_id(request) or tiers.program_of(holder, tier)
        return Response(_tier(tiers.tier_of(holder, tier, program_id)))

    @extend_schema(
        responses={
            200: TierAnswerSerializer,
            409: (ParticipantInactive, ProgramInactive, NotEnrolled),
        },
        parameters=[_PROGRAM_ID],
    )
    def set(self, request: Request, participant: str | UUID, tier: str) -> Response:
        """Put a participant on a level.

        It takes an active participant who is enrolled in an active program.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        program_id = self._program_id(request) or tiers.program_of(found(participant), tier)
        change = serializer.validated_data
        standing = tiers.set_tier(participant, tier, program_id, change, by=actor_of(request))
        return Response(_tier(standing))

    @extend_schema(
        responses={204: None, 409: (ParticipantInactive, ProgramInactive, NotEnrolled)},
        parameters=[_PROGRAM_ID],
    )
    def remove(self, request: Request, participant: str | UUID, tier: str) -> Response:
        """Put a participant back to the base of a track."""
        program_id = self._program_id(request) or tiers.program_of(found(participant), tier)
        tiers.clear_tier(participant, tier, program_id, by=actor_of(request))
        return Response(status=204)

    def _program_id(self, request: Request) -> UUID | None:
        text = request.query_params.get("program_id")
        if text is None:
            return None
        errors = Errors()
        program_id = uuid_of(text, errors, "program_id")
        errors.raise_if_any()
        return program_id


def _counter(counter: Counter) -> dict[str, Any]:
    return {
        "key": counter.key,
        "value": written(counter.value),
        "reset_after": counter.reset_after and durations.written(counter.reset_after),
        "last_reset_at": instants.written(counter.last_reset_at),
    }


def _tier(tier: tiers.Tier) -> dict[str, Any]:
    level = tier.level
    return {
        "key": tier.track.key,
        "program_id": tier.track.program_id,
        "level": level.key if level else "",
        "rank": level.rank if level else 0,
        "benefits": level.benefits if level else [],
        "acquired_at": tier.acquired_at and instants.written(tier.acquired_at),
        "expires_at": tier.expires_at and instants.written(tier.expires_at),
    }


def _tags(answer: msgspec.Raw) -> Response:
    tags = exact_json.loads(bytes(answer))["tags"]
    return Response({"data": [{"tag": tag} for tag in tags]})


def _attributes(answer: msgspec.Raw) -> Response:
    attributes = exact_json.loads(bytes(answer))["attributes"]
    return Response({"data": [{"key": key, "value": value} for key, value in attributes.items()]})
