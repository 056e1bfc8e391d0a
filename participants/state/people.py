"""Whose state it is: finding a participant, locking them, and writing their history by hand.

`write` does all of this in its one statement; this is for what is changed a row at a time.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from participants.exceptions import ParticipantNotFound
from participants.models import Operation, Participant, StateChange, StateType
from programs.kernel.actors import Actor


def found(of: str | UUID) -> UUID:
    """The id of the participant with this external_id (a text) or id (a UUID). Raises ParticipantNotFound."""
    return _one(of, lock=False)


def locked(of: str | UUID) -> UUID:
    """The same, with the participant's row locked to the end of the transaction."""
    return _one(of, lock=True)


def _one(of: str | UUID, *, lock: bool) -> UUID:
    people = Participant.objects.filter(**{"pk" if isinstance(of, UUID) else "external_id": of})
    if lock:
        people = people.select_for_update(no_key=True)
    participant_id = people.values_list("pk", flat=True).first()
    if participant_id is None:
        raise ParticipantNotFound
    return participant_id


def recorded(
    participant_id: UUID,
    state_type: StateType,
    key: str,
    operation: Operation,
    values: tuple[Any, Any],
    *,
    by: Actor,
    at: datetime,
    program_id: UUID | None = None,
) -> None:
    """Write one row of history; `values` are the old and the new one, None where there is none."""
    old_value, new_value = values
    StateChange.objects.create(
        participant_id=participant_id,
        state_type=state_type,
        key=key,
        operation=operation,
        old_value=old_value,
        new_value=new_value,
        changed_by=str(by),
        changed_at=at,
        program_id=program_id,
    )
