"""Each call is held to its row in the tables of `programs.api.permissions` and `participants.api.permissions`."""

from typing import TYPE_CHECKING

from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

import participants.api.permissions  # noqa: F401 (declares its rows)
from programs.api.permissions import DECLARED, Requirement

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module by way of the settings

# Where the API begins is for everybody who may make some call; it shows each caller their own.
DECLARED["RootViewSet.retrieve"] = Requirement(None)


class MeetsRequirement(BasePermission):
    """Raises NotAuthenticated (401) or PermissionDenied (403) for a caller who lacks what the call requires."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        requirement_of(view).check(request)
        return True


def requirement_of(view: "APIView") -> Requirement:
    """The row of the call that is being made. Raises KeyError for a call that has none, so that nobody may make it."""
    action = view.action  # type: ignore[attr-defined]
    if action in (None, "metadata"):
        # OPTIONS, and a method that is answered with 405 further on, are for whoever may read what is there.
        actions: dict[str, str] = view.action_map  # type: ignore[attr-defined]
        action = actions.get("get") or next(iter(actions.values()))
    return DECLARED[f"{type(view).__name__}.{action}"]


def may_call(request: Request, call: str) -> bool:
    """Whether the caller, by key or signed in, may make this call ("EventViewSet.list")."""
    try:
        DECLARED[call].check(request)
    except (NotAuthenticated, PermissionDenied):
        return False
    return True
