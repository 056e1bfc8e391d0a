"""The bulk upsert: the fast path for what `Person` knows of tags, attributes and status, for one participant or a thousand.

`change` makes one change, `change_each` those of many participants, `change_in_turn` several of one, and `upsert_each` what
the bodies of a batch or an import ask.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from django.db import OperationalError, transaction

from participants import locks
from participants.exceptions import (
    DuplicateInBatch,
    EnrollingNotAllowed,
    NotAllowed,
    ParticipantNotFound,
)
from participants.models import MAX_ATTRIBUTES, MAX_TAGS
from participants.state.changes import Change, clean_upsert
from participants.state.rights import ALL_RIGHTS, EXISTING_ONLY, Rights
from participants.state.upsert_statement import Address, statement
from programs.exceptions import ProgramInactive, ProgramNotFound
from programs.kernel import exact_json
from programs.kernel.actors import Actor
from programs.kernel.database import Statement, retried, uuid7
from programs.kernel.exceptions import DomainError, FieldError, ValidationFailed

# Under lock only a new participant can be in the way, and only once.
MOST_LOOKS = 10


class UpsertStatus(StrEnum):
    CREATED = "created"
    UPDATED = "updated"  # also where nothing had to change
    STALE = "stale"  # never leaves this module
    ABSENT = "absent"
    PRESENT = "present"
    ENROLLING_NOT_ALLOWED = "enrolling_not_allowed"
    PROGRAM_NOT_FOUND = "program_not_found"
    PROGRAM_INACTIVE = "program_inactive"
    TOO_MANY_TAGS = "too_many_tags"
    TOO_MANY_ATTRIBUTES = "too_many_attributes"


def _too_many(field: str, most: int) -> ValidationFailed:
    return ValidationFailed(
        [FieldError(field, "too_many", f"At most {most}, after the merge too.")]
    )


_REFUSALS: dict[UpsertStatus, Callable[[], DomainError]] = {
    UpsertStatus.ABSENT: ParticipantNotFound,
    UpsertStatus.PRESENT: NotAllowed,
    UpsertStatus.ENROLLING_NOT_ALLOWED: EnrollingNotAllowed,
    UpsertStatus.PROGRAM_NOT_FOUND: ProgramNotFound,
    UpsertStatus.PROGRAM_INACTIVE: ProgramInactive,
    UpsertStatus.TOO_MANY_TAGS: lambda: _too_many("tags", MAX_TAGS),
    UpsertStatus.TOO_MANY_ATTRIBUTES: lambda: _too_many("attributes", MAX_ATTRIBUTES),
}


@dataclass(frozen=True, slots=True)
class Upserted:
    """What became of one row. `document` is the participant's JSON, for a row that came alone."""

    status: UpsertStatus
    participant_id: UUID
    changed: bool
    document: msgspec.Raw

    @property
    def created(self) -> bool:
        return self.status is UpsertStatus.CREATED

    @property
    def refusal(self) -> DomainError | None:
        refuse = _REFUSALS.get(self.status)
        return refuse() if refuse else None


def change(
    change: Change,
    *,
    to: str | UUID,
    by: Actor,
    rights: Rights = EXISTING_ONLY,
    reason: str = "",
) -> Upserted:
    """Change the participant with this external_id (a text) or id (a UUID), or create the one with the external_id.

    The history keeps the `reason`.

    One step for everybody else: it happens whole or not at all. Raises ParticipantNotFound where there is none and
    `rights` do not let it be created, NotAllowed where there is one and they do not let it be changed,
    EnrollingNotAllowed, ProgramNotFound, ProgramInactive, and ValidationFailed where the merge has more than 100 tags or
    attributes.
    """
    [result] = change_each([(to, change)], by=by, rights=rights, reason=reason)
    if result.refusal:
        raise result.refusal
    return result


def change_each(
    changes: Sequence[tuple[str | UUID, Change]],
    *,
    by: Actor,
    rights: Rights = EXISTING_ONLY,
    reason: str = "",
) -> list[Upserted]:
    """The same for many participants, all named by external_id or all by id, none twice; results in their order.

    One statement, and a second look, under lock, for rows that somebody else was changing at that moment. Each row is
    stored whole or, with a `refusal` in its result, not at all, whatever becomes of the others.
    """
    if not changes:
        return []
    address: Address = "id" if isinstance(changes[0][0], UUID) else "external_id"
    call = _Call(address, by, rights, reason, single=len(changes) == 1)
    rows = [_row(position, address, *pair) for position, pair in enumerate(changes)]
    results = call.look(rows)
    for _ in range(MOST_LOOKS):
        stale = [row for row in rows if results[row["position"]].status is UpsertStatus.STALE]
        if not stale:
            return [results[position] for position in range(len(rows))]
        results |= call.look_locked(stale)
    raise OperationalError("Somebody else kept changing the same participants.")


@retried
def change_in_turn(
    changes: Iterable[Change], *, to: str | UUID, by: Actor, rights: Rights = EXISTING_ONLY
) -> list[Upserted]:
    """Make these changes of one participant, who is created by the first where `rights` allow that.

    Results up to the first refusal, which takes back the changes before it.
    """
    results: list[Upserted] = []
    with transaction.atomic():
        for change in changes:
            [result] = change_each([(to, change)], by=by, rights=rights)
            results.append(result)
            if result.refusal:
                transaction.set_rollback(True)
                break
            to, rights = result.participant_id, Rights(may_create=False)
    return results


def upsert_each(
    bodies: Sequence[object],
    *,
    by: Actor,
    program_id: UUID | None = None,
    rights: Rights = ALL_RIGHTS,
) -> list[Upserted | DomainError]:
    """Upsert each body, in the order given; a bad one is an error in its place and stops no other.

    Of two bodies with one external_id the later counts and the earlier is DuplicateInBatch. `program_id` enrolls those
    whose body names no program.
    """
    cleaned = [_cleaned(body, program_id) for body in bodies]
    last = {entry[0]: index for index, entry in enumerate(cleaned) if isinstance(entry, tuple)}
    changes = [entry for index in last.values() if isinstance(entry := cleaned[index], tuple)]
    results = change_each(changes, by=by, rights=rights)
    stored = {
        index: result.refusal or result
        for index, result in zip(last.values(), results, strict=True)
    }
    return [
        entry if isinstance(entry, DomainError) else stored.get(index) or DuplicateInBatch()
        for index, entry in enumerate(cleaned)
    ]


def _cleaned(body: object, program_id: UUID | None) -> tuple[str, Change] | DomainError:
    try:
        external_id, change = clean_upsert(body)
    except DomainError as error:
        # The frames of its traceback would keep every body of the batch until the next garbage collection.
        return error.with_traceback(None)
    change.program_id = change.program_id or program_id
    return external_id, change


def _row(position: int, address: Address, key: str | UUID, change: Change) -> dict[str, Any]:
    row: dict[str, Any] = {"position": position, "id": uuid7(), **change.profile}
    row[address] = key
    if change.status is not None:
        row["status"] = change.status
    if change.tags is not None:
        row["tags"] = change.tags
    if change.add_tags or change.remove_tags:
        row["add_tags"], row["remove_tags"] = change.add_tags, change.remove_tags
    if change.attributes is not None:
        row["attributes"] = change.attributes
    if change.program_id is not None:
        row["program_id"] = change.program_id
        row["enrollment_id"] = uuid7()
        row["enrollment_status"] = change.enrollment_status
    return row


@dataclass(frozen=True, slots=True)
class _Call:
    """What is the same for all rows of a call.

    Each of its steps is retried by itself: a row that the first has stored and committed must not be met again as a known
    one.
    """

    address: Address
    by: Actor
    rights: Rights
    reason: str
    single: bool

    @retried
    def look(self, rows: list[dict[str, Any]]) -> dict[int, Upserted]:
        """Results by position."""
        rights = self.rights
        parameters = [
            exact_json.dumps(rows).decode(),
            str(self.by),
            *(rights.may_create, rights.may_change, rights.may_enroll),
            self.reason,
        ]
        at = [row[self.address] for row in rows]
        return {
            position: Upserted(
                UpsertStatus(status),
                participant_id,
                changed,
                msgspec.Raw((document or "").encode()),
            )
            for position, status, participant_id, changed, document in locks.run(
                _STATEMENTS[self.address, self.single], parameters, at=at
            )
        }

    @retried
    def look_locked(self, rows: list[dict[str, Any]]) -> dict[int, Upserted]:
        """The same with the participants locked before the statement takes its snapshot."""
        with transaction.atomic():
            locks.lock([row[self.address] for row in rows])
            return self.look(rows)


# A thousand rows are planned each time: a plan made while the tables were small would read them whole, and be kept.
_STATEMENTS: dict[tuple[Address, bool], Statement] = {
    (address, single): Statement(statement(address, single=single), keeps_plan=single)
    for address in ("external_id", "id")
    for single in (True, False)
}
