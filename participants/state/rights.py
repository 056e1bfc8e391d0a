from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rights:
    """What a call that creates or changes may do; the verbs refuse the rest with NotAllowed, ParticipantNotFound or
    EnrollingNotAllowed."""

    may_create: bool = True
    may_change: bool = True
    may_enroll: bool = True


EXISTING_ONLY = Rights(may_create=False)
