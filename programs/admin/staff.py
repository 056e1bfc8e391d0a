"""Staff and their groups: Django's own pages, where nobody gives a right that they do not have themselves."""

from collections.abc import Collection, Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q
from django.http import HttpRequest

from programs.admin.base import ByGiver

admin.site.unregister([User, Group])


class RightsForm(forms.ModelForm[Any]):
    """Refuses rights that whoever is signed in would add without having them. Taking rights away is theirs to do."""

    giver: User  # set by the page

    def clean_permissions(self) -> Any:
        return self._given("permissions", lambda permission: [permission])

    def clean_user_permissions(self) -> Any:
        return self._given("user_permissions", lambda permission: [permission])

    def clean_groups(self) -> Any:
        return self._given("groups", lambda group: group.permissions.select_related("content_type"))

    def _given(self, name: str, permissions_of: Any) -> Any:
        chosen = self.cleaned_data[name]
        had = set(getattr(self.instance, name).all()) if self.instance.pk else set()
        lacking = {
            str(each) for each in set(chosen) - had if not has_all(self.giver, permissions_of(each))
        }
        if lacking:
            raise forms.ValidationError(
                f"You cannot give what you do not have: {', '.join(sorted(lacking))}."
            )
        return chosen


class StaffForm(RightsForm, UserChangeForm[User]):
    pass


class NewStaffForm(AdminUserCreationForm[User]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The script of the page has given it the focus by then, and Chromium complains.
        del self.fields["username"].widget.attrs["autofocus"]


@admin.register(User)
class StaffAdmin(ByGiver, UserAdmin[User]):
    """Accounts of staff. Only a superuser makes superusers, and nobody changes an account that may do more than their own:
    whoever sets its password could sign in with it.
    """

    form = StaffForm
    add_form = NewStaffForm

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        fields = list(super().get_readonly_fields(request, obj))
        return fields if request.user.is_superuser else [*fields, "is_superuser"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request.user, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request.user, obj)


@admin.register(Group)
class StaffGroupAdmin(ByGiver, GroupAdmin):
    form = RightsForm


def has_all(user: Any, permissions: Iterable[Permission]) -> bool:
    """Whether the user has each of these permissions, directly or by a group."""
    if user.is_superuser:
        return True
    own: Collection[str] = user.get_all_permissions()
    return all(f"{each.content_type.app_label}.{each.codename}" in own for each in permissions)


def _may_touch(user: Any, other: Any) -> bool:
    if other is None or user.is_superuser:
        return True
    # Not what Django says they may do: of an account that is not active it says nothing, and it can be made active.
    held = Permission.objects.filter(Q(user=other) | Q(group__user=other))
    return not other.is_superuser and has_all(user, held.select_related("content_type"))
