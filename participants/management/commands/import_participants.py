"""Import of people from JSON Lines: for each line what POST /v1/participants does, in the order of the lines."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from participants import state
from participants.management.import_command import ImportCommand, Rehearsal, StoreBatch, Tally
from participants.state.write import UpsertStatus
from programs.kernel.actors import Actor, ActorKind
from programs.kernel.exceptions import DomainError

_BY = Actor(ActorKind.COMMAND, "import_participants")


class Command(ImportCommand[state.Upserted]):
    help = (
        "Reads people from JSON Lines, each line as the body of POST /v1/participants, and creates or updates them in "
        'the order of the lines. Ends with the counts on standard output ("created 2357, updated 0, failed 0"; updated '
        "are also those of whom nothing had to change), and with 1 if a line failed, with 130 if interrupted. May be "
        "stopped at any moment and run again: a person is stored whole or not at all, and twice is the same as once."
    )
    program_help = "Enrol here those whose line has no program_id."
    dry_run_help = (
        "Check and count, and store nothing: each batch is stored and taken back. It cannot see what only "
        "two lines of different batches break together, such as 101 attributes of one person."
    )
    without_program = "it takes no enrollments"

    def new_tally(self) -> Tally:
        return PeopleTally()

    def new_store(self, options: dict[str, Any]) -> StoreBatch[state.Upserted]:
        return Rehearsal(_store, _created, _updated).store if options["dry_run"] else _store

    def name_of(self, body: object) -> str:
        # A batch stores only the last of two lines about one person; a file means both, one after the other.
        return _external_id(body)


@dataclass(slots=True)
class PeopleTally(Tally):
    created: int = 0
    updated: int = 0

    def count(self, stored: object) -> None:
        Tally.count(self, stored)
        if isinstance(stored, state.Upserted):
            self.created += stored.created
            self.updated += not stored.created

    def __str__(self) -> str:
        return f"created {self.created}, updated {self.updated}, failed {self.failed}"


def _store(bodies: list[object], program_id: UUID | None) -> list[state.Upserted | DomainError]:
    return state.upsert_each(bodies, by=_BY, program_id=program_id)


def _external_id(body: object) -> str:
    external_id = body.get("external_id") if isinstance(body, dict) else None
    return external_id if isinstance(external_id, str) else ""


def _created(body: object, result: state.Upserted) -> str:
    return _external_id(body) if result.created else ""


def _updated(result: state.Upserted) -> state.Upserted:
    return replace(result, status=UpsertStatus.UPDATED)
