"""A participant's tiers: their level on each track."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from participants.api.addresses import PARTICIPANT, query_id
from participants.api.permissions import allows, rights_of
from participants.exceptions import NotEnrolled, ParticipantInactive
from participants.models import TierStanding
from participants.state import tiers
from participants.state.counters import counters_of
from participants.state.persons import found
from participants.state.tiers import Tier, clean_tier
from programs.api.addresses import UUID_SCHEMA, text_parameter
from programs.api.bodies import BodySchema, validated_body
from programs.api.callers import actor_of
from programs.api.strict import DecimalField, InstantField
from programs.api.tiers import BENEFITS
from programs.exceptions import ProgramInactive
from programs.tracks.bodies import MODES, OPERATORS


class TierSerializer(BodySchema):
    reader = staticmethod(clean_tier)
    level = serializers.CharField(
        max_length=64,
        allow_blank=True,
        help_text="The key of one of the track's levels; empty for the base.",
    )
    expires_at = InstantField(
        required=False,
        allow_null=True,
        help_text="When the level ends. Until then it is lent: the participant stands on it or on the earned level, whichever is higher.",
    )
    pinned = serializers.BooleanField(
        default=False,
        help_text="Whether to hold the participant on the level, up and down, until it ends or another is set.",
    )


class TierStandingSerializer(serializers.Serializer[Any]):
    level = serializers.CharField(
        source="level_key", help_text="The key of the current level; empty at the base."
    )
    rank = serializers.IntegerField(help_text="Its rank; 0 at the base.")


@extend_schema_field(BENEFITS)
class BenefitsField(serializers.JSONField):
    pass


class CriterionProgressSerializer(serializers.Serializer[Any]):
    counter = serializers.CharField()
    operator = serializers.ChoiceField(choices=OPERATORS)
    value = DecimalField(help_text="The counter as it counts now.")
    threshold = DecimalField()
    missing = DecimalField(help_text="How far the counter is from the threshold; 0 if `reached`.")
    reached = serializers.BooleanField()


class ProgressSerializer(serializers.Serializer[Any]):
    level = serializers.CharField(source="level.key", help_text="The key of the next level.")
    rank = serializers.IntegerField(source="level.rank")
    mode = serializers.ChoiceField(
        choices=MODES, help_text="Whether all criteria must hold, or any one of them."
    )
    criteria = CriterionProgressSerializer(many=True)


class TierAnswerSerializer(TierStandingSerializer):
    key = serializers.CharField(source="track.key", help_text="The track's key.")
    program_id = serializers.UUIDField(
        source="track.program_id", help_text="The program of the track."
    )
    benefits = BenefitsField(help_text="The benefits of the level.")
    acquired_at = InstantField(allow_null=True, help_text="When the participant reached the level.")
    expires_at = InstantField(
        allow_null=True,
        help_text="When a loan or pin ends; then the participant is on `earned_level`. Null if it does not end.",
    )
    pinned = serializers.BooleanField(
        source="is_pinned", help_text="Whether the level is held whatever happens."
    )
    earned_level = serializers.CharField(
        help_text="The key of the level that the participant has by events or for good, whatever is lent or pinned; empty for none."
    )
    progress = ProgressSerializer(
        allow_null=True,
        help_text="The next level that counters can reach; null where there is none. Left out for staff who may not see counters.",
    )

    def to_representation(self, tier: Tier) -> dict[str, Any]:
        answer = super().to_representation(tier)
        if not self.context["shows_progress"]:
            del answer["progress"]
        return answer


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

    The base is level "" with rank 0. A loan or pin ends by itself at `expires_at`; from then on they are on the level that they
    have earned meanwhile.
    """

    queryset = TierStanding.objects.all()
    serializer_class = TierSerializer

    @extend_schema(responses=TierListSerializer, parameters=[_PROGRAM_ID])
    def list(self, request: Request, participant: str | UUID) -> Response:
        """List a participant's tiers."""
        holder = found(participant)
        program_id = query_id(request, "program_id")
        rows = tiers.tiers_of(holder, program_id, self._counters(holder))
        return Response(TierListSerializer({"data": rows}, context=self._context()).data)

    @extend_schema(responses=TierAnswerSerializer, parameters=[_PROGRAM_ID])
    def retrieve(self, request: Request, participant: str | UUID, tier: str) -> Response:
        """Read one tier."""
        holder = found(participant)
        program_id = query_id(request, "program_id") or tiers.program_of(holder, tier)
        return self._answer(tiers.tier_of(holder, tier, program_id, self._counters(holder)))

    @extend_schema(
        responses={
            200: TierAnswerSerializer,
            409: (ParticipantInactive, ProgramInactive, NotEnrolled),
        },
        parameters=[_PROGRAM_ID],
    )
    def set(self, request: Request, participant: str | UUID, tier: str) -> Response:
        """Set a participant's level.

        Replaces everything: without `expires_at` and `pinned` the level becomes the earned one, which events may raise, and
        any loan or pin is taken off. The participant must be active and enrolled in the program, and the program active.
        """
        change = validated_body(self)
        program_id = query_id(request, "program_id") or tiers.program_of(found(participant), tier)
        rights = rights_of(request, "tierstanding")
        return self._answer(
            tiers.set_tier(
                participant, tier, program_id, change, by=actor_of(request), rights=rights
            )
        )

    @extend_schema(
        responses={204: None, 409: (ParticipantInactive, ProgramInactive, NotEnrolled)},
        parameters=[_PROGRAM_ID],
    )
    def remove(self, request: Request, participant: str | UUID, tier: str) -> Response:
        """Put a participant back to the base of a track.

        Clears the earned level, loan and pin; the next event evaluates the counters again.
        """
        program_id = query_id(request, "program_id") or tiers.program_of(found(participant), tier)
        tiers.clear_tier(participant, tier, program_id, by=actor_of(request))
        return Response(status=204)

    def _answer(self, tier: Tier) -> Response:
        return Response(TierAnswerSerializer(tier, context=self._context()).data)

    def _context(self) -> dict[str, Any]:
        return {"shows_progress": self._shows_progress}

    def _counters(self, holder: UUID) -> dict[str, Decimal] | None:
        if not self._shows_progress:
            return None
        return {counter.key: counter.value for counter in counters_of(holder)}

    @property
    def _shows_progress(self) -> bool:
        return allows(self.request, "CounterViewSet.list")
