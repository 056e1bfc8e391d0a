"""How the views of participants find whose rows they show."""

from uuid import UUID

from django.db.models import Q


def is_of(address: str | UUID, prefix: str = "") -> Q:
    """The condition that a row is the participant's with this external_id (a text) or id (a UUID)."""
    return Q(**{f"{prefix}id" if isinstance(address, UUID) else f"{prefix}external_id": address})
