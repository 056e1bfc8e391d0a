"""Upserts of many participants at once, from bodies as the API takes them: batches and imports."""

from collections.abc import Sequence
from uuid import UUID

from participants.exceptions import DuplicateInBatch
from participants.state.changes import Change, clean_upsert
from participants.state.rights import ALL_RIGHTS, Rights
from participants.state.write import Upserted, change_each
from programs.kernel.actors import Actor
from programs.kernel.exceptions import DomainError


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
