from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from programs import rulebook
from programs.api.callers import actor_of
from programs.api.filters import TrueOrFalseFilter
from programs.api.serializers.rules import (
    JudgementSerializer,
    NewRuleSerializer,
    RuleChangeSerializer,
    RuleDraftSerializer,
    RuleSerializer,
    RuleVersionSerializer,
)
from programs.kernel.exceptions import OrderTaken, ProgramInactive, ProgramNotFound
from programs.models import Rule, RuleStatus, RuleVersion


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
