"""Who takes part, what they hold, and the history of both."""

from participants.models.events import (
    LONGEST_SHOWN,
    MAX_IDEMPOTENCY_KEY_LENGTH,
    Event,
    EventQuerySet,
    EventRetry,
    EventStatus,
)
from participants.models.figures import WINDOWS, Figure, FigureDelta, Measure, ProgramReport
from participants.models.history import MAX_REASON_LENGTH, Operation, StateChange, StateType
from participants.models.jobs import MOST_BYTES_OF_PART, Job, JobFilePart, JobStatus
from participants.models.ledger import (
    Account,
    ActionType,
    Balance,
    Bucket,
    JournalEntry,
    JournalEntryQuerySet,
    Maturity,
)
from participants.models.participants import (
    MAX_ATTRIBUTES,
    MAX_EXTERNAL_ID_LENGTH,
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
from participants.models.state import (
    Counter,
    TierStanding,
)

__all__ = [
    "LONGEST_SHOWN",
    "MAX_ATTRIBUTES",
    "MAX_EXTERNAL_ID_LENGTH",
    "MAX_IDEMPOTENCY_KEY_LENGTH",
    "MAX_REASON_LENGTH",
    "MAX_TAGS",
    "MOST_BYTES_OF_PART",
    "PROFILE_FIELDS",
    "WINDOWS",
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
    "EventRetry",
    "EventStatus",
    "Figure",
    "FigureDelta",
    "Job",
    "JobFilePart",
    "JobStatus",
    "JournalEntry",
    "JournalEntryQuerySet",
    "Maturity",
    "Measure",
    "Operation",
    "Participant",
    "ParticipantQuerySet",
    "ParticipantStatus",
    "ProgramReport",
    "SearchText",
    "StateChange",
    "StateType",
    "TierStanding",
]
