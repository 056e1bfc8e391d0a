"""A participant's balances, and the calls that move value."""

from functools import partial
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from participants import ledger
from participants.api.addresses import PARTICIPANT, query_id
from participants.api.buckets import BucketsSerializer, ScaledField
from participants.exceptions import (
    AmountOutOfRange,
    AssetNotLinked,
    IdempotencyConflict,
    InsufficientBalance,
    MaxTransactionExceeded,
    NotEnrolled,
    ParticipantInactive,
)
from participants.ledger import Movement, Posted
from participants.ledger.request import (
    MAX_DESCRIPTION_LENGTH,
    MAX_KEY_LENGTH,
    clean_adjustment,
    clean_transfer,
)
from participants.models import ActionType, Balance, Bucket
from participants.state.persons import found
from programs.api.addresses import UUID_SCHEMA
from programs.api.bodies import BodySchema, validated_body
from programs.api.callers import actor_of
from programs.api.strict import AmountField, InstantField


class MovementSerializer(BodySchema):
    """What every call that moves value says."""

    program_id = serializers.UUIDField(help_text="The program; the participant is enrolled in it.")
    asset_id = serializers.UUIDField(help_text="The asset to move; it is linked to the program.")
    description = serializers.RegexField(
        r"\S", max_length=MAX_DESCRIPTION_LENGTH, help_text="The reason, for people to read."
    )
    idempotency_key = serializers.RegexField(
        r"\S",
        required=False,
        max_length=MAX_KEY_LENGTH,
        help_text="A repeated call with the same key moves value once and gets the first answer.",
    )

    @property
    def key(self) -> str | None:
        """The key in the header, which the body may leave to it."""
        key: str | None = self.context["request"].headers.get("Idempotency-Key")
        return key


class AdjustmentSerializer(MovementSerializer):
    """A credit or a debit."""

    type = serializers.ChoiceField(choices=["CREDIT", "DEBIT"])
    amount = AmountField(help_text="How much, with at most the asset's decimals.")
    bucket = serializers.ChoiceField(
        choices=["AVAILABLE", "HELD"],
        required=False,
        default=Bucket.AVAILABLE,
        help_text="The bucket to credit or debit.",
    )
    matures_at = InstantField(required=False, help_text="For a CREDIT: it is DEFERRED until then.")
    allow_negative = serializers.BooleanField(
        required=False, help_text="For a DEBIT: it may take more than is available."
    )

    def read(self, body: Any) -> Movement:
        return clean_adjustment(body, key=self.key)


class TransferSerializer(MovementSerializer):
    action: ActionType
    amount = AmountField(required=False, help_text="How much; by default all that the bucket has.")

    def read(self, body: Any) -> Movement:
        return clean_transfer(body, self.action, key=self.key)


class HoldSerializer(TransferSerializer):
    """What to set aside."""

    action = ActionType.HOLD


class ReleaseSerializer(TransferSerializer):
    """What to make available again."""

    action = ActionType.RELEASE


class ForfeitSerializer(TransferSerializer):
    """What to take away for good."""

    action = ActionType.FORFEIT
    bucket = serializers.ChoiceField(
        choices=Bucket.choices,
        required=False,
        default=Bucket.AVAILABLE,
        help_text="The bucket to take from.",
    )


class BalanceSerializer(BucketsSerializer):
    asset_id = serializers.UUIDField()


class BalanceListSerializer(serializers.Serializer[Any]):
    data = BalanceSerializer(many=True)  # type: ignore[assignment]


class MovedSerializer(serializers.Serializer[Posted]):
    """What a movement did."""

    asset_id = serializers.UUIDField(source="movement.asset_id")
    program_id = serializers.UUIDField(source="movement.program_id")
    balance = BucketsSerializer(source="*", help_text="The asset's balance afterwards.")
    journal_entry_id = serializers.UUIDField(source="entry_id")


class AdjustmentAnswerSerializer(MovedSerializer):
    amount = ScaledField()
    type = serializers.ChoiceField(choices=["CREDIT", "DEBIT"], source="movement.action")
    bucket = serializers.ChoiceField(choices=Bucket.choices, source="movement.changed_bucket")


class TransferAnswerSerializer(MovedSerializer):
    operation = serializers.ChoiceField(
        choices=["HOLD", "RELEASE", "FORFEIT"], source="movement.action"
    )
    amount_processed = ScaledField(source="amount")


_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255},
    OpenApiParameter.HEADER,
    description="The same as `idempotency_key` in the body; in quotes (RFC 8941) it is the same key.",
)
_ASSET = OpenApiParameter("asset_id", UUID_SCHEMA, description="Only the balance of this asset.")
_REFUSALS: dict[int, Any] = {
    409: (IdempotencyConflict, ParticipantInactive, NotEnrolled),
    422: (InsufficientBalance, AssetNotLinked, AmountOutOfRange, MaxTransactionExceeded),
}
_moves_value = partial(extend_schema, parameters=[_KEY])


@extend_schema(parameters=[PARTICIPANT], tags=["balances"])
class BalanceViewSet(GenericViewSet[Balance]):
    """A participant's balance of each asset, by bucket."""

    queryset = Balance.objects.all()

    def get_serializer_class(self) -> type[Any]:
        return {
            "hold": HoldSerializer,
            "release": ReleaseSerializer,
            "forfeit": ForfeitSerializer,
        }.get(str(self.action), AdjustmentSerializer)

    @extend_schema(parameters=[_ASSET], responses=BalanceListSerializer)
    def list(self, request: Request, participant: str | UUID) -> Response:
        """List a participant's balances."""
        rows = Balance.objects.filter(participant=found(participant)).select_related("asset")
        if asset_id := query_id(request, "asset_id"):
            rows = rows.filter(asset=asset_id)
        return Response(BalanceListSerializer({"data": rows}).data)

    @_moves_value(responses={200: AdjustmentAnswerSerializer, **_REFUSALS})
    def adjust(self, request: Request, participant: str | UUID) -> Response:
        """Credit or debit.

        A credit with `matures_at` is DEFERRED until then; a debit cannot take more than the bucket has, unless `allow_negative`.
        """
        return Response(AdjustmentAnswerSerializer(self._post(request, participant)).data)

    @_moves_value(responses={200: TransferAnswerSerializer, **_REFUSALS})
    def hold(self, request: Request, participant: str | UUID) -> Response:
        """Set aside available value.

        By default all of it.
        """
        return self._transfer(request, participant)

    @_moves_value(responses={200: TransferAnswerSerializer, **_REFUSALS})
    def release(self, request: Request, participant: str | UUID) -> Response:
        """Make held value available again.

        By default all of it.
        """
        return self._transfer(request, participant)

    @_moves_value(responses={200: TransferAnswerSerializer, **_REFUSALS})
    def forfeit(self, request: Request, participant: str | UUID) -> Response:
        """Take value away for good.

        By default all that the bucket has. In DEFERRED, the credits that mature last go first. Value of a CLOSED
        participant can be forfeited, too.
        """
        return self._transfer(request, participant)

    def _transfer(self, request: Request, participant: str | UUID) -> Response:
        return Response(TransferAnswerSerializer(self._post(request, participant)).data)

    def _post(self, request: Request, participant: str | UUID) -> Posted:
        movement: Movement = validated_body(self)
        return ledger.post(movement, of=participant, by=actor_of(request))
