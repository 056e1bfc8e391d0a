"""Simulation: what an event would do, without storing anything."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from participants.api.buckets import BucketsSerializer
from participants.api.outcomes import (
    FailureSerializer,
    RuleEvaluationSerializer,
    TierChangeSerializer,
)
from participants.api.permissions import SIMULATING_A_PARTICIPANT
from participants.api.profile import StoredAttributesField, TagsField
from participants.api.tiers import TierStandingSerializer
from participants.events.simulate import simulate_program, simulate_rule
from participants.events.trial import Trial, clean_trial
from participants.exceptions import ParticipantNotFound
from participants.models import MAX_EXTERNAL_ID_LENGTH, ParticipantStatus
from programs.api.addresses import PROGRAM_ID, path_parameter
from programs.api.bodies import BodySchema, json_field, validated_body
from programs.api.rule_checks import checks_rules
from programs.api.strict import DecimalField, InstantField
from programs.exceptions import ProgramNotFound, RuleNotFound
from programs.models import Program, Rule

ObjectField = json_field({"type": "object", "additionalProperties": True})


class TrialSerializer(BodySchema):
    """An event to simulate, and one of participant_id, external_id and participant_state."""

    event = ObjectField(help_text='The event\'s data: {"type": "purchase", "amount": 49.90}.')
    event_timestamp = InstantField(
        required=False, allow_null=True, help_text="When it happens; now by default."
    )
    participant_id = serializers.UUIDField(required=False, help_text="Our id of a participant.")
    external_id = serializers.RegexField(
        r"\S",
        required=False,
        max_length=MAX_EXTERNAL_ID_LENGTH,
        help_text="Your application's id for a participant.",
    )
    participant_state = ObjectField(
        required=False,
        help_text='A made-up participant: {"tags": ["vip"], "counters": {"visits": "9"}, "balances": {"POINTS": {"available": "50"}}, "enrolled_at": "2026-01-01T00:00:00Z"}.',
    )
    rule = ObjectField(
        required=False,
        help_text='A draft of a rule: {"condition": "event.amount > 50", "actions": []}.',
    )

    def read(self, body: Any) -> Trial:
        return clean_trial(body, now=timezone.now())


class SimulatedStateSerializer(serializers.Serializer[Any]):
    external_id = serializers.CharField()
    status = serializers.ChoiceField(choices=ParticipantStatus.choices)
    tags = TagsField()
    attributes = StoredAttributesField()
    counters = serializers.DictField(child=DecimalField())
    tiers = serializers.DictField(child=TierStandingSerializer())
    balances = serializers.DictField(child=BucketsSerializer(), help_text="By the asset's symbol.")


class SimulationAnswerSerializer(serializers.Serializer[Any]):
    """The outcome that the event would have."""

    status = serializers.ChoiceField(choices=["COMPLETED", "FAILED"])
    rule_evaluations = RuleEvaluationSerializer(many=True)
    tier_changes = TierChangeSerializer(many=True)
    failure = FailureSerializer(allow_null=True)
    rule_errors = serializers.IntegerField(
        help_text="How many rules would fail while the others had their effect."
    )
    participant_state = SimulatedStateSerializer(help_text="The participant afterwards.")


class _SimulationViewSet(GenericViewSet[Any]):
    serializer_class = TrialSerializer

    def _trial(self, request: Request) -> Trial:
        trial: Trial = validated_body(self)
        if trial.of is not None:
            SIMULATING_A_PARTICIPANT.check(request)
        return trial


@extend_schema(parameters=[PROGRAM_ID])
class ProgramSimulationViewSet(_SimulationViewSet):
    queryset = Program.objects.all()

    @extend_schema(
        responses={200: SimulationAnswerSerializer, 404: (ProgramNotFound, ParticipantNotFound)}
    )
    @checks_rules
    def simulate(self, request: Request, program_id: UUID) -> Response:
        """Simulate an event with a program's rules.

        Shows for each rule whether it would match and why, and what its actions would do. Nothing is stored. With `rule`, that rule
        is used in place of the program's own. To simulate one of your participants, the key needs `participants:read`, too.
        """
        return Response(simulate_program(program_id, self._trial(request)))


@extend_schema(
    parameters=[path_parameter("rule_id", "The rule.", "0198c0e2-6c7d-7e8f-9a0b-1c2d3e4f5a6b")]
)
class RuleSimulationViewSet(_SimulationViewSet):
    queryset = Rule.objects.all()

    @extend_schema(
        responses={200: SimulationAnswerSerializer, 404: (RuleNotFound, ParticipantNotFound)}
    )
    @checks_rules
    def simulate(self, request: Request, rule_id: UUID) -> Response:
        """Simulate an event with one rule.

        Shows whether it would match and why, and what its actions would do, suspended or not. Nothing is stored. `rule` holds
        changes to try on it. To simulate one of your participants, the key needs `participants:read`, too.
        """
        return Response(simulate_rule(rule_id, self._trial(request)))
