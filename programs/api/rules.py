"""Rules in the API. `rulebook` reads their bodies, as it does for the admin and simulations."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from programs import rulebook
from programs.api.actions import ActionsField
from programs.api.addresses import path_parameter
from programs.api.bodies import BodySchema, validated_body
from programs.api.callers import actor_of
from programs.api.filters import HidesArchived, TrueOrFalseFilter, by
from programs.api.findings import WarningsField
from programs.api.rule_checks import checks_rules
from programs.api.strict import InstantField, RowSerializer, VersionField
from programs.exceptions import (
    ChangedMeanwhile,
    CounterInUse,
    OrderTaken,
    ProgramInactive,
    ProgramNotFound,
    RuleVersionNotFound,
)
from programs.models import Rule, RuleStatus, RuleVersion
from programs.models.rules import MAX_CONDITION_LENGTH, RuleQuerySet
from programs.rulebook.bodies import FIELDS

_RULE_ID = "0198c0e2-6c7d-7e8f-9a0b-1c2d3e4f5a6b"


class RuleSerializer(RowSerializer[Rule]):
    """What an event earns: if the condition holds, the actions are carried out, in order."""

    actions = ActionsField(help_text="What the rule does, one after the other.")
    active_from = InstantField(
        allow_null=True, help_text="The first moment whose events it takes; null for any."
    )
    active_to = InstantField(
        allow_null=True, help_text="The moment from which it takes none; null for never."
    )

    needs_attention = serializers.SerializerMethodField(
        help_text="Whether it would be refused if it were written now, for what `validate` says. It goes on running as before, unless it no longer compiles."
    )

    class Meta:
        model = Rule
        fields = [
            "id",
            "program_id",
            *FIELDS,
            "version",
            "needs_attention",
            "created_at",
            "updated_at",
        ]
        extra_kwargs = {"version": {"help_text": "1 when created; one more with each change."}}

    def get_needs_attention(self, rule: Rule) -> bool:
        return rule.needs_attention is True


class WrittenRuleSerializer(RuleSerializer):
    """The rule as it is now, and what is probably wrong with it."""

    warnings = WarningsField()

    class Meta(RuleSerializer.Meta):
        fields = [*RuleSerializer.Meta.fields, "warnings"]


class RuleChangeSerializer(BodySchema):
    """What can be changed of a rule. What is left out stays as it is."""

    version = VersionField()
    condition = serializers.RegexField(
        r"\S",
        max_length=MAX_CONDITION_LENGTH,
        style={"base_template": "textarea.html", "rows": 4},
        help_text='When the rule applies: an expression (CEL) that is true or false, such as event.type == "purchase".',
    )
    actions = ActionsField(
        style={"base_template": "textarea.html", "rows": 8},
        help_text='What the rule does, in order; at most 50: [{"type": "CREDIT", "asset_id": "…", "amount": "event.amount * 2"}].',
    )

    def get_fields(self) -> dict[str, Any]:
        fields = {**RuleSerializer().get_fields(), **super().get_fields()}
        # An unchecked box sends nothing, so a form with a checkbox could not clear it.
        fields["stop_after_match"].initial = None
        fields["stop_after_match"].style = {"base_template": "input.html", "input_type": "text"}
        for field in fields.values():
            field.required = False
        return {name: fields[name] for name in ("version", *FIELDS)}

    def read(self, body: Any) -> Any:
        return rulebook.clean_edit(body)


class NewRuleSerializer(RuleChangeSerializer):
    """The rule to create."""

    def get_fields(self) -> dict[str, Any]:
        program_id = serializers.UUIDField(help_text="Whose events it takes; it cannot be changed.")
        fields = {"program_id": program_id, **super().get_fields()}
        del fields["version"]
        for name in ("name", "condition", "actions"):
            fields[name].required = True
        fields["order"].help_text = f"{fields['order'].help_text} Left out, it is after all others."
        fields["status"].default = RuleStatus.ACTIVE
        return fields

    def read(self, body: Any) -> rulebook.NewRule:
        return rulebook.clean_new(body)


class RuleRestorationSerializer(BodySchema):
    """The version to restore."""

    reader = staticmethod(rulebook.clean_restoration)

    version = VersionField(required=True, help_text="The version to restore, from the history.")


class RuleFieldChangeSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    old = serializers.JSONField(help_text="Null where there was none.")
    new = serializers.JSONField()


class RuleSnapshotSerializer(RowSerializer[Rule]):
    """A rule as it was."""

    actions = ActionsField(help_text="What it did then, one after the other.")

    class Meta:
        model = Rule
        fields = list(FIELDS)


class RuleVersionSerializer(RowSerializer[RuleVersion]):
    """A rule as it was after one edit."""

    changes = serializers.SerializerMethodField(
        help_text="What differs from the version before; in the first one every field."
    )
    snapshot = serializers.SerializerMethodField(help_text="The whole rule, as it then was.")

    class Meta:
        model = RuleVersion
        fields = ["version", "changed_by", "changed_at", "restored_from", "changes", "snapshot"]
        extra_kwargs = {"changed_by": {"help_text": "Which API key or member of staff."}}

    @extend_schema_field(RuleFieldChangeSerializer(many=True))
    def get_changes(self, version: RuleVersion) -> list[rulebook.Change]:
        return rulebook.changes(version)

    @extend_schema_field(RuleSnapshotSerializer)
    def get_snapshot(self, version: RuleVersion) -> dict[str, Any]:
        return rulebook.snapshot(version)


class RuleFilter(HidesArchived):
    program_id = filters.UUIDFilter(field_name="program", help_text="Of this program.")
    status = filters.ChoiceFilter(choices=RuleStatus.choices, help_text="With this status.")
    needs_attention = TrueOrFalseFilter(
        method=by(RuleQuerySet.needing_attention),
        help_text="true: those that would be refused if they were written now.",
    )


_RULE_PARAMETER = path_parameter("rule_id", "The rule.", _RULE_ID)


@extend_schema(parameters=[_RULE_PARAMETER])
class RuleViewSet(ListModelMixin, GenericViewSet[Rule]):
    """What the events of a program earn."""

    queryset = Rule.objects.all()
    filterset_class = RuleFilter
    sortings = {"created_at": ["created_at", "id"], "order": ["order", "id"]}

    def get_serializer_class(self) -> type[Any]:
        bodies: dict[str, type[Any]] = {
            "create": NewRuleSerializer,
            "partial_update": RuleChangeSerializer,
            "restore": RuleRestorationSerializer,
        }
        return bodies.get(str(self.action), RuleSerializer)

    @extend_schema(
        responses={
            201: WrittenRuleSerializer,
            404: ProgramNotFound,
            409: (OrderTaken, ProgramInactive, CounterInUse),
        }
    )
    @checks_rules
    def create(self, request: Request) -> Response:
        """Create one rule."""
        rule = rulebook.create(validated_body(self), by=actor_of(request))
        return Response(WrittenRuleSerializer(rule).data, status=201)

    def retrieve(self, request: Request, rule_id: UUID) -> Response:
        return Response(self.get_serializer(rulebook.found(rule_id)).data)

    @extend_schema(
        responses={200: WrittenRuleSerializer, 409: (OrderTaken, CounterInUse, ChangedMeanwhile)}
    )
    @checks_rules
    def partial_update(self, request: Request, rule_id: UUID) -> Response:
        values, shown = validated_body(self)
        rule = rulebook.change(rule_id, values, by=actor_of(request), shown_version=shown)
        return Response(WrittenRuleSerializer(rule).data)

    @extend_schema(
        responses={
            200: WrittenRuleSerializer,
            404: RuleVersionNotFound,
            409: (OrderTaken, CounterInUse),
        }
    )
    @checks_rules
    def restore(self, request: Request, rule_id: UUID) -> Response:
        """Restore an old version of a rule.

        All of it, its status and order too, becomes the newest version. It is checked as a change is: what names
        something that has gone is 400, with each mistake, and an order that another active rule has now is 409. Where
        nothing differs, nothing is written.
        """
        rule = rulebook.restore(rule_id, validated_body(self), by=actor_of(request))
        return Response(WrittenRuleSerializer(rule).data)

    def destroy(self, request: Request, rule_id: UUID) -> Response:
        """Archive one rule.

        It stays for whoever knows its id, and its order is free for another rule.
        """
        rulebook.archive(rule_id, by=actor_of(request))
        return Response(status=204)


@extend_schema(parameters=[_RULE_PARAMETER])
class RuleVersionViewSet(ListModelMixin, GenericViewSet[Any]):
    """What a rule was after each edit, and who made it."""

    queryset = Rule.objects.all()  # who may see a rule may see what it was
    serializer_class = RuleVersionSerializer
    sortings = {"version": ["version"]}

    def get_queryset(self) -> QuerySet[RuleVersion]:
        return rulebook.history(rulebook.found(self.kwargs["rule_id"]))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the versions of a rule."""
        return super().list(request, *args, **kwargs)
