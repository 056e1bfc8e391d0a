"""What the caller may do: an API key by its scopes, a member of staff by their Django permissions."""

from typing import TYPE_CHECKING

from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from programs.models import ApiKey

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module by way of the settings

# The Django permissions that let a member of staff use a method, any one of them, on the model of the view's queryset.
STAFF_VERBS = {
    "GET": ("view",),
    "POST": ("add",),
    "PUT": ("change",),
    "PATCH": ("change",),
    "DELETE": ("delete",),
}


class HasScope(BasePermission):
    """Reads `required_scopes` (method to scope) of the view, and `staff_verbs` where they differ from STAFF_VERBS.

    Raises NotAuthenticated (401) for nobody, PermissionDenied (403) that names what is missing.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        method = "GET" if request.method in ("HEAD", "OPTIONS") else str(request.method)
        scope = view.required_scopes.get(method)  # type: ignore[attr-defined]
        if scope is None:
            # A method that the view does not have is answered with 405 further on; one that it has needs a scope.
            return getattr(view, "action", None) is None
        if isinstance(request.auth, ApiKey):
            if scope not in request.auth.scopes:
                raise PermissionDenied(f"This API key lacks the scope {scope}.")
            return True
        self._check_staff(request, view, method)
        return True

    def _check_staff(self, request: Request, view: "APIView", method: str) -> None:
        if not request.user.is_authenticated:
            raise NotAuthenticated("Send your API key in the header X-API-Key.")
        if not request.user.is_staff:
            raise PermissionDenied("Only staff may use the API without a key.")
        options = view.queryset.model._meta  # type: ignore[attr-defined]
        verbs = {**STAFF_VERBS, **getattr(view, "staff_verbs", {})}[method]
        names = [f"{options.app_label}.{verb}_{options.model_name}" for verb in verbs]
        if not any(request.user.has_perm(name) for name in names):
            raise PermissionDenied(f"You lack the permission {' or '.join(names)}.")
