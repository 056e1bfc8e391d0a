"""What the domain refuses. Errors know a code and nothing of HTTP; config.api.errors gives each code its status."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a text the mistake is: `line` and `column` count from 1, `offending` is the piece that is wrong."""

    line: int
    column: int
    offending: str

    def as_dict(self) -> dict[str, object]:
        return {"line": self.line, "column": self.column, "offending": self.offending}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that was refused: its path in the input ("tags[3]"), a machine's reason and words for a person."""

    field: str
    reason: str
    message: str
    position: Position | None = None

    def as_dict(self) -> dict[str, object]:
        error: dict[str, object] = {
            "field": self.field,
            "reason": self.reason,
            "message": self.message,
        }
        if self.position is not None:
            error["position"] = self.position.as_dict()
        return error


class DomainError(Exception):
    """The base of all refusals: a machine-readable `code`, a message for people, the fields it is about."""

    code: ClassVar[str] = "bad_request"
    message: str = "The request cannot be carried out."

    def __init__(self, message: str = "", fields: Sequence[FieldError] = ()) -> None:
        self.message = message or self.message
        self.fields = tuple(fields)
        super().__init__(self.message)

    def as_dict(self) -> dict[str, object]:
        """The error as the API spells it, without a request id."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.fields:
            error["details"] = {"fields": [field.as_dict() for field in self.fields]}
        return error


class ValidationFailed(DomainError):
    code = "validation_failed"

    def __init__(self, fields: Sequence[FieldError]) -> None:
        first = fields[0]
        more = f" (and {len(fields) - 1} more)" if len(fields) > 1 else ""
        super().__init__(f"{first.field}: {first.message}{more}", fields)


class NotFound(DomainError):
    code = "not_found"
    message = "There is no such thing here."


class ProgramNotFound(NotFound):
    message = "There is no program with this id."


class ProgramInactive(DomainError):
    code = "program_inactive"
    message = "The program is suspended or archived; it takes no enrolments and no events."


class AssetNotFound(NotFound):
    message = "There is no asset with this id."


class TierTrackNotFound(NotFound):
    message = "There is no tier track with this key in this program."


class TierTrackChanged(DomainError):
    message = "Somebody else has changed this track meanwhile; load the page again."


class RuleNotFound(NotFound):
    message = "There is no rule with this id."


class RuleChanged(DomainError):
    message = "Somebody else has changed this rule meanwhile; load the page again."


class OrderTaken(DomainError):
    code = "order_taken"
    message = "Another active rule of the program has this order."
