"""Readers of JSON bodies for hot paths, where a serializer would be too slow; they collect all errors, each with its path."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from programs.kernel import decimals, instants
from programs.kernel.exceptions import FieldError, Position, ValidationFailed

MOST_ERRORS = 50
# Python's \S: its white space has these five more than that of JSON Schema's patterns.
NOT_BLANK = r"[^\s\u001c-\u001f\u0085]"

_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Errors(list[FieldError]):
    """All refusals of one input, or the first MOST_ERRORS of them."""

    def add(self, name: str, reason: str, message: str, position: Position | None = None) -> None:
        self.append(FieldError(name, reason, message, position))
        # Or a megabyte of bad tags would get an answer of thirty megabytes.
        if len(self) == MOST_ERRORS:
            self.append(
                FieldError("body", "too_many_errors", "There may be more errors. Fix these first.")
            )
            raise ValidationFailed(self)

    def raise_if_any(self) -> None:
        if self:
            raise ValidationFailed(self)


def members_of(body: object, errors: Errors) -> dict[str, Any]:
    """Return the members of a body, which must be an object. Raises ValidationFailed otherwise."""
    if isinstance(body, dict):
        return dict(body)
    errors.add("body", "type", "Give a JSON object.")
    errors.raise_if_any()
    raise AssertionError("unreachable")


def refuse_unknown(members: dict[str, Any], errors: Errors) -> None:
    for name in members:
        errors.add(name[:100], "unknown", "There is no such field here.")


def uuid_of(value: object, errors: Errors, name: str) -> UUID | None:
    if value is None:
        errors.add(name, "required", "This field is required.")
    # UUID() alone would also accept braces, "urn:uuid:" and hyphens anywhere.
    elif isinstance(value, str) and _UUID.fullmatch(value):
        return UUID(value)
    else:
        errors.add(name, "invalid", "Give a UUID.")
    return None


def text_of(
    value: object, errors: Errors, name: str, *, longest: int, may_be_blank: bool = False
) -> str:
    """Read a string of at most `longest` characters. It is required and has more than white space, unless it may be blank."""
    if value is None and not may_be_blank:
        errors.add(name, "required", "This field is required.")
    elif not isinstance(value, str):
        errors.add(name, "type", "Give a string.")
    elif not may_be_blank and (not value or value.isspace()):
        errors.add(name, "blank", "Give more than white space.")
    elif len(value) > longest:
        errors.add(name, "too_long", f"At most {longest} characters.")
    elif "\0" in value:  # from a path or a header; the JSON parser has refused a body with one
        errors.add(name, "invalid", "NUL cannot be stored.")
    else:
        return value
    return ""


def choice_of(value: object, errors: Errors, name: str, choices: list[str]) -> str:
    if isinstance(value, str) and value in choices:
        return value
    errors.add(
        name, "required" if value is None else "invalid", f"Give one of {', '.join(choices)}."
    )
    return ""


def flag_of(value: object, errors: Errors, name: str) -> bool:
    if isinstance(value, bool):
        return value
    errors.add(name, "type", "Give true or false.")
    return False


def amount_of(value: object, errors: Errors, name: str) -> Decimal | None:
    """Read a number above zero from a string."""
    number = decimal_of(value, errors, name)
    if number is not None and number <= 0:
        errors.add(name, "not_positive", "Give an amount above zero.")
        return None
    return number


def decimal_of(value: object, errors: Errors, name: str) -> Decimal | None:
    """Read a number of at most 20 digits before the point and 18 after it from a string."""
    try:
        return decimals.read(value)
    except decimals.NotADecimal as error:
        errors.add(name, error.reason, str(error))
        return None


def instant_of(value: object, errors: Errors, name: str) -> datetime | None:
    """Read a time of RFC 3339 with its offset, as UTC to the microsecond."""
    try:
        return instants.read(value)
    except ValueError:
        errors.add(name, "invalid", 'Give a time such as "2026-01-15T10:30:00Z".')
        return None
