from dataclasses import dataclass

from participants.exceptions import NotAllowed


@dataclass(frozen=True, slots=True)
class Rights:
    """What a call may do that creates what is missing and changes what is there; its verb refuses the rest."""

    may_create: bool = True
    may_change: bool = True
    may_enroll: bool = True

    def allow(self, *, exists: bool) -> bool:
        return self.may_change if exists else self.may_create

    def check(self, *, exists: bool, what: str) -> None:
        """Raise NotAllowed where `what` exists and may not be changed, or is missing and may not be created."""
        if not self.allow(exists=exists):
            raise NotAllowed(f"You may not {'change' if exists else 'add'} {what}.")


ALL_RIGHTS = Rights()
EXISTING_ONLY = Rights(may_create=False)
