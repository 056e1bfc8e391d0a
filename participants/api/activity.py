"""A participant's activity: their movements of value, their events, and every change of their state."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.mixins import ListModelMixin
from rest_framework.viewsets import GenericViewSet

from participants.api.addresses import PARTICIPANT
from participants.api.buckets import BucketsSerializer
from participants.api.filters import ActivityFilter, MovementFilter, StateChangeFilter
from participants.api.journal import JournalEntrySerializer
from participants.api.outcomes import EventRowSerializer
from participants.api.permissions import BALANCE_AFTER, allows
from participants.models import Event, JournalEntry, StateChange
from participants.state.persons import found
from programs.api.strict import RowSerializer


class MovementSerializer(JournalEntrySerializer):
    """A journal entry with the balance of its asset after it."""

    balance = BucketsSerializer(
        source="*", read_only=True, help_text="The asset's balance afterwards."
    )

    class Meta(JournalEntrySerializer.Meta):
        fields = [*JournalEntrySerializer.Meta.fields, "balance"]


class StateChangeSerializer(RowSerializer[StateChange]):
    class Meta:
        model = StateChange
        fields = [
            "id",
            "state_type",
            "key",
            "operation",
            "old_value",
            "new_value",
            "changed_by",
            "event_id",
            "rule_id",
            "program_id",
            "reason",
            "changed_at",
        ]
        extra_kwargs = {
            "key": {
                "help_text": 'The tag, attribute, counter, track, profile field or program; empty for a new participant\'s values. The row of a track says where the participant stands; "status.pinned", "status.expires_at" and "status.earned_level" what changed besides.'
            },
            "old_value": {"help_text": "A JSON value; null if there was none."},
            "new_value": {"help_text": "A JSON value; null if it was removed."},
            "event_id": {"help_text": "The event that caused it, if any."},
            "rule_id": {"help_text": "The rule that caused it, if any."},
            "program_id": {"help_text": "The program it belongs to, if any."},
        }


@extend_schema(parameters=[PARTICIPANT], tags=["activity"])
class _ActivityViewSet(ListModelMixin, GenericViewSet[Any]):
    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(participant=found(self.kwargs["participant"]))


class HistoryViewSet(_ActivityViewSet):
    """A participant's journal entries with the balance after each; newest first."""

    queryset = JournalEntry.objects.select_related("asset")
    serializer_class = MovementSerializer
    filterset_class = MovementFilter

    def get_serializer_class(self) -> type[Any]:
        # Without a request, for the OpenAPI document.
        shows_balance = self.request is None or allows(self.request, BALANCE_AFTER)
        return MovementSerializer if shows_balance else JournalEntrySerializer

    # One participant's entries are numbered in the order of time.
    sortings = {"created_at": ["sequence"]}


class ParticipantEventViewSet(_ActivityViewSet):
    """A participant's events; newest first."""

    queryset = Event.objects.in_rows()
    serializer_class = EventRowSerializer
    filterset_class = ActivityFilter
    sortings = {"created_at": ["created_at", "id"]}


class StateHistoryViewSet(_ActivityViewSet):
    """Every change of a participant's state: old value, new value, who and when; newest first."""

    queryset = StateChange.objects.all()
    serializer_class = StateChangeSerializer
    filterset_class = StateChangeFilter
    sortings = {"changed_at": ["changed_at", "id"]}
