"""Who takes part, what they hold, and the history of both."""

from participants.models.events import (
    LONGEST_SHOWN,
    MAX_IDEMPOTENCY_KEY_LENGTH,
    Event,
    EventQuerySet,
    EventStatus,
)
from participants.models.history import Operation, StateChange, StateType
from participants.models.ledger import (
    Account,
    ActionType,
    Balance,
    Bucket,
    JournalEntry,
    Maturity,
)
from participants.models.participants import (
    MAX_ATTRIBUTE_KEY_LENGTH,
    MAX_ATTRIBUTE_VALUE_LENGTH,
    MAX_ATTRIBUTES,
    MAX_TAG_LENGTH,
    MAX_TAGS,
    PROFILE_FIELDS,
    AreStorableAttributes,
    Enrollment,
    EnrollmentQuerySet,
    EnrollmentStatus,
    Participant,
    ParticipantQuerySet,
    ParticipantStatus,
    SearchText,
)
from participants.models.state import MAX_COUNTER_KEY_LENGTH, Counter, TierStanding

__all__ = [
    "LONGEST_SHOWN",
    "MAX_ATTRIBUTES",
    "MAX_ATTRIBUTE_KEY_LENGTH",
    "MAX_ATTRIBUTE_VALUE_LENGTH",
    "MAX_COUNTER_KEY_LENGTH",
    "MAX_IDEMPOTENCY_KEY_LENGTH",
    "MAX_TAGS",
    "MAX_TAG_LENGTH",
    "PROFILE_FIELDS",
    "Account",
    "ActionType",
    "AreStorableAttributes",
    "Balance",
    "Bucket",
    "Counter",
    "Enrollment",
    "EnrollmentQuerySet",
    "EnrollmentStatus",
    "Event",
    "EventQuerySet",
    "EventStatus",
    "JournalEntry",
    "Maturity",
    "Operation",
    "Participant",
    "ParticipantQuerySet",
    "ParticipantStatus",
    "SearchText",
    "StateChange",
    "StateType",
    "TierStanding",
]
