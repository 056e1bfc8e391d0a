"""The refusals of this app, with their codes; `config.api.errors.STATUS` gives each code its status."""

from collections.abc import Sequence
from typing import Any, Self, TypedDict

from programs.kernel.exceptions import DomainError, FieldError, NotFound


class ProgramNotFound(NotFound):
    message = "There is no program with this id."


class ProgramInactive(DomainError):
    code = "program_inactive"
    message = "The program is suspended or archived and accepts no enrollments or events."


class AssetNotFound(NotFound):
    message = "There is no asset with this id."


class TierTrackNotFound(NotFound):
    message = "There is no tier track with this key in this program."


class RuleNotFound(NotFound):
    message = "There is no rule with this id."


class RuleVersionNotFound(NotFound):
    message = "The rule has no such version."


class OrderTaken(DomainError):
    code = "order_taken"
    message = "Another active rule of the program has this order."


class InUse(DomainError):
    code = "in_use"
    message = "Rules still name it."


class CounterInUse(DomainError):
    code = "in_use"
    message = "Another rule counts this counter in another window."


class ChangeSince(TypedDict):
    """One field that a version changed, and who made that version."""

    version: int
    field: str
    old: Any
    new: Any
    changed_by: str
    changed_at: str


class ChangedMeanwhile(DomainError):
    """A change of a version that is no longer the current one. `changes` are those since, the newest first."""

    code = "changed_meanwhile"
    message = "Somebody else has changed it in the meantime."

    def __init__(
        self, thing: str = "", version: int = 1, changes: Sequence[ChangeSince] = ()
    ) -> None:
        self.version, self.changes = version, tuple(changes)
        text = f"It is at version {version} now. Read it again, and send that version with your change."
        message = self.message.replace(" it ", f" this {thing} ") if thing else ""
        super().__init__(message, [FieldError("version", "changed_meanwhile", text)])

    def as_dict(self) -> dict[str, object]:
        error = super().as_dict()
        details: Any = error["details"]
        return {**error, "details": {**details, "version": self.version, "changes": self.changes}}

    @classmethod
    def example(cls) -> Self:
        change: ChangeSince = {
            "version": 2,
            "field": "name",
            "old": "Purchases",
            "new": "Purchases online",
            "changed_by": "staff:rosa",
            "changed_at": "2026-01-15T10:31:07.482913Z",
        }
        return cls(version=2, changes=[change])
