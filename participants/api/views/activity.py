"""What happened to a participant: what they did, movements of value, and every change of what they are."""

from django.db.models import QuerySet
from rest_framework.mixins import ListModelMixin
from rest_framework.viewsets import GenericViewSet

from participants.api.filters import ActivityFilter, MovementFilter, StateChangeFilter
from participants.api.serializers.events import EventRowSerializer
from participants.api.serializers.participants import MovementSerializer, StateChangeSerializer
from participants.models import Event, JournalEntry, StateChange
from participants.state.people import found


class HistoryViewSet(ListModelMixin, GenericViewSet[JournalEntry]):
    """A participant's journal entries with the balance after each; newest first."""

    queryset = JournalEntry.objects.all()
    serializer_class = MovementSerializer
    filterset_class = MovementFilter
    # One participant's entries are numbered in the order of time.
    sortings = {"created_at": ["sequence"]}
    default_sorting = ("created_at", "desc")

    def get_queryset(self) -> QuerySet[JournalEntry]:
        mine = JournalEntry.objects.filter(participant=found(self.kwargs["participant"]))
        return mine.select_related("asset")


class ParticipantEventViewSet(ListModelMixin, GenericViewSet[Event]):
    """A participant's events; newest first."""

    queryset = Event.objects.all()
    serializer_class = EventRowSerializer
    filterset_class = ActivityFilter
    sortings = {"created_at": ["created_at", "id"]}
    default_sorting = ("created_at", "desc")

    def get_queryset(self) -> QuerySet[Event]:
        return Event.objects.filter(participant=found(self.kwargs["participant"])).in_rows()


class StateHistoryViewSet(ListModelMixin, GenericViewSet[StateChange]):
    """Every change of what a participant is: old value, new value, who and when; newest first."""

    queryset = StateChange.objects.all()
    serializer_class = StateChangeSerializer
    filterset_class = StateChangeFilter
    sortings = {"changed_at": ["id"]}
    default_sorting = ("changed_at", "desc")

    def get_queryset(self) -> QuerySet[StateChange]:
        return StateChange.objects.filter(participant=found(self.kwargs["participant"]))
