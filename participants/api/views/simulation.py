"""Trying out what an event would do: nothing is stored."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from participants.api.answers import SimulationAnswerSerializer
from participants.api.rights import SIMULATING_A_PARTICIPANT
from participants.api.serializers.events import TrialSerializer
from participants.events.simulate import simulate_program, simulate_rule
from participants.events.trial import Trial
from participants.exceptions import ParticipantNotFound
from programs.kernel.exceptions import ProgramNotFound, RuleNotFound
from programs.models import Program, Rule


class _SimulationViewSet(GenericViewSet[Any]):
    serializer_class = TrialSerializer

    def _trial(self, request: Request) -> Trial:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        trial: Trial = serializer.validated_data
        if trial.of is not None:
            SIMULATING_A_PARTICIPANT.check(request)
        return trial


class ProgramSimulationViewSet(_SimulationViewSet):
    queryset = Program.objects.all()

    @extend_schema(
        responses={200: SimulationAnswerSerializer, 404: (ProgramNotFound, ParticipantNotFound)}
    )
    def simulate(self, request: Request, program_id: UUID) -> Response:
        """Try an event on a program's rules.

        Says for each rule whether it would match and why, and what its actions would do. Nothing is stored. With `rule`, that rule is
        tried in place of the program's own. For a participant of yours the key needs `participants:read` too.
        """
        return Response(simulate_program(program_id, self._trial(request)))


class RuleSimulationViewSet(_SimulationViewSet):
    queryset = Rule.objects.all()

    @extend_schema(
        responses={200: SimulationAnswerSerializer, 404: (RuleNotFound, ParticipantNotFound)}
    )
    def simulate(self, request: Request, rule_id: UUID) -> Response:
        """Try an event on one rule.

        Says whether it would match and why, and what its actions would do, suspended or not. Nothing is stored. `rule` holds
        changes to try with it. For a participant of yours the key needs `participants:read` too.
        """
        return Response(simulate_rule(rule_id, self._trial(request)))
