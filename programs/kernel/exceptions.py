"""Refusals of the domain. Each has a code and knows nothing of HTTP; `config.api.errors.STATUS` gives each code its status."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self


@dataclass(frozen=True, slots=True)
class Position:
    """The place of a mistake in a text: `line` and `column` count from 1, `offending` is the text that is wrong."""

    line: int
    column: int
    offending: str

    def as_dict(self) -> dict[str, object]:
        return {"line": self.line, "column": self.column, "offending": self.offending}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One refused field: its path in the input ("tags[3]"), a reason for machines and a message for people."""

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
    """The base of all refusals: a `code` for machines, a message for people and the fields in question."""

    code: ClassVar[str] = "bad_request"
    message: str = "The request cannot be carried out."

    def __init__(self, message: str = "", fields: Sequence[FieldError] = ()) -> None:
        self.message = message or self.message
        self.fields = tuple(fields)
        super().__init__(self.message)

    def as_dict(self) -> dict[str, object]:
        """Return the error as the API writes it, without a request id."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.fields:
            error["details"] = {"fields": [field.as_dict() for field in self.fields]}
        return error

    @classmethod
    def example(cls) -> Self:
        """Return one as the OpenAPI document shows it."""
        return cls()


class ValidationFailed(DomainError):
    code = "validation_failed"

    def __init__(self, fields: Sequence[FieldError]) -> None:
        first = fields[0]
        more = f" (and {len(fields) - 1} more)" if len(fields) > 1 else ""
        super().__init__(f"{first.field}: {first.message}{more}", fields)


class NotFound(DomainError):
    code = "not_found"
    message = "Nothing exists at this address."
