from django.urls import register_converter

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
from programs.api.addresses import route

register_converter(ParticipantConverter, "participant")
register_converter(TextConverter, "text")

PARTICIPANT = "participants/<participant:participant>"
STATE = f"{PARTICIPANT}/state"
ACTIVITY = f"{PARTICIPANT}/activity"

urlpatterns = [
    # The busiest calls come first: each pattern before them costs every call time.
    route("events", EventViewSet, "Events", get="list", post="create"),
    route("events/batch", EventBatchViewSet, "Many events", post="create"),
    route("events/by-key", EventByKeyViewSet, "Event by key", get="by_key"),
    route("events/<id:event_id>", EventViewSet, get="retrieve"),
    route("events/<id:event_id>/retry", EventViewSet, "Retry", post="retry"),
    # The longest first: an external_id may contain slashes, so the last of these patterns would match all of them.
    route("participants", ParticipantViewSet, "Participants", get="list", post="create"),
    route("participants/batch", BatchViewSet, post="create"),
    route(f"{STATE}/tags/<text:tag>", TagViewSet, put="add", delete="remove"),
    route(f"{STATE}/tags", TagViewSet, "Tags", get="list", put="replace"),
    route(f"{STATE}/attributes/<text:key>", AttributeViewSet, put="set", delete="remove"),
    route(f"{STATE}/attributes", AttributeViewSet, "Attributes", get="list", patch="merge"),
    route(
        f"{STATE}/counters/<text:counter>",
        CounterViewSet,
        get="retrieve",
        put="set",
        delete="remove",
    ),
    route(f"{STATE}/counters", CounterViewSet, "Counters", get="list"),
    route(f"{STATE}/tiers/<text:tier>", TierViewSet, get="retrieve", put="set", delete="remove"),
    route(f"{STATE}/tiers", TierViewSet, "Tiers", get="list"),
    route(f"{PARTICIPANT}/balances/adjust", BalanceViewSet, "Adjust", post="adjust"),
    route(f"{PARTICIPANT}/balances/hold", BalanceViewSet, "Hold", post="hold"),
    route(f"{PARTICIPANT}/balances/release", BalanceViewSet, "Release", post="release"),
    route(f"{PARTICIPANT}/balances/forfeit", BalanceViewSet, "Forfeit", post="forfeit"),
    route(f"{PARTICIPANT}/balances", BalanceViewSet, "Balances", get="list"),
    route(
        f"{PARTICIPANT}/enrollments/<id:program_id>",
        EnrollmentViewSet,
        get="retrieve",
        put="update",
        delete="destroy",
    ),
    route(f"{ACTIVITY}/history", HistoryViewSet, "History", get="list"),
    route(f"{ACTIVITY}/events", ParticipantEventViewSet, "Events", get="list"),
    route(f"{ACTIVITY}/state-history", StateHistoryViewSet, get="list"),
    route(f"{PARTICIPANT}/status", StatusViewSet, patch="partial_update"),
    route(PARTICIPANT, ParticipantViewSet, get="retrieve", patch="partial_update"),
    route("journal-entries", JournalEntryViewSet, "Journal entries", get="list"),
    route("journal-entries/<id:entry_id>", JournalEntryViewSet, get="retrieve"),
    route("rules/<id:rule_id>/simulate", RuleSimulationViewSet, "Simulate", post="simulate"),
    route(
        "programs/<id:program_id>/simulate", ProgramSimulationViewSet, "Simulate", post="simulate"
    ),
]
