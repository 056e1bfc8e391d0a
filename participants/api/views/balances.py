"""A participant's balances: what they have of each asset, and the calls that move it."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from participants import ledger
from participants.api.answers import (
    AdjustmentAnswerSerializer,
    BalanceListSerializer,
    TransferAnswerSerializer,
)
from participants.api.serializers.participants import (
    AdjustmentSerializer,
    ForfeitSerializer,
    HoldSerializer,
    ReleaseSerializer,
)
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
from participants.models import Balance, Bucket
from participants.state.people import found
from programs.api.callers import actor_of
from programs.kernel.cleaning import Errors, uuid_of
from programs.kernel.decimals import written

_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255},
    OpenApiParameter.HEADER,
    description="The same as `idempotency_key` in the body.",
)
_ASSET = OpenApiParameter(
    "asset_id", {"type": "string", "format": "uuid"}, description="Only the balance of this asset."
)
_REFUSALS: dict[int, Any] = {
    409: (IdempotencyConflict, ParticipantInactive, NotEnrolled),
    422: (InsufficientBalance, AssetNotLinked, AmountOutOfRange, MaxTransactionExceeded),
}


class BalanceViewSet(GenericViewSet[Balance]):
    """What a participant has of each asset, by bucket."""

    queryset = Balance.objects.all()

    def get_serializer_class(self) -> type[Any]:
        return {
            "hold": HoldSerializer,
            "release": ReleaseSerializer,
            "forfeit": ForfeitSerializer,
        }.get(str(self.action), AdjustmentSerializer)

    def get_serializer_context(self) -> dict[str, Any]:
        key = getattr(self.request, "headers", {}).get("Idempotency-Key")
        return {**super().get_serializer_context(), "idempotency_key": key}

    @extend_schema(parameters=[_ASSET], responses=BalanceListSerializer)
    def list(self, request: Request, participant: str | UUID) -> Response:
        """List a participant's balances."""
        rows = Balance.objects.filter(participant=found(participant)).select_related("asset")
        if "asset_id" in request.query_params:
            errors = Errors()
            asset_id = uuid_of(request.query_params["asset_id"], errors, "asset_id")
            errors.raise_if_any()
            rows = rows.filter(asset=asset_id)
        return Response({"data": [_row(row) for row in rows]})

    @extend_schema(parameters=[_KEY], responses={200: AdjustmentAnswerSerializer, **_REFUSALS})
    def adjust(self, request: Request, participant: str | UUID) -> Response:
        """Credit or debit.

        A credit with `matures_at` is DEFERRED until then; a debit takes no more than is there, unless `allow_negative`.
        """
        movement, posted = self._post(request, participant)
        deferred = movement.matures_at is not None
        return Response(
            {
                "amount": written(posted.amount, posted.scale),
                "asset_id": movement.asset_id,
                "program_id": movement.program_id,
                "type": movement.action,
                "bucket": Bucket.DEFERRED if deferred else movement.bucket,
                "balance": _balance(posted),
                "journal_entry_id": posted.entry_id,
            }
        )

    @extend_schema(parameters=[_KEY], responses={200: TransferAnswerSerializer, **_REFUSALS})
    def hold(self, request: Request, participant: str | UUID) -> Response:
        """Set aside what is available.

        Without an amount all of it.
        """
        return self._transfer(request, participant)

    @extend_schema(parameters=[_KEY], responses={200: TransferAnswerSerializer, **_REFUSALS})
    def release(self, request: Request, participant: str | UUID) -> Response:
        """Make held value available again.

        Without an amount all of it.
        """
        return self._transfer(request, participant)

    @extend_schema(parameters=[_KEY], responses={200: TransferAnswerSerializer, **_REFUSALS})
    def forfeit(self, request: Request, participant: str | UUID) -> Response:
        """Take value away for good.

        Without an amount all that the bucket has. Of DEFERRED what would mature last goes first. It works for a CLOSED
        participant too.
        """
        return self._transfer(request, participant)

    def _transfer(self, request: Request, participant: str | UUID) -> Response:
        movement, posted = self._post(request, participant)
        return Response(
            {
                "operation": movement.action,
                "asset_id": movement.asset_id,
                "program_id": movement.program_id,
                "amount_processed": written(posted.amount, posted.scale),
                "balance": _balance(posted),
                "journal_entry_id": posted.entry_id,
            }
        )

    def _post(self, request: Request, participant: str | UUID) -> tuple[Movement, Posted]:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        movement: Movement = serializer.validated_data
        return movement, ledger.post(movement, of=participant, by=actor_of(request))


def _balance(posted: Posted) -> dict[str, str]:
    return {name: written(getattr(posted, name), posted.scale) for name in _BUCKETS}


def _row(balance: Balance) -> dict[str, Any]:
    amounts = {name: written(getattr(balance, name), balance.asset.scale) for name in _BUCKETS}
    return {"asset_id": balance.asset_id, **amounts}


_BUCKETS = ("available", "held", "deferred")
