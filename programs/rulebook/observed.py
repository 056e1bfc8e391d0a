"""What has been observed of participants, as far as the warnings about a rule use it; `participants.events.recent_events`
provides it, and `programs.rules.review` compares."""

from typing import Protocol
from uuid import UUID

from programs.rules import Shape


class Observer(Protocol):
    def events_of(self, program_id: UUID, *, may_read: bool) -> Shape | None:
        """Return what the program's recent events had, or None where that is not known.

        Unless it `may_read` them, only what has been read a moment ago is known.
        """

    def has_counter(self, key: str) -> bool:
        """Whether anybody has this counter."""


class _Nobody:
    """Observes nothing, and so gives no reason to warn."""

    def events_of(self, program_id: UUID, *, may_read: bool) -> Shape | None:
        return None

    def has_counter(self, key: str) -> bool:
        return True


_observer: Observer = _Nobody()


def provide(observer: Observer) -> None:
    global _observer
    _observer = observer


def observer() -> Observer:
    return _observer
