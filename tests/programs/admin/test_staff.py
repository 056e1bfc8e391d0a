"""No member of staff gives a right that they do not have, by any door."""

from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Group, Permission, User
from django.test import Client, RequestFactory

from programs.api.permissions import DECLARED, scopes_given_by
from programs.models import ApiKey, Scope

USERS = "/admin/auth/user/"
GROUPS = "/admin/auth/group/"
KEYS = "/admin/programs/apikey/"
MANAGES_STAFF = ["add_user", "change_user", "delete_user", "view_user", "add_group", "change_group"]

pytestmark = pytest.mark.django_db


def someone(name: str, *permissions: str, **more: Any) -> User:
    user = User.objects.create_user(name, password="correct horse", is_staff=True, **more)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def post_user(client: Client, user: User, **more: Any) -> Any:
    form = {"username": user.username, "is_staff": "on", "is_active": "on"}
    form |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    return client.post(f"{USERS}{user.pk}/change/", form | more)


def refused(giver: User, instance: Any, **chosen: Any) -> set[str]:
    """Which of these rights the page's form does not take from whoever is signed in."""
    request = RequestFactory().post("/")
    request.user = giver
    form = site.get_model_admin(type(instance)).get_form(request, instance)
    return chosen.keys() & form(chosen, instance=instance).errors.keys()


def test_each_permission_is_given_only_by_who_has_it() -> None:
    rosa, sam = someone("rosa"), someone("sam")
    group = Group.objects.create(name="Clerks")
    for permission in Permission.objects.select_related("content_type"):
        group.permissions.set([permission])
        for has_it in (False, True):
            rosa.user_permissions.set([permission] if has_it else [])
            giver = User.objects.get(pk=rosa.pk)  # who she is now: permissions are cached
            one = [permission.pk]
            chosen = {"user_permissions": one, "groups": [group.pk]}
            assert refused(giver, sam, **chosen) == (set() if has_it else chosen.keys()), permission
            assert bool(refused(giver, Group(), permissions=one)) != has_it, permission


def test_a_right_that_one_lacks_is_refused_on_the_page() -> None:
    client = browser_of(someone("rosa", *MANAGES_STAFF))
    sam = someone("sam")
    right = Permission.objects.get(codename="adjust_balance")

    response = post_user(client, sam, user_permissions=[right.pk])

    assert "You cannot give what you do not have" in response.content.decode()
    assert not sam.user_permissions.exists()
    mine = User.objects.get(username="rosa")
    assert post_user(client, mine, user_permissions=[right.pk]).status_code == 200
    assert right not in mine.user_permissions.all()


def test_what_somebody_has_already_is_kept_and_may_be_taken_away() -> None:
    client = browser_of(someone("rosa", *MANAGES_STAFF, "view_event"))
    group = Group.objects.create(name="Clerks")
    strange, own = (
        Permission.objects.get(codename="add_rule"),
        Permission.objects.get(codename="view_event"),
    )
    group.permissions.set([strange])
    page = f"{GROUPS}{group.pk}/change/"

    both = {"name": "Clerks", "permissions": [strange.pk, own.pk]}
    assert client.post(page, both).status_code == 302
    assert set(group.permissions.all()) == {strange, own}
    assert client.post(page, {"name": "Clerks"}).status_code == 302
    assert not group.permissions.exists()


def test_only_a_superuser_makes_one() -> None:
    rosa = someone("rosa", *MANAGES_STAFF)
    sam = someone("sam")
    for whom in (sam, rosa):
        post_user(browser_of(rosa), whom, is_superuser="on")
        whom.refresh_from_db()
        assert not whom.is_superuser

    post_user(browser_of(someone("boss", is_superuser=True)), sam, is_superuser="on")
    sam.refresh_from_db()
    assert sam.is_superuser


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("kind", ["superuser", "more rights", "more rights by a group"])
def test_an_account_that_may_do_more_is_not_touched(kind: str, is_active: bool) -> None:
    client = browser_of(someone("rosa", *MANAGES_STAFF))
    other = someone("sam", is_active=is_active, is_superuser=kind == "superuser")
    if kind == "more rights":
        other.user_permissions.add(Permission.objects.get(codename="adjust_balance"))
    if kind.endswith("group"):
        group = Group.objects.create(name="Clerks")
        group.permissions.add(Permission.objects.get(codename="adjust_balance"))
        other.groups.add(group)
    passwords = {"password1": "another horse", "password2": "another horse"}

    assert post_user(client, other, username="mine").status_code == 403
    assert client.post(f"{USERS}{other.pk}/password/", passwords).status_code == 403
    assert client.post(f"{USERS}{other.pk}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [other.pk], "post": "yes"}
    client.post(USERS, chosen)

    other.refresh_from_db()
    assert other.username == "sam"
    assert other.check_password("correct horse")


def test_an_account_with_no_more_rights_is_theirs_to_manage() -> None:
    client = browser_of(someone("rosa", *MANAGES_STAFF, "view_event"))
    other = someone("sam", "view_event")

    assert post_user(client, other, username="samuel").status_code == 302
    assert client.post(f"{USERS}{other.pk}/delete/", {"post": "yes"}).status_code == 302


def test_each_scope_is_given_only_by_who_may_do_all_of_it() -> None:
    for scope in Scope:
        rows = [row for row in DECLARED.values() if row.scope == scope]
        needed = {name for row in rows for name in row.all_of + row.any_of}
        for lacking in [None, *sorted(needed)]:
            names = {name.split(".")[1] for name in needed - {lacking}}
            giver = someone(f"{scope} {lacking}", *names)
            assert (scope in scopes_given_by(giver)) == (lacking is None), (scope, lacking)


def test_a_scope_that_one_may_not_give_is_not_offered() -> None:
    client = browser_of(someone("rosa", "add_apikey", "view_apikey", "adjust_balance"))
    offered = client.get(f"{KEYS}add/").context["adminform"].form.fields["scopes"].choices

    assert offered == [("balances:write", "balances:write")]
    client.post(f"{KEYS}add/", {"name": "shop", "scopes": ["programs:write"]})
    assert not ApiKey.objects.exists()
    client.post(f"{KEYS}add/", {"name": "shop", "scopes": ["balances:write"]})
    assert ApiKey.objects.get().scopes == ["balances:write"]


def test_a_key_is_rotated_only_by_who_could_issue_it(admin_client: Client) -> None:
    admin_client.post(f"{KEYS}add/", {"name": "shop", "scopes": ["balances:write"]})
    key = ApiKey.objects.get()
    rotate = f"{KEYS}{key.pk}/rotate/"
    rights = ["add_apikey", "change_apikey", "view_apikey"]

    assert browser_of(someone("rosa", *rights)).post(rotate, {"overlap": 0}).status_code == 403
    assert ApiKey.objects.count() == 1
    able = someone("sam", *rights, "adjust_balance")
    assert browser_of(able).post(rotate, {"overlap": 0}).status_code == 302
    assert ApiKey.objects.count() == 2
