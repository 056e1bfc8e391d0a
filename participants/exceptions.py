"""What the domain refuses about participants. Each takes one more line in config.errors' table where its code is new."""

from programs.exceptions import DomainError, NotFound


class ParticipantNotFound(NotFound):
    message = "There is no participant with this id."


class NotAllowed(DomainError):
    """The caller may add participants but this one exists, or may change them but this one does not."""

    code = "forbidden"
    message = "You may not both add and change participants."


class EnrollingNotAllowed(NotAllowed):
    message = "You may not both add and change enrolments, and a program_id may do either."


class DuplicateInBatch(DomainError):
    code = "duplicate_in_batch"
    message = "A later row of this batch has the same external_id; that one counts."
