"""The caller of a request, as the history of its changes stores them."""

from django.http import HttpRequest
from rest_framework.request import Request

from programs.kernel.actors import Actor, ActorKind
from programs.models import ApiKey


def actor_of(request: HttpRequest | Request) -> Actor:
    """Return the API key that authenticated this request, or the signed-in member of staff."""
    key = getattr(request, "auth", None)
    if isinstance(key, ApiKey):
        return Actor(ActorKind.API_KEY, str(key))
    return Actor(ActorKind.STAFF, request.user.get_username())
