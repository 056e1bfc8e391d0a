"""Who may make which call: an API key by its scopes, a member of staff by their Django permissions.

Each app has one table, from a call ("ProgramViewSet.create") to what it requires, and `DECLARED` has the rows of both.
Enforcement, the OpenAPI document, the scopes that staff may give a key and the permission test read them; views name
neither scopes nor permissions.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from django.http import HttpRequest
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.request import Request

from programs.models import ApiKey, Scope


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a caller must have: an API key the scope, if any, a member of staff all or any of the Django permissions."""

    scope: Scope | None
    all_of: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()

    def check(self, request: Request) -> None:
        """Raise NotAuthenticated (401) for an anonymous caller, PermissionDenied (403) that names what is missing."""
        if isinstance(request.auth, ApiKey):
            if self.scope and self.scope not in request.auth.scopes:
                raise PermissionDenied(f"This API key lacks the scope {self.scope}.")
            return
        user = request.user
        if not user.is_authenticated:
            raise NotAuthenticated("Send your API key in the header X-API-Key.")
        if not user.is_staff:
            raise PermissionDenied("Only staff may use the API without a key.")
        if missing := self.missing_permissions(user):
            raise PermissionDenied(f"You lack the permission {missing}.")

    def staff_may(self, request: Request | HttpRequest) -> bool:
        """Whether the caller may do this as part of another call. Always True for an API key, whose scope for
        that call covers it.
        """
        by_key = isinstance(getattr(request, "auth", None), ApiKey)
        return by_key or not self.missing_permissions(request.user)

    def missing_permissions(self, user: AbstractBaseUser | AnonymousUser) -> str:
        """The permissions that a member of staff lacks, in words; an empty text where none is missing."""
        assert isinstance(user, PermissionsMixin | AnonymousUser)
        if self.any_of and not any(map(user.has_perm, self.any_of)):
            return " or ".join(self.any_of)
        return " and ".join(name for name in self.all_of if not user.has_perm(name))


# The rows of all tables: each adds its own.
DECLARED: dict[str, Requirement] = {}


def scopes_given_by(user: AbstractBaseUser | AnonymousUser) -> list[Scope]:
    """The scopes that a member of staff may give a key: those that let it do nothing that they may not do themselves."""
    assert isinstance(user, PermissionsMixin | AnonymousUser)
    needed: dict[Scope, set[str]] = {scope: set() for scope in Scope}
    for row in DECLARED.values():
        if row.scope:
            needed[row.scope].update(row.all_of, row.any_of)
    return [scope for scope in Scope if user.has_perms(needed[scope])]


_READ = Scope.PROGRAMS_READ
_WRITE = Scope.PROGRAMS_WRITE

REQUIREMENTS: Mapping[str, Requirement] = {
    "ProgramViewSet.list": Requirement(_READ, ("programs.view_program",)),
    "ProgramViewSet.create": Requirement(_WRITE, ("programs.add_program",)),
    "ProgramViewSet.retrieve": Requirement(_READ, ("programs.view_program",)),
    "ProgramViewSet.partial_update": Requirement(_WRITE, ("programs.change_program",)),
    "AssetViewSet.list": Requirement(_READ, ("programs.view_asset",)),
    "AssetViewSet.create": Requirement(_WRITE, ("programs.add_asset",)),
    "AssetViewSet.retrieve": Requirement(_READ, ("programs.view_asset",)),
    "AssetViewSet.partial_update": Requirement(_WRITE, ("programs.change_asset",)),
    "LinkedAssetViewSet.list": Requirement(_READ, ("programs.view_assetlink",)),
    "LinkedAssetViewSet.create": Requirement(_WRITE, ("programs.add_assetlink",)),
    "TierTrackViewSet.list": Requirement(_READ, ("programs.view_tiertrack",)),
    "TierTrackViewSet.create": Requirement(_WRITE, ("programs.add_tiertrack",)),
    "TierTrackViewSet.retrieve": Requirement(_READ, ("programs.view_tiertrack",)),
    "TierTrackViewSet.partial_update": Requirement(_WRITE, ("programs.change_tiertrack",)),
    "TierTrackViewSet.destroy": Requirement(_WRITE, ("programs.delete_tiertrack",)),
    "RuleViewSet.list": Requirement(_READ, ("programs.view_rule",)),
    "RuleViewSet.create": Requirement(_WRITE, ("programs.add_rule",)),
    "RuleViewSet.retrieve": Requirement(_READ, ("programs.view_rule",)),
    "RuleViewSet.partial_update": Requirement(_WRITE, ("programs.change_rule",)),
    "RuleViewSet.restore": Requirement(_WRITE, ("programs.change_rule",)),
    "RuleViewSet.destroy": Requirement(_WRITE, ("programs.delete_rule",)),
    # Whoever may see a rule may see its history, and check a draft, of which nothing is stored.
    "RuleVersionViewSet.list": Requirement(_READ, ("programs.view_rule",)),
    "RuleDraftViewSet.validate": Requirement(_READ, ("programs.view_rule",)),
}

DECLARED.update(REQUIREMENTS)

# What creating an asset also requires if the body names a program.
LINKING_AN_ASSET = REQUIREMENTS["LinkedAssetViewSet.create"]
