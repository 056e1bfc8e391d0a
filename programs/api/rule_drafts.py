"""Conditions and actions to be checked without storing them."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from programs import rulebook
from programs.api.bodies import BodySchema, validated_body
from programs.api.refusals import POSITION
from programs.api.strict import JSONTextArea
from programs.exceptions import ProgramNotFound
from programs.kernel.exceptions import FieldError, ValidationFailed
from programs.models import Rule


@extend_schema_field({"type": "array", "items": {}})
class AnyActionsField(JSONTextArea):
    """Actions that may be wrong: the call is there to find out."""


class RuleDraftSerializer(BodySchema):
    """A condition or actions: exactly one of the two."""

    program_id = serializers.UUIDField(
        required=False,
        help_text="The program whose assets and tiers the actions may name; left out, any.",
    )
    condition = serializers.CharField(
        required=False,
        allow_blank=True,
        style={"base_template": "textarea.html", "rows": 4},
        help_text="An expression (CEL) that is true or false.",
    )
    actions = AnyActionsField(
        required=False,
        style={"base_template": "textarea.html", "rows": 8},
        help_text="A list of actions, as a rule has them.",
    )

    def read(self, body: Any) -> rulebook.Draft:
        return rulebook.clean_draft(body)


@extend_schema_field(POSITION)
class PositionField(serializers.DictField):
    pass


class RefusedFieldSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text='Its path, such as "actions[1].amount".')
    reason = serializers.CharField(help_text="Why, for machines.")
    message = serializers.CharField(help_text="Why, for people.")
    position = PositionField(required=False, help_text="Where in an expression.")


class JudgementSerializer(serializers.Serializer[Any]):
    """Whether a rule could have them, and what is wrong if not."""

    valid = serializers.BooleanField()
    message = serializers.CharField(help_text='The first mistake, for people; "" where there is none.')  # fmt: skip
    position = PositionField(
        required=False,
        help_text="Where it is in the expression; absent for a mistake outside of one.",
    )
    errors = RefusedFieldSerializer(  # type: ignore[assignment]
        many=True, help_text="All mistakes."
    )

    def to_representation(self, instance: Sequence[FieldError]) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "valid": not instance,
            "message": ValidationFailed(instance).message if instance else "",
            "errors": [error.as_dict() for error in instance],
        }
        position = next((error.position for error in instance if error.position), None)
        if position is not None:
            answer["position"] = position.as_dict()
        return answer


class RuleDraftViewSet(GenericViewSet[Any]):
    queryset = Rule.objects.all()
    serializer_class = RuleDraftSerializer

    @extend_schema(responses={200: JudgementSerializer, 404: ProgramNotFound})
    def judge(self, request: Request) -> Response:
        """Say whether a condition or actions are right.

        Nothing is stored. What is wrong with them is in the answer, each mistake with its place.
        """
        return Response(JudgementSerializer(rulebook.mistakes_in(validated_body(self))).data)
