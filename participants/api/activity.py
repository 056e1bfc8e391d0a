"""A participant's activity: their movements of value, their events, and every change of their state."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin
from rest_framework.viewsets import GenericViewSet

from participants.api.addresses import PARTICIPANT
from participants.api.buckets import BucketsSerializer
from participants.api.filters import ActivityFilter, MovementFilter, StateChangeFilter
from participants.api.journal import JournalEntrySerializer
from participants.api.outcomes import EventRowSerializer
from participants.models import Event, JournalEntry, StateChange
from participants.state.persons import found


class MovementSerializer(JournalEntrySerializer):
    """A journal entry with the balance of its asset after it."""

    balance = BucketsSerializer(
        source="*", read_only=True, help_text="The asset's balance afterwards."
    )

    class Meta(JournalEntrySerializer.Meta):
        fields = [*JournalEntrySerializer.Meta.fields, "balance"]


class StateChangeSerializer(serializers.ModelSerializer[StateChange]):
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
            "changed_at",
        ]
        extra_kwargs = {
            "old_value": {"help_text": "A JSON value; null if there was none."},
            "new_value": {"help_text": "A JSON value; null if it was removed."},
            "event_id": {"help_text": "The event that caused it, if any."},
            "rule_id": {"help_text": "The rule that caused it, if any."},
            "program_id": {"help_text": "The program it belongs to, if any."},
        }


@extend_schema(parameters=[PARTICIPANT], tags=["activity"])
class HistoryViewSet(ListModelMixin, GenericViewSet[JournalEntry]):
    """A participant's journal entries with the balance after each; newest first."""

    queryset = JournalEntry.objects.all()
    serializer_class = MovementSerializer
    filterset_class = MovementFilter
    # One participant's entries are numbered in the order of time.
    sortings = {"created_at": ["sequence"]}
    default_sorting = ("created_at", "desc")

    def get_queryset(self) -> QuerySet[JournalEntry]:
        rows = JournalEntry.objects.filter(participant=found(self.kwargs["participant"]))
        return rows.select_related("asset")


@extend_schema(parameters=[PARTICIPANT], tags=["activity"])
class ParticipantEventViewSet(ListModelMixin, GenericViewSet[Event]):
    """A participant's events; newest first."""

    queryset = Event.objects.all()
    serializer_class = EventRowSerializer
    filterset_class = ActivityFilter
    sortings = {"created_at": ["created_at", "id"]}
    default_sorting = ("created_at", "desc")

    def get_queryset(self) -> QuerySet[Event]:
        return Event.objects.filter(participant=found(self.kwargs["participant"])).in_rows()


@extend_schema(parameters=[PARTICIPANT], tags=["activity"])
class StateHistoryViewSet(ListModelMixin, GenericViewSet[StateChange]):
    """Every change of a participant's state: old value, new value, who and when; newest first."""

    queryset = StateChange.objects.all()
    serializer_class = StateChangeSerializer
    filterset_class = StateChangeFilter
    sortings = {"changed_at": ["changed_at", "id"]}
    default_sorting = ("changed_at", "desc")

    def get_queryset(self) -> QuerySet[StateChange]:
        return StateChange.objects.filter(participant=found(self.kwargs["participant"]))
