"""Programs and the history of their changes: the only code that writes either."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from programs.exceptions import ProgramNotFound
from programs.kernel.actors import Actor
from programs.kernel.database import retried
from programs.models import Program, ProgramChange


def create(values: Mapping[str, Any]) -> Program:
    return Program.objects.create(**values)


@retried
def change(program_id: UUID, values: Mapping[str, Any], *, by: Actor) -> Program:
    """Give the program these values and keep what differs in its history. Raises ProgramNotFound.

    Its other fields are left to whoever changes those.
    """
    with transaction.atomic():
        # Of two changes at once, the second's history must begin with what the first has written.
        program = Program.objects.select_for_update(no_key=True).filter(pk=program_id).first()
        if program is None:
            raise ProgramNotFound
        changed = {name: new for name, new in values.items() if new != getattr(program, name)}
        if not changed:
            return program
        ProgramChange.objects.bulk_create(
            ProgramChange(
                program=program,
                field=name,
                old_value=getattr(program, name),
                new_value=new,
                changed_by=str(by),
            )
            for name, new in changed.items()
        )
        for name, new in changed.items():
            setattr(program, name, new)
        program.save(update_fields=[*changed, "updated_at"])
        program.refresh_from_db(fields=["updated_at"])
        if "time_zone" in changed:
            Program.objects.filter(pk=program_id).revised()
        return program
