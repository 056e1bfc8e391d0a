"""Who changes something, as every history row keeps it: a kind and a label, never a foreign key."""

from dataclasses import dataclass
from enum import StrEnum

from django.http import HttpRequest
from rest_framework.request import Request

from programs.models import ApiKey


class ActorKind(StrEnum):
    API_KEY = "api_key"
    STAFF = "staff"
    COMMAND = "command"
    RULE = "rule"
    TIER_TRACK = "tier_track"


@dataclass(frozen=True, slots=True)
class Actor:
    kind: ActorKind
    label: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.label}"


def actor_of(request: HttpRequest | Request) -> Actor:
    """Who makes this request: the API key that authenticated it, or the signed-in member of staff."""
    key = getattr(request, "auth", None)
    if isinstance(key, ApiKey):
        return Actor(ActorKind.API_KEY, str(key))
    return Actor(ActorKind.STAFF, request.user.get_username())
