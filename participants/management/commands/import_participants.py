"""Import of people from JSON Lines: for each line what POST /v1/participants does, in the order of the lines."""

from dataclasses import replace
from uuid import UUID

from participants import state
from participants.management.import_command import ImportCommand
from participants.state.upsert import UpsertStatus
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
    program_help = "Enroll here those whose line has no program_id."
    dry_run_help = (
        "Check and count, and store nothing: each batch is stored and taken back. It cannot see what only "
        "two lines of different batches break together, such as 101 attributes of one person."
    )
    without_program = "it takes no enrollments"
    new, known = "created", "updated"

    def store(
        self, bodies: list[object], program_id: UUID | None
    ) -> list[state.Upserted | DomainError]:
        return state.upsert_each(bodies, by=_BY, program_id=program_id)

    def is_new(self, stored: state.Upserted) -> bool:
        return stored.created

    def as_known(self, stored: state.Upserted) -> state.Upserted:
        return replace(stored, status=UpsertStatus.UPDATED)

    def new_name(self, body: object, stored: state.Upserted) -> str:
        return self.name_of(body)

    def name_of(self, body: object) -> str:
        # A batch stores only the last of two lines about one person; a file means both, one after the other.
        external_id = body.get("external_id") if isinstance(body, dict) else None
        return external_id if isinstance(external_id, str) else ""
