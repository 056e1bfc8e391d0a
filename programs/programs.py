"""Programs and the history of their changes: the only code that writes either."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction

from programs.exceptions import ChangeSince, ProgramNotFound
from programs.kernel import instants
from programs.kernel.actors import Actor
from programs.kernel.database import retried
from programs.models import Program, ProgramChange
from programs.versions import MOST_VERSIONS, refuse_stale


def create(values: Mapping[str, Any]) -> Program:
    return Program.objects.create(**values)


@retried
def change(
    program_id: UUID, values: Mapping[str, Any], *, by: Actor, shown_version: int | None = None
) -> Program:
    """Give the program these values and keep what differs in its history.

    Its other fields are left to whoever changes those. Raises ProgramNotFound, and ChangedMeanwhile if the program is no
    longer at `shown_version`.
    """
    with transaction.atomic():
        # Of two changes at once, the second's history must begin with what the first has written.
        program = Program.objects.select_for_update(no_key=True).filter(pk=program_id).first()
        if program is None:
            raise ProgramNotFound
        refuse_stale("program", shown_version, program.version, partial(changes_since, program))
        changed = {name: new for name, new in values.items() if new != getattr(program, name)}
        if not changed:
            return program
        program.version += 1
        ProgramChange.objects.bulk_create(
            ProgramChange(
                program=program,
                version=program.version,
                field=name,
                old_value=getattr(program, name),
                new_value=new,
                changed_by=str(by),
            )
            for name, new in changed.items()
        )
        for name, new in changed.items():
            setattr(program, name, new)
        program.save(update_fields=[*changed, "version", "updated_at"])
        program.refresh_from_db(fields=["updated_at"])
        if "time_zone" in changed:
            Program.objects.filter(pk=program_id).revised()
        return program


def changes_since(program: Program, version: int) -> Iterator[ChangeSince]:
    """Yield what the newest versions after this one changed of the program, the newest first."""
    after = max(version, program.version - MOST_VERSIONS)
    later = ProgramChange.objects.filter(program=program, version__gt=after)
    for change in later.order_by("-version", "field"):
        yield {
            "version": change.version,
            "field": change.field,
            "old": change.old_value,
            "new": change.new_value,
            "changed_by": change.changed_by,
            "changed_at": instants.written(change.changed_at),
        }
