"""Rules in the API. `rulebook` reads their bodies, for every door alike; the serializers here document and render."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from programs import rulebook
from programs.api.callers import actor_of
from programs.api.filters import TrueOrFalseFilter
from programs.api.refusals import POSITION
from programs.api.strict import InstantField, JSONTextArea, body_of
from programs.kernel.exceptions import (
    FieldError,
    OrderTaken,
    ProgramInactive,
    ProgramNotFound,
    ValidationFailed,
)
from programs.models import Rule, RuleStatus, RuleVersion
from programs.models.rules import MAX_CONDITION_LENGTH, MAX_ORDER
from programs.rulebook.actions import ACTION_TYPES, MAX_ACTIONS, in_documented_order
from programs.rulebook.bodies import FIELDS, MAX_DESCRIPTION_LENGTH, MAX_NAME_LENGTH

_JSON_INPUTS = {"actions", "order", "stop_after_match"}
_TIME_INPUTS = {"active_from", "active_to"}


class ActionsField(JSONTextArea):
    def to_representation(self, value: Any) -> Any:
        return in_documented_order(value)


class ActionsSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """The schema of a list of actions: one component for each type, told apart by `type`."""

    target_class = ActionsField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        registry = auto_schema.registry
        kinds = {
            kind: _component(registry, f"{action.__name__}Action", action.schema())
            for kind, action in ACTION_TYPES.items()
        }
        union = {
            "oneOf": list(kinds.values()),
            "discriminator": {
                "propertyName": "type",
                "mapping": {kind: ref["$ref"] for kind, ref in kinds.items()},
            },
        }
        return {
            "type": "array",
            "maxItems": MAX_ACTIONS,
            "items": _component(registry, "Action", union),
        }


def _component(registry: ComponentRegistry, name: str, schema: dict[str, Any]) -> dict[str, str]:
    component = ResolvedComponent(name, ResolvedComponent.SCHEMA, schema, object=name)  # type: ignore[no-untyped-call]
    registry.register_on_missing(component)
    reference: dict[str, str] = component.ref
    return reference


@extend_schema_field({"type": "array", "items": {}})
class AnyActionsField(JSONTextArea):
    """Actions that may be wrong, which is what the call is about."""


class RuleSerializer(serializers.ModelSerializer[Rule]):
    """What an event earns: if the condition holds, the actions are carried out, in order."""

    actions = ActionsField(help_text="What it does then, one after the other.")
    active_from = InstantField(
        allow_null=True, help_text="The first moment whose events it takes; null for any."
    )
    active_to = InstantField(
        allow_null=True, help_text="The moment from which it takes none; null for never."
    )

    class Meta:
        model = Rule
        fields = [
            "id",
            "program_id",
            "name",
            "description",
            "condition",
            "actions",
            "order",
            "stop_after_match",
            "active_from",
            "active_to",
            "status",
            "version",
            "created_at",
            "updated_at",
        ]
        extra_kwargs = {"version": {"help_text": "1 when created; one more with each change."}}


class RuleChangeSerializer(serializers.Serializer[Any]):
    """What can be changed of a rule. What is left out stays as it is."""

    name = serializers.RegexField(
        r"\S",
        required=False,
        max_length=MAX_NAME_LENGTH,
        help_text="What program managers call it; 1 to 255 characters.",
    )
    description = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=MAX_DESCRIPTION_LENGTH,
        help_text="At most 1000 characters.",
    )
    condition = serializers.RegexField(
        r"\S",
        required=False,
        max_length=MAX_CONDITION_LENGTH,
        style={"base_template": "textarea.html", "rows": 4},
        help_text='When the rule applies: an expression (CEL) that is true or false, such as event.type == "purchase".',
    )
    actions = ActionsField(
        required=False,
        style={"base_template": "textarea.html", "rows": 8},
        help_text='What it does then, in order; at most 50: [{"type": "CREDIT", "asset_id": "…", "amount": "event.amount * 2"}].',
    )
    order = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_ORDER,
        help_text="Rules run in this order, and no two active ones of a program share it.",
    )
    stop_after_match = serializers.BooleanField(
        required=False,
        initial=None,
        # A box that is not ticked says nothing in a form, so that nobody could take it back.
        style={"base_template": "input.html", "input_type": "text"},
        help_text="Whether the rules after it are skipped where it matched: true or false.",
    )
    active_from = InstantField(
        required=False,
        allow_null=True,
        help_text="The first moment (UTC) whose events it takes; null for any.",
    )
    active_to = InstantField(
        required=False,
        allow_null=True,
        help_text="The moment (UTC) from which it takes none, after active_from; null for never.",
    )
    status = serializers.ChoiceField(
        choices=RuleStatus.choices,
        required=False,
        help_text="Only ACTIVE rules run; ARCHIVED ones are hidden.",
    )

    def to_internal_value(self, data: Any) -> Any:
        return rulebook.clean_change(body_of(data, _JSON_INPUTS, _TIME_INPUTS))


class NewRuleSerializer(RuleChangeSerializer):
    """The rule to create."""

    program_id = serializers.UUIDField(help_text="Whose events it takes; it cannot be changed.")

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for name in ("name", "condition", "actions"):
            fields[name].required = True
        fields["order"].help_text = f"{fields['order'].help_text} Left out, it is after all others."
        fields["status"].default = RuleStatus.ACTIVE
        return {name: fields[name] for name in dict.fromkeys(["program_id", *fields])}

    def to_internal_value(self, data: Any) -> rulebook.NewRule:
        return rulebook.clean_new(body_of(data, _JSON_INPUTS, _TIME_INPUTS))


class RuleFieldChangeSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    old = serializers.JSONField(help_text="Null where there was none.")
    new = serializers.JSONField()


class RuleSnapshotSerializer(serializers.ModelSerializer[Rule]):
    """A rule as it was."""

    actions = ActionsField(help_text="What it did then, one after the other.")

    class Meta:
        model = Rule
        fields = list(FIELDS)


class RuleVersionSerializer(serializers.ModelSerializer[RuleVersion]):
    """A rule as it was after one edit."""

    changes = serializers.SerializerMethodField(
        help_text="What differs from the version before; in the first one every field."
    )
    snapshot = serializers.SerializerMethodField(help_text="The whole rule, as it then was.")

    class Meta:
        model = RuleVersion
        fields = ["version", "changed_by", "changed_at", "changes", "snapshot"]
        extra_kwargs = {"changed_by": {"help_text": "Which API key or member of staff."}}

    @extend_schema_field(RuleFieldChangeSerializer(many=True))
    def get_changes(self, version: RuleVersion) -> list[dict[str, Any]]:
        return rulebook.changes(version)

    @extend_schema_field(RuleSnapshotSerializer)
    def get_snapshot(self, version: RuleVersion) -> dict[str, Any]:
        return rulebook.snapshot(version)


class RuleDraftSerializer(serializers.Serializer[Any]):
    """A condition or actions, one of the two."""

    program_id = serializers.UUIDField(
        required=False, help_text="Whose assets and tiers the actions must name; left out, any."
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

    def to_internal_value(self, data: Any) -> rulebook.Draft:
        return rulebook.clean_draft(body_of(data, _JSON_INPUTS))


@extend_schema_field(POSITION)
class PositionField(serializers.DictField):
    pass


class RefusedFieldSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text='Its path, such as "actions[1].amount".')
    reason = serializers.CharField(help_text="Why, for machines.")
    message = serializers.CharField(help_text="Why, for people.")
    position = PositionField(required=False, help_text="Where in an expression.")


class JudgementSerializer(serializers.Serializer[Any]):
    """Whether a rule may have them, and if not, why."""

    valid = serializers.BooleanField()
    message = serializers.CharField(help_text='The first mistake, for people; "" where there is none.')  # fmt: skip
    position = PositionField(
        required=False, help_text="Where it is in the expression; absent where it is in none."
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


class RuleFilter(filters.FilterSet):
    program_id = filters.UUIDFilter(field_name="program", help_text="Of this program.")
    status = filters.ChoiceFilter(choices=RuleStatus.choices, help_text="With this status.")
    include_archived = TrueOrFalseFilter(
        method="unfiltered", help_text="true lists ARCHIVED rules too."
    )

    class Meta:
        model = Rule
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Rule]) -> QuerySet[Rule]:
        asked = self.form.cleaned_data
        if not asked["include_archived"] and asked["status"] != RuleStatus.ARCHIVED:
            queryset = queryset.exclude(status=RuleStatus.ARCHIVED)
        return super().filter_queryset(queryset)

    def unfiltered(self, queryset: QuerySet[Rule], name: str, value: bool) -> QuerySet[Rule]:
        return queryset


class RuleViewSet(ListModelMixin, GenericViewSet[Rule]):
    """What the events of a program earn."""

    queryset = Rule.objects.all()
    filterset_class = RuleFilter
    sortings = {"created_at": ["created_at", "id"], "order": ["order", "id"]}
    default_sorting = ("created_at", "desc")

    def get_serializer_class(self) -> type[Any]:
        bodies = {"create": NewRuleSerializer, "partial_update": RuleChangeSerializer}
        return bodies.get(str(self.action), RuleSerializer)

    @extend_schema(
        responses={201: RuleSerializer, 404: ProgramNotFound, 409: (OrderTaken, ProgramInactive)}
    )
    def create(self, request: Request) -> Response:
        """Create one rule."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        rule = rulebook.create(serializer.validated_data, by=actor_of(request))
        return Response(RuleSerializer(rule).data, status=201)

    def retrieve(self, request: Request, rule_id: UUID) -> Response:
        return Response(self.get_serializer(rulebook.found(rule_id)).data)

    @extend_schema(responses={200: RuleSerializer, 409: OrderTaken})
    def partial_update(self, request: Request, rule_id: UUID) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        rule = rulebook.change(rule_id, serializer.validated_data, by=actor_of(request))
        return Response(RuleSerializer(rule).data)

    def destroy(self, request: Request, rule_id: UUID) -> Response:
        """Archive one rule.

        It stays for whoever knows its id, and its order is free for another rule.
        """
        rulebook.archive(rule_id, by=actor_of(request))
        return Response(status=204)


class RuleVersionViewSet(ListModelMixin, GenericViewSet[Any]):
    """What a rule was after each edit, and who made it."""

    queryset = Rule.objects.all()  # who may see a rule may see what it was
    serializer_class = RuleVersionSerializer
    sortings = {"version": ["version"]}
    default_sorting = ("version", "desc")

    def get_queryset(self) -> QuerySet[RuleVersion]:
        return rulebook.history(rulebook.found(self.kwargs["rule_id"]))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the versions of a rule."""
        return super().list(request, *args, **kwargs)


class RuleDraftViewSet(GenericViewSet[Any]):
    queryset = Rule.objects.all()
    serializer_class = RuleDraftSerializer

    @extend_schema(responses={200: JudgementSerializer, 404: ProgramNotFound})
    def judge(self, request: Request) -> Response:
        """Say whether a condition or actions are right.

        Nothing is stored. What is wrong with them is in the answer, each mistake with its place.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(JudgementSerializer(rulebook.judged(serializer.validated_data)).data)
