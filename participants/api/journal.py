"""The journal: every movement of value, of all participants."""

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.viewsets import GenericViewSet

from participants.api.filters import JournalEntryFilter
from participants.models import ActionType, Bucket, JournalEntry
from programs.api.addresses import path_parameter
from programs.api.strict import DecimalField, InstantField, RowSerializer
from programs.kernel.decimals import written


class PostingSerializer(serializers.Serializer[Any]):
    amount = DecimalField(help_text="Negative where value leaves.")
    asset_id = serializers.UUIDField()
    bucket = serializers.ChoiceField(
        choices=Bucket.choices,
        allow_null=True,
        help_text="The participant's bucket; null for an account of the system.",
    )
    account = serializers.ChoiceField(
        choices=["PARTICIPANT", "ISSUANCE", "REDEMPTION", "BREAKAGE"],
        help_text="The participant, or the account of the system.",
    )


class JournalEntrySerializer(RowSerializer[JournalEntry]):
    action_type = serializers.ChoiceField(choices=ActionType.choices, read_only=True)
    effective_at = InstantField(
        source="happened_at", read_only=True, help_text="When it happened: the event's time."
    )
    entry_hash = serializers.SerializerMethodField(
        help_text="SHA-256 over the entry and the previous entry's hash, hexadecimal."
    )
    postings = serializers.SerializerMethodField(
        help_text="The two sides of the movement; they sum to zero."
    )

    class Meta:
        model = JournalEntry
        fields = [
            "id",
            "sequence",
            "action_type",
            "description",
            "event_id",
            "rule_id",
            "program_id",
            "participant_id",
            "entry_hash",
            "hash_version",
            "created_by",
            "created_at",
            "effective_at",
            "postings",
        ]
        extra_kwargs = {
            "event_id": {"help_text": "The event that caused it, if any."},
            "rule_id": {"help_text": "The rule that caused it, if any."},
        }

    def get_entry_hash(self, entry: JournalEntry) -> str:
        return bytes(entry.entry_hash).hex()

    @extend_schema_field(PostingSerializer(many=True))
    def get_postings(self, entry: JournalEntry) -> list[dict[str, Any]]:
        amount = written(entry.amount, entry.asset.scale)
        sides = ((entry.source, f"-{amount}"), (entry.destination, amount))
        return [
            {
                "amount": signed,
                "asset_id": entry.asset_id,
                "bucket": account if account in Bucket.values else None,
                "account": "PARTICIPANT" if account in Bucket.values else account,
            }
            for account, signed in sides
        ]


_ENTRY_ID = path_parameter("entry_id", "The journal entry.", "0198c0e3-9a1b-7c3d-8e5f-102132435465")


@extend_schema(parameters=[_ENTRY_ID])
class JournalEntryViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[JournalEntry]):
    """Every movement of value, newest first. An entry is never changed or deleted; a correction is another entry."""

    queryset = JournalEntry.objects.select_related("asset")
    serializer_class = JournalEntrySerializer
    filterset_class = JournalEntryFilter
    lookup_url_kwarg = "entry_id"

    @property
    def sortings(self) -> Mapping[str, Sequence[str]]:
        # Within one participant, entries are numbered in the order of time, and an index has them in that order.
        query = getattr(self.request, "query_params", {})
        if "participant_id" in query or "external_id" in query:
            return {"created_at": ["sequence"]}
        return {"created_at": ["created_at", "id"]}
