"""Refusals of the domain about participants. One with a new code takes a line in the table of config.api.errors."""

from programs.kernel.exceptions import DomainError, NotFound


class ParticipantNotFound(NotFound):
    message = "There is no participant with this id."


class CounterNotFound(NotFound):
    message = "The participant has no counter with this key."


class NotAllowed(DomainError):
    """The caller may add participants but this one exists, or may change them but this one does not exist."""

    code = "forbidden"
    message = "The participant exists, and you may not change participants."


class EnrollingNotAllowed(NotAllowed):
    message = "A program_id adds or changes an enrollment; you need both permissions."


class DuplicateInBatch(DomainError):
    code = "duplicate_in_batch"
    message = "A later row of this batch has the same external_id; only that one counts."


class ParticipantInactive(DomainError):
    code = "participant_inactive"
    message = "The participant is suspended or closed; nothing can be earned or spent."


class NotEnrolled(DomainError):
    code = "not_enrolled"
    message = "The participant has no active enrollment in this program."


class AssetNotLinked(DomainError):
    code = "asset_not_linked"
    message = "The asset is not linked to this program."


class InvalidScale(DomainError):
    code = "invalid_scale"
    message = "The amount has more decimals than its asset."


class InsufficientBalance(DomainError):
    code = "insufficient_balance"
    message = "The bucket does not hold that much."


class AmountOutOfRange(DomainError):
    code = "amount_out_of_range"
    message = "The balance would have more than 20 digits before the point."


class MaxTransactionExceeded(DomainError):
    code = "max_transaction_exceeded"
    message = "The amount is more than one movement of this asset may be."


class IdempotencyConflict(DomainError):
    code = "idempotency_conflict"
    message = "This idempotency key was used with another request."


class TooManyTags(DomainError):
    code = "validation_failed"
    message = "The participant would have more than 100 tags."


class TooManyAttributes(DomainError):
    code = "validation_failed"
    message = "The participant would have more than 100 attributes."


class AttributeRefused(DomainError):
    code = "validation_failed"
    message = "An attribute cannot have this value."


class CounterOutOfRange(AmountOutOfRange):
    message = "The counter would have more than 20 digits before the point."


class UnknownParticipant(DomainError):
    code = "unknown_participant"
    message = "The program accepts no events of unknown participants."


class EventNotFound(NotFound):
    message = "There is no such event."


class NotRetryable(DomainError):
    code = "not_retryable"
    message = "Only a FAILED event, or a COMPLETED one with rule errors, can be retried."


class JobNotFound(NotFound):
    message = "There is no such job."


class JobFinished(DomainError):
    code = "job_finished"
    message = "The job has ended already."


class InvalidAmount(DomainError):
    code = "validation_failed"
    message = "An amount cannot be below zero."
