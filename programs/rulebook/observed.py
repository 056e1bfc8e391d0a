"""What has been observed of participants, as far as the warnings about a rule use it, which `programs.rules.review` compares,
and as the form of a rule offers it. `participants.events.recent_events` provides it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from programs.rules import Shape


@dataclass(frozen=True, slots=True)
class Field:
    """A value that some recent event or participant had: its path, and from a list, `within` each element.

    `kind` is "text", "number", "bool" or "list"; `values` are those that occur where they are few.
    """

    path: tuple[str, ...]
    kind: str
    values: tuple[str, ...] = ()
    within: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recent:
    """What the newest events of a program had; `newest` is the data of the last one, if it is not large."""

    newest: dict[str, Any] | None = None
    fields: Sequence[Field] = ()


class Observer(Protocol):
    def events_of(self, program_id: UUID, *, may_read: bool) -> Shape | None:
        """Return what the program's recent events had, or None where that is not known.

        Unless it `may_read` them, only what has been read a moment ago is known.
        """

    def has_counter(self, key: str) -> bool:
        """Whether anybody has this counter."""

    def recent_events(self, program_id: UUID) -> Recent:
        """Return what is new of the events; the caller sees to it that whoever gets it may read them."""

    def recent_participants(self, program_id: UUID) -> Sequence[Field]:
        """Return the tags and attributes of those whose events are new, with the same care."""


class _Nobody:
    """Observes nothing, and so gives no reason to warn."""

    def events_of(self, program_id: UUID, *, may_read: bool) -> Shape | None:
        return None

    def has_counter(self, key: str) -> bool:
        return True

    def recent_events(self, program_id: UUID) -> Recent:
        return Recent()

    def recent_participants(self, program_id: UUID) -> Sequence[Field]:
        return ()


_observer: Observer = _Nobody()


def provide(observer: Observer) -> None:
    global _observer
    _observer = observer


def observer() -> Observer:
    return _observer
