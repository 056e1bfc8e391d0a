"""A participant's tiers: their level on each track."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from participants.api.addresses import PARTICIPANT, query_id
from participants.api.permissions import rights_of
from participants.exceptions import NotEnrolled, ParticipantInactive
from participants.models import TierStanding
from participants.state import tiers
from participants.state.persons import found
from participants.state.tiers import clean_tier
from programs.api.addresses import UUID_SCHEMA, text_parameter
from programs.api.bodies import BodySchema, validated_body
from programs.api.callers import actor_of
from programs.api.strict import InstantField
from programs.exceptions import ProgramInactive


class TierSerializer(BodySchema):
    reader = staticmethod(clean_tier)
    level = serializers.RegexField(
        r"\S", max_length=64, help_text="The key of one of the track's levels."
    )
    expires_at = InstantField(
        required=False, allow_null=True, help_text="When the participant falls back to the base."
    )


class TierStandingSerializer(serializers.Serializer[Any]):
    level = serializers.CharField(
        source="level_key", help_text="The key of the current level; empty at the base."
    )
    rank = serializers.IntegerField(help_text="Its rank; 0 at the base.")


@extend_schema_field({"type": ["array", "object"]})
class BenefitsField(serializers.JSONField):
    pass


class TierAnswerSerializer(TierStandingSerializer):
    key = serializers.CharField(source="track.key", help_text="The track's key.")
    program_id = serializers.UUIDField(
        source="track.program_id", help_text="The program of the track."
    )
    benefits = BenefitsField(help_text="The benefits of the level.")
    acquired_at = InstantField(allow_null=True, help_text="When the participant reached the level.")
    expires_at = InstantField(
        allow_null=True, help_text="When the level ends; null if it does not."
    )


class TierListSerializer(serializers.Serializer[Any]):
    data = TierAnswerSerializer(many=True)  # type: ignore[assignment]


_TIER = text_parameter("tier", "The tier track's key.", "status", longest=64)
_PROGRAM_ID = OpenApiParameter(
    "program_id",
    UUID_SCHEMA,
    description="The track's program. By default the one that the participant was enrolled in first.",
)


@extend_schema(parameters=[PARTICIPANT, _TIER], tags=["state"])
class TierViewSet(GenericViewSet[TierStanding]):
    """A participant's level on each track of the programs that they are or were enrolled in.

    The base is level "" with rank 0; a participant whose level has expired is at the base.
    """

    queryset = TierStanding.objects.all()
    serializer_class = TierSerializer

    @extend_schema(responses=TierListSerializer, parameters=[_PROGRAM_ID])
    def list(self, request: Request, participant: str | UUID) -> Response:
        """List a participant's tiers."""
        rows = tiers.tiers_of(found(participant), query_id(request, "program_id"))
        return Response(TierListSerializer({"data": rows}).data)

    @extend_schema(responses=TierAnswerSerializer, parameters=[_PROGRAM_ID])
    def retrieve(self, request: Request, participant: str | UUID, tier: str) -> Response:
        """Read one tier."""
        holder = found(participant)
        program_id = query_id(request, "program_id") or tiers.program_of(holder, tier)
        return Response(TierAnswerSerializer(tiers.tier_of(holder, tier, program_id)).data)

    @extend_schema(
        responses={
            200: TierAnswerSerializer,
            409: (ParticipantInactive, ProgramInactive, NotEnrolled),
        },
        parameters=[_PROGRAM_ID],
    )
    def set(self, request: Request, participant: str | UUID, tier: str) -> Response:
        """Set a participant's level.

        The participant must be active and enrolled in the program, and the program active.
        """
        change = validated_body(self)
        program_id = query_id(request, "program_id") or tiers.program_of(found(participant), tier)
        rights = rights_of(request, "tierstanding")
        standing = tiers.set_tier(
            participant, tier, program_id, change, by=actor_of(request), rights=rights
        )
        return Response(TierAnswerSerializer(standing).data)

    @extend_schema(
        responses={204: None, 409: (ParticipantInactive, ProgramInactive, NotEnrolled)},
        parameters=[_PROGRAM_ID],
    )
    def remove(self, request: Request, participant: str | UUID, tier: str) -> Response:
        """Put a participant back to the base of a track."""
        program_id = query_id(request, "program_id") or tiers.program_of(found(participant), tier)
        tiers.clear_tier(participant, tier, program_id, by=actor_of(request))
        return Response(status=204)
