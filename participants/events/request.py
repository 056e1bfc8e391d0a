"""The body of an event as a client sends it, checked the same for the API and for imports."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from participants.models import MAX_EXTERNAL_ID_LENGTH, MAX_IDEMPOTENCY_KEY_LENGTH
from programs.kernel import exact_json
from programs.kernel.cleaning import (
    Errors,
    instant_of,
    members_of,
    refuse_unknown,
    text_of,
    uuid_of,
)

FURTHEST_AHEAD = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event as it was sent. `of` is the participant's external_id (a text) or id (a UUID)."""

    program_id: UUID
    of: str | UUID
    idempotency_key: str
    event_timestamp: datetime
    data: dict[str, Any]


def clean_event(body: object, *, received_at: datetime, program_id: UUID | None = None) -> NewEvent:
    """Read the body of an event; `program_id` is for one that names none. Raises ValidationFailed."""
    errors = Errors()
    members = members_of(body, errors)
    if program_id is None or "program_id" in members:
        program_id = uuid_of(members.pop("program_id", None), errors, "program_id")
    of = participant_of(*one_of(members, errors, "external_id", "participant_id"), errors)
    key = _key(members, errors)
    moment = _moment(members, errors, latest=received_at + FURTHEST_AHEAD)
    data = members.pop("event_data", None)
    if not isinstance(data, dict):
        reason = "required" if data is None else "type"
        errors.add("event_data", reason, "Give an object: what happened.")
    # A batch would leave an event more room than a call of its own; and numbers like 1e39 grow when they are written out.
    elif len(exact_json.dumps(data)) > settings.BODY_LIMIT:
        errors.add("event_data", "too_long", f"At most {settings.BODY_LIMIT:,} bytes of JSON.")
    refuse_unknown(members, errors)
    errors.raise_if_any()
    assert program_id is not None
    assert of is not None
    assert moment is not None
    return NewEvent(program_id, of, key, moment, data)


def clean_reference(parameters: dict[str, Any]) -> tuple[UUID, str]:
    """Read the program and the key that name an event. Raises ValidationFailed."""
    errors = Errors()
    program_id = uuid_of(parameters.get("program_id"), errors, "program_id")
    key = _key(parameters, errors)
    errors.raise_if_any()
    assert program_id is not None
    return program_id, key


def _key(members: dict[str, Any], errors: Errors) -> str:
    value = members.pop("idempotency_key", None)
    return text_of(value, errors, "idempotency_key", longest=MAX_IDEMPOTENCY_KEY_LENGTH)


def one_of(members: dict[str, Any], errors: Errors, *names: str) -> tuple[str, Any]:
    """Take the one member of these that there must be."""
    present = {name: members.pop(name) for name in names if name in members}
    if len(present) == 1:
        return present.popitem()
    errors.add(names[0], "required", f"Give one of {', '.join(names[:-1])} and {names[-1]}.")
    return "", None


def participant_of(name: str, value: Any, errors: Errors) -> str | UUID | None:
    """Read an external_id or a participant_id; None for a member of another name."""
    if name == "participant_id":
        return uuid_of(value, errors, name)
    if name == "external_id":
        return text_of(value, errors, name, longest=MAX_EXTERNAL_ID_LENGTH)
    return None


def _moment(members: dict[str, Any], errors: Errors, *, latest: datetime) -> datetime | None:
    if "event_timestamp" not in members:
        errors.add("event_timestamp", "required", "This field is required.")
        return None
    moment = instant_of(members.pop("event_timestamp"), errors, "event_timestamp")
    if moment is not None and moment > latest:
        errors.add("event_timestamp", "future", "At most 24 hours ahead of now.")
    return moment
