"""A credit or debit as one writes it first: a serializer, a lock on the participant, an object at a time.

It checks what Laurel checks, writes the same balance and the same entry with the same hash, and gives the same answer.
"""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from participants.exceptions import (
    AssetNotLinked,
    InsufficientBalance,
    InvalidScale,
    MaxTransactionExceeded,
    NotEnrolled,
    ParticipantInactive,
)
from participants.ledger.chain import HASH_VERSION, entry_hash
from participants.models import (
    Balance,
    Enrollment,
    EnrollmentStatus,
    JournalEntry,
    Participant,
    ParticipantStatus,
)
from programs.api.callers import actor_of
from programs.kernel.decimals import places, written
from programs.models import ApiKey, Asset, AssetLink, Program, Scope
from tests.benchmarks.naive import KeyAuthentication


class MayMoveValue(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, ApiKey) and Scope.BALANCES_WRITE in request.auth.scopes


class NaiveAdjustmentSerializer(serializers.Serializer[Any]):
    program_id = serializers.UUIDField()
    asset_id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=["CREDIT", "DEBIT"])
    amount = serializers.DecimalField(max_digits=38, decimal_places=18, min_value=Decimal(0))
    description = serializers.CharField(min_length=1, max_length=500)
    bucket = serializers.ChoiceField(choices=["AVAILABLE", "HELD"], default="AVAILABLE")


class NaiveAdjustmentView(APIView):
    authentication_classes = [KeyAuthentication]
    permission_classes = [MayMoveValue]
    throttle_classes = []
    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = DefaultContentNegotiation

    def post(self, request: Request, participant_id: UUID) -> Response:
        serializer = NaiveAdjustmentSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        entry, scale = self.adjust(participant_id, **given)
        buckets = ("available", "held", "deferred")
        return Response(
            {
                "amount": written(entry.amount, scale),
                "asset_id": given["asset_id"],
                "program_id": given["program_id"],
                "type": given["type"],
                "bucket": given["bucket"],
                "balance": {name: written(getattr(entry, name), scale) for name in buckets},
                "journal_entry_id": entry.pk,
            }
        )

    @transaction.atomic
    def adjust(
        self,
        participant_id: UUID,
        *,
        program_id: UUID,
        asset_id: UUID,
        type: str,  # noqa: A002 (as the body has it)
        amount: Decimal,
        description: str,
        bucket: str,
    ) -> tuple[JournalEntry, int]:
        participant = get_object_or_404(Participant.objects.select_for_update(), pk=participant_id)
        program = get_object_or_404(Program, pk=program_id)
        asset = get_object_or_404(Asset, pk=asset_id)
        _check(participant, program, asset, amount)
        balance, _ = Balance.objects.select_for_update().get_or_create(
            participant=participant,
            asset=asset,
            defaults={
                "available": Decimal(0),
                "held": Decimal(0),
                "deferred": Decimal(0),
                "last_sequence": 0,
            },
        )
        name = bucket.lower()
        after = getattr(balance, name) + (amount if type == "CREDIT" else -amount)
        if after < 0:
            raise InsufficientBalance("There is not as much.")
        setattr(balance, name, after)
        balance.overdrawn = balance.available < 0
        sides = ("ISSUANCE", bucket) if type == "CREDIT" else (bucket, "REDEMPTION")
        actor = str(actor_of(self.request))
        return record(balance, program, sides, amount, description, actor), asset.scale


def _check(participant: Participant, program: Program, asset: Asset, amount: Decimal) -> None:
    if participant.status != ParticipantStatus.ACTIVE:
        raise ParticipantInactive
    enrollment = Enrollment.objects.filter(participant=participant, program=program).first()
    if enrollment is None or enrollment.status != EnrollmentStatus.ACTIVE:
        raise NotEnrolled
    if not AssetLink.objects.filter(program=program, asset=asset).exists():
        raise AssetNotLinked
    if places(amount) > asset.scale:
        raise InvalidScale("This asset has fewer decimals.")
    if asset.max_transaction_amount is not None and amount > asset.max_transaction_amount:
        raise MaxTransactionExceeded("This is more than one movement may be.")


def record(
    balance: Balance,
    program: Program,
    sides: tuple[str, str],
    amount: Decimal,
    description: str,
    created_by: str,
    *,
    event_id: UUID | None = None,
    rule_id: UUID | None = None,
) -> JournalEntry:
    """The balance as it is after the movement, and its entry."""
    participant = balance.participant
    last = JournalEntry.objects.filter(participant=participant).order_by("-sequence").first()
    sequence = last.sequence + 1 if last else 1
    balance.last_sequence = sequence
    balance.save()
    now = timezone.now()
    action = "CREDIT" if sides[0] == "ISSUANCE" else "DEBIT"
    entry = JournalEntry(
        participant=participant,
        sequence=sequence,
        asset=balance.asset,
        program=program,
        source=sides[0],
        destination=sides[1],
        amount=amount,
        available=balance.available,
        held=balance.held,
        deferred=balance.deferred,
        description=description,
        event_id=event_id,
        rule_id=rule_id,
        created_by=created_by,
        created_at=now,
        hash_version=HASH_VERSION,
        action=action,
    )
    previous_hash = bytes(last.entry_hash) if last else participant.ledger_salt.bytes
    entry.entry_hash = entry_hash(previous_hash, entry)
    entry.save()
    return entry
