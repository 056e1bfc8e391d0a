from django.urls import path, register_converter

from participants.api.activity import HistoryViewSet, ParticipantEventViewSet, StateHistoryViewSet
from participants.api.addresses import ParticipantConverter, TextConverter
from participants.api.attributes import AttributeViewSet
from participants.api.balances import BalanceViewSet
from participants.api.counters import CounterViewSet
from participants.api.enrollments import EnrollmentViewSet
from participants.api.events import EventBatchViewSet, EventByKeyViewSet, EventViewSet
from participants.api.journal import JournalEntryViewSet
from participants.api.participants import BatchViewSet, ParticipantViewSet, StatusViewSet
from participants.api.simulation import ProgramSimulationViewSet, RuleSimulationViewSet
from participants.api.tags import TagViewSet
from participants.api.tiers import TierViewSet
from programs.api import addresses  # noqa: F401 (knows <id:..>)

register_converter(ParticipantConverter, "participant")
register_converter(TextConverter, "text")

urlpatterns = [
    # The busiest calls come first: each pattern before them costs every call time.
    path("events", EventViewSet.as_view({"get": "list", "post": "create"}, name="Events")),
    path("events/batch", EventBatchViewSet.as_view({"post": "create"}, name="Many events")),
    path("events/by-key", EventByKeyViewSet.as_view({"get": "by_key"}, name="Event by key")),
    path("events/<id:event_id>", EventViewSet.as_view({"get": "retrieve"})),
    path("events/<id:event_id>/retry", EventViewSet.as_view({"post": "retry"}, name="Retry")),
    # The longest first: an external_id may contain slashes, so the last of these patterns would match all of them.
    path(
        "participants",
        ParticipantViewSet.as_view({"get": "list", "post": "create"}, name="Participants"),
    ),
    path("participants/batch", BatchViewSet.as_view({"post": "create"})),
    path(
        "participants/<participant:participant>/state/tags/<text:tag>",
        TagViewSet.as_view({"put": "add", "delete": "remove"}),
    ),
    path(
        "participants/<participant:participant>/state/tags",
        TagViewSet.as_view({"get": "list", "put": "replace"}, name="Tags"),
    ),
    path(
        "participants/<participant:participant>/state/attributes/<text:key>",
        AttributeViewSet.as_view({"put": "set", "delete": "remove"}),
    ),
    path(
        "participants/<participant:participant>/state/attributes",
        AttributeViewSet.as_view({"get": "list", "patch": "merge"}, name="Attributes"),
    ),
    path(
        "participants/<participant:participant>/state/counters/<text:counter>",
        CounterViewSet.as_view({"get": "retrieve", "put": "set", "delete": "remove"}),
    ),
    path(
        "participants/<participant:participant>/state/counters",
        CounterViewSet.as_view({"get": "list"}, name="Counters"),
    ),
    path(
        "participants/<participant:participant>/state/tiers/<text:tier>",
        TierViewSet.as_view({"get": "retrieve", "put": "set", "delete": "remove"}),
    ),
    path(
        "participants/<participant:participant>/state/tiers",
        TierViewSet.as_view({"get": "list"}, name="Tiers"),
    ),
    *[
        path(
            f"participants/<participant:participant>/balances/{verb}",
            BalanceViewSet.as_view({"post": verb}, name=verb.capitalize()),
        )
        for verb in ("adjust", "hold", "release", "forfeit")
    ],
    path(
        "participants/<participant:participant>/balances",
        BalanceViewSet.as_view({"get": "list"}, name="Balances"),
    ),
    path(
        "participants/<participant:participant>/enrollments/<id:program_id>",
        EnrollmentViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
    ),
    path(
        "participants/<participant:participant>/activity/history",
        HistoryViewSet.as_view({"get": "list"}, name="History"),
    ),
    path(
        "participants/<participant:participant>/activity/events",
        ParticipantEventViewSet.as_view({"get": "list"}, name="Events"),
    ),
    path(
        "participants/<participant:participant>/activity/state-history",
        StateHistoryViewSet.as_view({"get": "list"}),
    ),
    path(
        "participants/<participant:participant>/status",
        StatusViewSet.as_view({"patch": "partial_update"}),
    ),
    path(
        "participants/<participant:participant>",
        ParticipantViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
    ),
    path("journal-entries", JournalEntryViewSet.as_view({"get": "list"}, name="Journal entries")),
    path("journal-entries/<id:entry_id>", JournalEntryViewSet.as_view({"get": "retrieve"})),
    path(
        "rules/<id:rule_id>/simulate",
        RuleSimulationViewSet.as_view({"post": "simulate"}, name="Simulate"),
    ),
    path(
        "programs/<id:program_id>/simulate",
        ProgramSimulationViewSet.as_view({"post": "simulate"}, name="Simulate"),
    ),
]
