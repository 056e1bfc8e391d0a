"""What the views of participants share: who may use them, and whose they are."""

from uuid import UUID

from django.db.models import Q

from programs.models import Scope

PARTICIPANT_SCOPES = {
    "GET": Scope.PARTICIPANTS_READ,
    "POST": Scope.PARTICIPANTS_WRITE,
    "PUT": Scope.PARTICIPANTS_WRITE,
    "PATCH": Scope.PARTICIPANTS_WRITE,
    "DELETE": Scope.PARTICIPANTS_WRITE,
}


def is_of(address: str | UUID, prefix: str = "") -> Q:
    """The condition that a row is the participant's with this external_id (a text) or id (a UUID)."""
    return Q(**{f"{prefix}id" if isinstance(address, UUID) else f"{prefix}external_id": address})
