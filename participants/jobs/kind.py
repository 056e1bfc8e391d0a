"""What a kind of job is: a declaration, and a function that takes one step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from participants.models import Job


@dataclass(frozen=True, slots=True)
class Step:
    """What a step came to. `state` is where the next one goes on; the last step has a `report` instead.

    `files` are added to the job's files of these names.
    """

    done: int
    total: int | None
    state: Any = None
    report: Any = None
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def is_last(self) -> bool:
        return self.report is not None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job.

    `permissions` are those of Django that somebody needs to ask for it, to keep it running and to read its report.
    `step` takes one step of about a second, inside the transaction that also stores what the step came to. It reads
    `job.state`, writes nothing to the job, and holds nothing in memory for the next step, which another process may take.
    """

    name: str
    label: str
    permissions: tuple[str, ...]
    step: Callable[[Job], Step]
