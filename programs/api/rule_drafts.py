"""Conditions and actions to be checked without storing them."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from programs import rulebook
from programs.api.bodies import BodySchema, validated_body
from programs.api.findings import FindingSerializer, PositionField, WarningsField
from programs.api.rule_checks import checks_rules
from programs.api.strict import JSONTextArea
from programs.exceptions import ProgramNotFound
from programs.kernel.exceptions import ValidationFailed
from programs.models import Rule


@extend_schema_field({"type": "array", "items": {}})
class AnyActionsField(JSONTextArea):
    """Actions that may be wrong: the call is there to find out."""


class RuleDraftSerializer(BodySchema):
    """A condition, actions, or both."""

    program_id = serializers.UUIDField(
        required=False,
        help_text="The program that they are checked for: its assets, tracks and levels. Left out, names are not checked.",
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


class JudgementSerializer(serializers.Serializer[Any]):
    """Whether a rule could have them, and what is wrong if not."""

    valid = serializers.BooleanField()
    message = serializers.CharField(help_text='The first mistake, for people; "" where there is none.')  # fmt: skip
    position = PositionField(
        required=False,
        help_text="Where it is in the expression; absent for a mistake outside of one.",
    )
    errors = FindingSerializer(  # type: ignore[assignment]
        many=True, help_text="All mistakes."
    )
    warnings = WarningsField()

    def to_representation(self, instance: rulebook.Findings) -> dict[str, Any]:
        errors = instance.errors
        answer: dict[str, Any] = {
            "valid": not errors,
            "message": ValidationFailed(errors).message if errors else "",
            "errors": [error.as_dict() for error in errors],
            "warnings": [warning.as_dict() for warning in instance.warnings],
        }
        position = next((error.position for error in errors if error.position), None)
        if position is not None:
            answer["position"] = position.as_dict()
        return answer


class RuleDraftViewSet(GenericViewSet[Any]):
    queryset = Rule.objects.all()
    serializer_class = RuleDraftSerializer

    @extend_schema(responses={200: JudgementSerializer, 404: ProgramNotFound})
    @checks_rules
    def validate(self, request: Request) -> Response:
        """Say whether a condition, actions, or both are right.

        Nothing is stored. What is wrong with them is in the answer, each mistake with its place. With a `program_id`
        they are checked for that program, and `warnings` tell of what is probably wrong.
        """
        return Response(JudgementSerializer(rulebook.findings_in(validated_body(self))).data)
