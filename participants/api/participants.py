"""Participants: the upsert, one by one and in batches, the list, and the whole participant."""

from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from participants import state
from participants.api.addresses import PARTICIPANT
from participants.api.balances import BalanceSerializer
from participants.api.batches import (
    MAX_BATCH,
    BatchCountsSerializer,
    BatchRowSerializer,
    RefusedRowSerializer,
    batch_answer,
    bodies_of,
    either,
)
from participants.api.filters import ParticipantFilter
from participants.api.permissions import FIELDS, REQUIREMENTS, rights_of, without_hidden
from participants.api.profile import (
    ChangeSerializer,
    ChangingViewSet,
    OneFieldSerializer,
    StoredAttributesField,
    TagsField,
)
from participants.api.tiers import TierStandingSerializer
from participants.models import PROFILE_FIELDS, Participant, ParticipantStatus
from participants.state.changes import clean_list, clean_upsert
from programs.api.bodies import BodySchema, json_field, validated_body
from programs.api.callers import actor_of
from programs.api.refusals import RefusalSerializer
from programs.api.strict import DecimalField, RowSerializer
from programs.exceptions import ProgramInactive, ProgramNotFound


class UpsertSerializer(ChangeSerializer):
    """The participant to create, or to update where the `external_id` is known."""

    reader = staticmethod(clean_upsert)  # type: ignore[assignment]
    external_id = serializers.RegexField(
        r"\S",
        min_length=1,
        max_length=255,
        help_text="Your application's id for this person, kept as given; not only white space.",
    )
    program_id = serializers.UUIDField(
        required=False, help_text="Enrolls in this program, or reactivates an inactive enrollment."
    )

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        return {
            name: fields[name] for name in dict.fromkeys(["external_id", "program_id", *fields])
        }


UpsertsField = json_field(bodies_of("UpsertRequest"))


class BatchSerializer(BodySchema):
    reader = staticmethod(partial(clean_list, name="participants", most=MAX_BATCH))
    participants = UpsertsField(
        help_text="1 to 1000 participants, each as in the single upsert; an invalid one is reported in its row."
    )


class StatusSerializer(OneFieldSerializer):
    status = serializers.ChoiceField(choices=ParticipantStatus.choices)


class ParticipantRowSerializer(RowSerializer[Participant]):
    """A participant in a list."""

    class Meta:
        model = Participant
        fields = ["id", "external_id", "status", *PROFILE_FIELDS, "created_at", "updated_at"]


class ParticipantSerializer(ParticipantRowSerializer):
    """The whole participant.

    Only a schema: PostgreSQL writes this answer.
    """

    tags = TagsField(help_text="In lower case, in the order in which they were sent.")
    attributes = StoredAttributesField(help_text="Numbers are exact, digit for digit.")
    counters = serializers.DictField(child=DecimalField(), help_text="The value of each counter.")
    tiers = serializers.DictField(
        child=TierStandingSerializer(),
        help_text="The participant's level on each track of their programs.",
    )
    balances = BalanceSerializer(many=True, help_text="One row for each asset.")
    program_ids = serializers.ListField(
        child=serializers.UUIDField(), help_text="The programs with an ACTIVE enrollment."
    )

    class Meta(ParticipantRowSerializer.Meta):
        fields = [
            *ParticipantRowSerializer.Meta.fields,
            "tags",
            "attributes",
            "counters",
            "tiers",
            "balances",
            "program_ids",
        ]

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for name, call in FIELDS.items():
            permission = " and ".join(f"`{each}`" for each in REQUIREMENTS[call].all_of)
            fields[name].help_text = f"{fields[name].help_text} Staff see it with {permission}."
        return fields


class UpsertedSerializer(BatchRowSerializer):
    status = serializers.ChoiceField(choices=["created", "updated"])
    participant_id = serializers.UUIDField()


class RefusedSerializer(RefusedRowSerializer):
    error = RefusalSerializer(help_text="`code` may be `duplicate_in_batch`, too.")


class BatchAnswerSerializer(BatchCountsSerializer):
    """The result of each row, in the order of the body."""

    results = either("BatchResult", UpsertedSerializer, RefusedSerializer)


@extend_schema(parameters=[PARTICIPANT])
class ParticipantViewSet(ListModelMixin, ChangingViewSet):
    """The people of your application."""

    queryset = Participant.objects.all()
    filterset_class = ParticipantFilter
    sortings = {
        "created_at": ["created_at", "id"],
        "external_id": ["external_id"],
        "status": ["status", "created_at", "id"],
    }

    def get_serializer_class(self) -> type[Any]:
        return {"list": ParticipantRowSerializer, "create": UpsertSerializer}.get(
            str(self.action), ChangeSerializer
        )

    @extend_schema(
        operation_id="participants_upsert",
        responses={
            201: ParticipantSerializer,
            200: ParticipantSerializer,
            404: ProgramNotFound,
            409: ProgramInactive,
        },
    )
    def create(self, request: Request) -> Response:
        """Create the participant, or update the one with this external_id.

        201 if it was created, 200 if it existed. What the body leaves out stays as it is; attributes are merged key by key;
        tags replace the whole set.
        """
        external_id, change = validated_body(self)
        rights = rights_of(request)
        result = state.change(change, to=external_id, by=actor_of(request), rights=rights)
        document = without_hidden(request, result.document)
        return Response(document, status=201 if result.created else 200)

    @extend_schema(responses=ParticipantSerializer)
    def retrieve(self, request: Request, participant: str | UUID) -> Response:
        return Response(without_hidden(request, state.document(participant)))

    @extend_schema(responses=ParticipantSerializer)
    def partial_update(self, request: Request, participant: str | UUID) -> Response:
        return Response(without_hidden(request, self.change(request, participant).document))


@extend_schema(parameters=[PARTICIPANT])
class StatusViewSet(ChangingViewSet):
    """Whether a participant can earn and spend."""

    serializer_class = StatusSerializer

    @extend_schema(responses=ParticipantSerializer)
    def partial_update(self, request: Request, participant: str | UUID) -> Response:
        """Change a participant's status."""
        return Response(without_hidden(request, self.change(request, participant).document))


class BatchViewSet(GenericViewSet[Participant]):
    """Upserts of up to 1000 participants, each on its own."""

    queryset = Participant.objects.all()
    serializer_class = BatchSerializer
    body_limit = settings.BATCH_BODY_LIMIT

    @extend_schema(operation_id="participants_batch_upsert", responses={200: BatchAnswerSerializer})
    def create(self, request: Request) -> Response:
        """Upsert many participants.

        Each row stands alone: an invalid one does not stop the others. Of two rows with the same external_id the last counts,
        and the earlier one is the error duplicate_in_batch.
        """
        rights = rights_of(request)
        results = state.upsert_each(validated_body(self), by=actor_of(request), rights=rights)
        return Response(batch_answer(results, _accepted))


def _accepted(result: state.Upserted) -> dict[str, Any]:
    return {"status": result.status, "participant_id": result.participant_id}
