"""What causes a change: every row of a participant's history and every journal entry keeps it."""

from dataclasses import dataclass
from uuid import UUID

from programs.kernel.actors import Actor


@dataclass(frozen=True, slots=True)
class Cause:
    """Who makes a change, and the event, rule and program that led to it, where there are any. Staff give a `reason`."""

    by: Actor
    event_id: UUID | None = None
    rule_id: UUID | None = None
    program_id: UUID | None = None
    reason: str = ""
